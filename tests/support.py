"""Support staff in Django's admin: who they are, where they look and what they read."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from integrations_posthog.models import PosthogWorkspaceConfig

APP = "/admin/integrations_posthog"
LIST, HISTORY = f"{APP}/posthogworkspaceconfig/", f"{APP}/posthogconnectionevent/"
VIEW = ("view_posthogworkspaceconfig", "view_posthogconnectionevent")
RECHECK, DISCONNECT = "recheck_posthogworkspaceconfig", "disconnect_posthogworkspaceconfig"


def support(*permissions: str) -> Client:
    """Sue of the support staff, logged in, with these permissions."""
    user = User.objects.create_user("sue", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page_of(config: PosthogWorkspaceConfig) -> str:
    return f"{LIST}{config.pk}/change/"


def rows(response: Any) -> list[list[str]]:
    """The cells of a list of the admin, row by row."""
    table = response.content.decode().partition('id="result_list"')[2].partition("</table>")[0]
    return [
        [words(cell) for cell in re.findall(r"<t[hd][^>]*field-.*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", table.partition("<tbody>")[2], re.DOTALL)
    ]


def workspaces(response: Any, *, column: int = 0) -> list[str]:
    """The workspaces that a list shows, by name."""
    return sorted(row[column] for row in rows(response))


def text_of(response: Any) -> str:
    """What a person reads in the main part of a page, in one line."""
    return words(response.content.decode().partition('id="content"')[2])


def words(html: str) -> str:
    html = re.sub(r"</?(code|span|strong|time)\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
