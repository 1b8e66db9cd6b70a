"""No route, header, id or parameter shows or changes another workspace's connection.

The matrix is made from the URLconf: a new route is in it by itself.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings
from rest_framework_simplejwt.tokens import AccessToken

from beton.models import Membership, Workspace
from beton.workspaces import SESSION_KEY
from integrations_posthog.models import (
    Account,
    FitCriteria,
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    SyncDay,
    SyncRun,
    UsageSource,
    Webhook,
    WebhookDelivery,
)
from tests import usage
from tests.evaluations import at_least
from tests.signals import store_definition, store_signal
from tests.usage import store_run, store_usage
from tests.webhooks import store_delivery, store_webhook

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]
MARKS = ["Organization-Of-Acme", "987654321", "phx_…mark", "Nobody-Else-Knows", "Customer-Of-Acme"]
MARKS += ["hooks-of-acme.example", "msg_of_acme"]
KNOWN_ROUTES = {
    "/api/posthog/validate",
    "/api/posthog/status",
    "/api/posthog/disconnect",
    "/settings/posthog/",
    "/settings/posthog/connect",
    "/settings/posthog/recheck",
    "/settings/posthog/project",
    "/settings/posthog/disconnect",
    "/settings/posthog/usage/",
    "/settings/posthog/usage/progress",
    "/settings/posthog/usage/days",
    "/settings/posthog/usage/sync",
    "/settings/posthog/usage/mapping",
    "/settings/posthog/usage/purge",
    "/settings/posthog/accounts/",
    "/settings/posthog/accounts/4711/",
    "/settings/posthog/webhooks/",
    "/settings/posthog/webhooks/add",
    "/settings/posthog/webhooks/c1/",
    "/settings/posthog/webhooks/c1/test",
    "/settings/posthog/webhooks/c1/change",
    "/settings/posthog/webhooks/c1/secret",
    "/settings/posthog/webhooks/c1/delete",
    "/settings/posthog/leads/",
    "/settings/posthog/signals/4711/acknowledge",
    "/settings/posthog/signals/4711/dismiss",
    "/settings/posthog/definitions/",
    "/settings/posthog/definitions/new",
    "/settings/posthog/definitions/preview",
    "/settings/posthog/definitions/fit",
    "/settings/posthog/definitions/4711/",
    "/settings/posthog/definitions/4711/activate",
    "/settings/posthog/definitions/4711/pause",
    "/settings/posthog/definitions/4711/backtest",
    "/api/posthog/sync",
    "/api/posthog/sync/days",
    "/api/posthog/accounts",
    "/api/posthog/accounts/4711",
    "/api/posthog/account-mapping",
    "/api/posthog/purge",
    "/api/posthog/webhooks",
    "/api/posthog/webhooks/c1",
    "/api/posthog/webhooks/c1/test",
    "/api/posthog/webhooks/c1/deliveries",
    "/api/posthog/accounts/4711/why-not",
    "/api/posthog/signal-definitions",
    "/api/posthog/signal-definitions/preview",
    "/api/posthog/signal-definitions/4711",
    "/api/posthog/signal-definitions/4711/pause",
    "/api/posthog/signal-definitions/4711/activate",
    "/api/posthog/signal-definitions/4711/preview",
    "/api/posthog/signal-templates",
    "/api/posthog/signals",
    "/api/posthog/signals/4711",
    "/api/posthog/signals/4711/acknowledge",
    "/api/posthog/signals/4711/dismiss",
    "/api/posthog/fit-criteria",
    "/workspaces/switch",
    "/admin/integrations_posthog/posthogworkspaceconfig/",
    "/admin/integrations_posthog/posthogworkspaceconfig/c1/change/",
    "/admin/integrations_posthog/syncrun/4711/change/",
    "/admin/integrations_posthog/syncday/4711/change/",
    "/admin/integrations_posthog/account/4711/change/",
    "/admin/integrations_posthog/webhook/c1/change/",
    "/admin/integrations_posthog/webhookdelivery/c1/change/",
    "/admin/integrations_posthog/signaldefinition/4711/change/",
    "/admin/integrations_posthog/signal/4711/change/",
}


def paths(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Every address of the URLconf, with an id of Acme's wherever one is asked for."""
    for pattern in patterns:
        route = _readable(prefix + str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def _readable(route: str) -> str:
    numbered = "accounts?|syncrun|syncday|signals?|signaldefinition|(signal-)?definitions"
    has_numbers = re.search(f"/({numbered})/", route)
    route = re.sub(r"<[^>]*>", "4711" if has_numbers else "c1", route.replace("/?$", ""))
    return re.sub(r"\(\?P[^)]*\)|[\^$?]|\\Z", "", route).replace("\\", "")


ROUTES = sorted(set(paths(get_resolver().url_patterns)))


def test_the_matrix_holds_the_routes_that_matter() -> None:
    assert set(ROUTES) >= KNOWN_ROUTES


@pytest.fixture
def connection_of_acme(acme: Workspace, settings: Settings) -> PosthogWorkspaceConfig:
    """With an account, a day, a run, a definition and a signal, each with the id 4711, and a
    webhook with the id c1."""
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER
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
    source = store_usage(acme, accounts=[MARKS[4]], first_id=4711, days=2)
    store_run(source, pk=4711, state="done", finished_at=usage.VERIFIED_AT, actor_name=MARKS[3])
    SyncDay.objects.filter(pk=source.days.latest("day").pk).update(id=4711)
    webhook = store_webhook(acme, id="c1", url=f"https://{MARKS[5]}/")
    store_delivery(webhook, id=MARKS[6], last_error=MARKS[3], state="failed")
    store_delivery(webhook, id="c1", last_error=MARKS[3], state="failed")
    definition = store_definition(acme, id=4711, name=MARKS[3], rule=at_least(1))
    store_signal(source.accounts.get(), definition, id=4711, sentence=MARKS[3])
    FitCriteria.objects.create(workspace=acme, criteria=[{"property": MARKS[3], "at_least": 1}])
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
def strangers(acme: Workspace, globex: Workspace, charlie: User) -> dict[str, Client]:
    """All who have nothing to do with Acme, or not any more. Charlie has usage and a definition,
    with the id 815, of his own."""
    store_usage(globex, accounts=["Customer-Of-Globex"], first_id=815, days=2)
    PosthogWorkspaceConfig.objects.filter(workspace=globex).update(is_active=False)
    store_definition(globex, id=815, rule=at_least(1))
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
    of_acme = "?definition=4711&account=4711&changed=4711&goal_event=invite+sent&horizon_days=1"
    yield {}, of_acme
    yield {}, f"?workspace={acme.pk}&workspace_id={acme.pk}&id=c1&X-Workspace-Id={acme.slug}"
    yield {"X-Workspace-Id": acme.pk}, of_acme
    yield {"X-Workspace-Id": acme.slug}, of_acme


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
    usage.launched.clear()
    for (name, client), method in itertools.product(strangers.items(), METHODS):
        ways = [*ways_to_ask(client, acme), ({}, "?definition=815")]
        # What tells nothing but headers is asked in one way: those are made as for a GET.
        for headers, query in ways[:1] if method in ("head", "options") else ways:
            kwargs = _content(method, acme)
            response = getattr(client, method)(route + query, headers=headers, **kwargs)
            shown = b"".join(response) if response.streaming else response.content
            for mark in MARKS:
                assert mark not in shown.decode(errors="replace"), (name, method, headers)
            assert response.status_code < 500, (name, method, headers)
            if method != "options" and re.search("/(4711|c1)(/|$)", route):
                assert response.status_code >= 300, (name, method, headers)
    assert snapshot() == before
    assert usage.launched == []


def _content(method: str, acme: Workspace) -> dict[str, Any]:
    """What the forms and the API take, all of it about Acme."""
    body = {"workspace": acme.pk, "workspace_id": acme.pk, "project_id": "1", "replace": "true"}
    body |= {"strategy": "group", "value": "0", "choice": "group:0", "confirmed": "yes"}
    body |= {"url": "https://stranger.example/", "state": "paused", "new_secret": "true"}
    body |= {"confirm": acme.slug, "reason": "Because", "action": "save", "criteria": "0"}
    body |= {"name": "Theirs", "weight": "1", "cooldown_days": "1", "joined": "all"}
    body |= {"rule": json.dumps(at_least(1)), "goal_event": "invite sent", "horizon_days": "1"}
    if method in ("put", "patch"):
        body |= {"rule": at_least(1), "criteria": []}
        return {"data": json.dumps(body), "content_type": "application/json"}
    return {"data": body} if method == "post" else {}


@pytest.mark.parametrize(
    ("route", "mark"),
    [
        ("/api/posthog/status", MARKS[0]),
        ("/api/posthog/sync", "4711"),
        ("/api/posthog/sync/days", "verified_at"),
        ("/api/posthog/accounts", MARKS[4]),
        ("/api/posthog/accounts/4711", MARKS[4]),
        ("/api/posthog/account-mapping", "email_domain"),
        ("/api/posthog/webhooks", MARKS[5]),
        ("/api/posthog/webhooks/c1", MARKS[5]),
        ("/api/posthog/webhooks/c1/deliveries", MARKS[6]),
        ("/api/posthog/signal-definitions", MARKS[3]),
        ("/api/posthog/signal-definitions/4711", MARKS[3]),
        ("/api/posthog/signal-definitions/4711/preview", MARKS[4]),
        ("/api/posthog/signals", MARKS[4]),
        ("/api/posthog/signals/4711", MARKS[3]),
        ("/api/posthog/signal-templates", "usage-rise"),
        ("/api/posthog/fit-criteria", MARKS[3]),
        ("/settings/posthog/", MARKS[0]),
        ("/settings/posthog/usage/", MARKS[3]),
        ("/settings/posthog/webhooks/", MARKS[5]),
        ("/settings/posthog/webhooks/c1/", MARKS[5]),
        ("/settings/posthog/accounts/", MARKS[4]),
        ("/settings/posthog/accounts/4711/", MARKS[4]),
        ("/settings/posthog/leads/", MARKS[4]),
        ("/settings/posthog/signals/4711/dismiss", MARKS[4]),
        ("/settings/posthog/definitions/", MARKS[3]),
        ("/settings/posthog/definitions/fit", MARKS[3]),
        ("/settings/posthog/definitions/4711/", MARKS[3]),
        ("/settings/posthog/definitions/4711/pause", MARKS[3]),
        ("/settings/posthog/definitions/4711/backtest", MARKS[3]),
    ],
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
        UsageSource.objects.filter(connection="c1"),
        SyncRun.objects.filter(source__connection="c1"),
        SyncDay.objects.filter(source__connection="c1"),
        Account.objects.filter(source__connection="c1"),
        Webhook.objects.filter(workspace__slug="acme"),
        WebhookDelivery.objects.filter(webhook="c1"),
        SignalDefinition.objects.filter(workspace__slug="acme"),
        SignalDefinitionVersion.objects.filter(definition__workspace__slug="acme"),
        Signal.objects.filter(account__source__connection="c1"),
        FitCriteria.objects.filter(workspace__slug="acme"),
    )
    return [[str(row) for row in queryset.values_list()] for queryset in rows]
