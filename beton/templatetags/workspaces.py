"""The workspace switcher of the page frame."""

from __future__ import annotations

from typing import Any

from django import template

from ..workspaces import SESSION_KEY, memberships_of

register = template.Library()


@register.inclusion_tag("beton/workspace_switcher.html", takes_context=True)
def workspace_switcher(context: template.Context) -> dict[str, Any]:
    """The user's workspaces, and which of them the session is in."""
    request = context["request"]
    workspaces = [membership.workspace for membership in memberships_of(request)]
    remembered = request.session.get(SESSION_KEY)
    current = next((w for w in workspaces if w.pk == remembered), None)
    return {
        "workspaces": workspaces,
        "current": current or (workspaces[0] if workspaces else None),
    }
