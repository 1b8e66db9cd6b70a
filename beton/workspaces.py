"""Which workspace a request is for, and what its caller may do there."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest

from integrations_posthog.access import WorkspaceAccess

from .models import Membership

HEADER = "X-Workspace-Id"
SESSION_KEY = "workspace_id"

_LONGEST_NAME = 63
"""No workspace has a longer slug, or id."""


def access_for(request: HttpRequest) -> WorkspaceAccess:
    """The workspace of this request, by one query.

    It is the one that the header ``X-Workspace-Id`` names by id or slug; else the one that the
    session remembers, unless the caller has left it; else the one the caller joined first.

    Raises:
        django.http.Http404: the header names a workspace that the caller is not in, or none.
        django.core.exceptions.PermissionDenied: the caller is in no workspace.
    """
    name = request.headers.get(HEADER)
    if name:
        membership = named_membership(request=request, name=name)
    else:
        membership = _default_membership(request)
    return WorkspaceAccess(
        workspace=membership.workspace,
        can_manage=membership.can_manage,
        can_purge=membership.can_purge,
    )


def named_membership(*, request: HttpRequest, name: str) -> Membership:
    """The caller's membership in the workspace with this id, or else with this slug.

    Raises:
        django.http.Http404: the caller is in no such workspace, whether or not it exists.
    """
    # Databases refuse some texts, such as those with NUL, that no workspace can have.
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise Http404("No such workspace")
    named = memberships_of(request).filter(Q(workspace_id=name) | Q(workspace__slug=name))
    membership = _preferring(named, workspace_id=name).first()
    if membership is None:
        raise Http404("No such workspace")
    return membership


def memberships_of(request: HttpRequest) -> QuerySet[Membership]:
    """The caller's memberships with their workspaces, oldest first; none for an inactive user."""
    if not request.user.is_authenticated:
        return Membership.objects.none()
    return (
        Membership.objects.filter(user_id=request.user.pk, user__is_active=True)
        .select_related("workspace")
        .order_by("joined_at", "id")
    )


def _default_membership(request: HttpRequest) -> Membership:
    remembered = request.session.get(SESSION_KEY)
    membership = _preferring(memberships_of(request), workspace_id=remembered).first()
    if membership is None:
        raise PermissionDenied("You are in no workspace")
    return membership


def _preferring(
    memberships: QuerySet[Membership], *, workspace_id: str | None
) -> QuerySet[Membership]:
    if workspace_id is None:
        return memberships
    rank = Case(
        When(workspace_id=workspace_id, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return memberships.order_by(rank, "joined_at", "id")
