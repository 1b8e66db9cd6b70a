"""No route, header, id or parameter shows or changes another workspace's connection.

The matrix is made from the URLconf: a new route is in it by itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework_simplejwt.tokens import AccessToken

from beton.models import Membership, Workspace
from beton.workspaces import SESSION_KEY
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]
MARKS = ["Organization-Of-Acme", "987654321", "phx_…mark", "Nobody-Else-Knows"]
KNOWN_ROUTES = {
    "/api/posthog/validate",
    "/api/posthog/status",
    "/api/posthog/disconnect",
    "/settings/posthog/",
    "/settings/posthog/connect",
    "/settings/posthog/recheck",
    "/settings/posthog/project",
    "/settings/posthog/disconnect",
    "/workspaces/switch",
    "/admin/integrations_posthog/posthogworkspaceconfig/",
}


def paths(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Every address of the URLconf, with this id wherever one is asked for."""
    for pattern in patterns:
        route = prefix + _readable(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def _readable(route: str) -> str:
    route = re.sub(r"<[^>]*>", "c1", route.replace("/?$", ""))
    return re.sub(r"\(\?P[^)]*\)|[\^$?]|\\Z", "", route).replace("\\", "")


ROUTES = sorted(set(paths(get_resolver().url_patterns)))


def test_the_matrix_holds_the_routes_that_matter() -> None:
    assert set(ROUTES) >= KNOWN_ROUTES
    assert any("c1/change" in route for route in ROUTES)


@pytest.fixture
def connection_of_acme(acme: Workspace) -> PosthogWorkspaceConfig:
    config = PosthogWorkspaceConfig(
        id="c1",
        workspace=acme,
        posthog_workspace_name=MARKS[0],
        posthog_project_id=MARKS[1],
        posthog_host="https://us.posthog.com",
        validation_error=MARKS[3],
        is_validated=True,
    )
    config.set_api_key("phx_" + "m" * 40 + "mark")
    config.save()
    PosthogConnectionEvent.objects.create(
        workspace=acme, actor_name=MARKS[3], action="connect", outcome="ok"
    )
    return config


def nobody() -> Client:
    return Client()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_token(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {AccessToken.for_user(user)}"})


@pytest.fixture
def strangers(acme: Workspace, charlie: User) -> dict[str, Client]:
    """All who have nothing to do with Acme, or not any more."""
    loner = User.objects.create_user("loner")
    left = User.objects.create_user("left")
    Membership.objects.create(user=left, workspace=acme, role="owner").delete()
    staff = User.objects.create_user("staff", is_staff=True)
    inactive = User.objects.create_user("inactive", is_active=False)
    Membership.objects.create(user=inactive, workspace=acme, role="owner")
    return {
        "nobody": nobody(),
        "charlie": logged_in(charlie),
        "charlie's token": with_token(charlie),
        "someone in no workspace": logged_in(loner),
        "someone who left": logged_in(left),
        "their token": with_token(left),
        "staff without rights": logged_in(staff),
        "an inactive owner": logged_in(inactive),
        "their token too": with_token(inactive),
    }


def ways_to_ask(client: Client, acme: Workspace) -> Iterator[tuple[dict[str, str], str]]:
    """Headers and a query that ask for Acme."""
    _choose_in_session(client, acme)
    yield {}, ""
    yield {}, f"?workspace={acme.pk}&workspace_id={acme.pk}&id=c1&X-Workspace-Id={acme.slug}"
    yield {"X-Workspace-Id": acme.pk}, ""
    yield {"X-Workspace-Id": acme.slug}, ""


def _choose_in_session(client: Client, acme: Workspace) -> None:
    if "beton_session" in client.cookies:
        session = client.session
        session[SESSION_KEY] = acme.pk
        session.save()


@pytest.mark.parametrize("route", ROUTES)
def test_strangers_see_nothing_and_change_nothing(
    route: str,
    acme: Workspace,
    connection_of_acme: PosthogWorkspaceConfig,
    strangers: dict[str, Client],
) -> None:
    before = snapshot()
    for (name, client), method in itertools.product(strangers.items(), METHODS):
        for headers, query in ways_to_ask(client, acme):
            body = {"workspace": acme.pk, "workspace_id": acme.pk, "project_id": "1"}
            kwargs = {"data": body} if method == "post" else {}
            response = getattr(client, method)(route + query, headers=headers, **kwargs)
            shown = b"".join(response) if response.streaming else response.content
            for mark in MARKS:
                assert mark not in shown.decode(errors="replace"), (name, method, headers)
            assert response.status_code < 500, (name, method, headers)
    assert snapshot() == before


@pytest.mark.parametrize(
    ("route", "mark"),
    [("/api/posthog/status", MARKS[0]), ("/settings/posthog/", MARKS[0])],
)
def test_its_members_see_it_by_the_same_ways(
    route: str,
    mark: str,
    acme: Workspace,
    connection_of_acme: PosthogWorkspaceConfig,
    alice: User,
) -> None:
    client = logged_in(alice)
    for headers, query in ways_to_ask(client, acme):
        assert mark in client.get(route + query, headers=headers).content.decode()


@pytest.mark.parametrize("asked", ["acme", "nowhere", "c1", "%00", "x" * 10_000])
def test_a_workspace_of_others_is_as_good_as_none(
    asked: str, acme: Workspace, charlie: User, session_client: Callable[[User], Client]
) -> None:
    client = session_client(charlie)
    response = client.get("/api/posthog/status", headers={"X-Workspace-Id": asked})
    assert response.status_code == 404
    nowhere = client.get("/api/posthog/status", headers={"X-Workspace-Id": "none"})
    assert response.json() == nowhere.json()


def test_being_in_none_is_forbidden(db: None, session_client: Callable[[User], Client]) -> None:
    response = session_client(User.objects.create_user("loner")).get("/api/posthog/status")
    assert response.status_code == 403
    assert response.json()["error_type"] == "permission_denied"


def snapshot() -> list[list[Any]]:
    """All rows of Acme's, as they are now."""
    rows = (
        PosthogWorkspaceConfig.objects.filter(pk="c1"),
        PosthogConnectionEvent.objects.filter(workspace__slug="acme"),
        Membership.objects.filter(workspace__slug="acme"),
        Workspace.objects.filter(slug="acme"),
    )
    return [[str(row) for row in queryset.values_list()] for queryset in rows]
