"""``manage.py posthog_status``: a connection in words, or in the API's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.errors import PostHogIntegrationError
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from tests.connections import connect, lose_encryption_key, service_of

from .conftest import Run

COMMAND = "posthog_status"


def refused(workspace: Workspace, posthog: Sandbox) -> None:
    connect(workspace)
    posthog.us.revoke(KEYS.full)
    with pytest.raises(PostHogIntegrationError):
        service_of(workspace).recheck()


def unreachable(workspace: Workspace, posthog: Sandbox) -> None:
    connect(workspace)
    posthog.us.fail("429", retry_after=5)
    with pytest.raises(PostHogIntegrationError):
        service_of(workspace).recheck()


def disconnected(workspace: Workspace, posthog: Sandbox) -> None:
    connect(workspace)
    service_of(workspace).disconnect()


def unreadable(workspace: Workspace, posthog: Sandbox) -> None:
    lose_encryption_key(connect(workspace))


def connected(workspace: Workspace, posthog: Sandbox) -> None:
    connect(workspace)


def not_connected(workspace: Workspace, posthog: Sandbox) -> None:
    """As it is before anything has happened."""


STATES = [not_connected, connected, refused, unreachable, unreadable, disconnected]


def facts(printed: str) -> dict[str, str]:
    return {line[:20].strip(): line[20:] for line in printed.splitlines()}


@pytest.mark.parametrize("arrange", STATES)
def test_as_json_it_is_the_answer_of_the_api(
    run: Run,
    acme: Workspace,
    alice: User,
    session_client: Callable[[User], APIClient],
    posthog: Sandbox,
    arrange: Callable[[Workspace, Sandbox], None],
) -> None:
    arrange(acme, posthog)
    answer = session_client(alice).get("/api/posthog/status").json()
    for name in (acme.pk, acme.slug):
        done = run(COMMAND, "--workspace", name, "--json")
        assert done.code == 0
        assert json.loads(done.out) == answer
        assert list(json.loads(done.out)) == list(answer)


@pytest.mark.parametrize(
    ("arrange", "state", "trouble", "to_do"),
    [
        (not_connected, "Not connected", None, None),
        (connected, "Connected", None, None),
        (refused, "Trouble", "Invalid or unauthorized API key, since 20", "Check in PostHog"),
        (unreachable, "Trouble", "PostHog's rate limit exceeded, since 20", "PostHog asks us"),
        (unreadable, "Trouble", "The stored API key cannot be decrypted", "Connect again"),
        (disconnected, "Disconnected", None, None),
    ],
)
def test_in_words_it_says_the_state_and_what_to_do(
    run: Run,
    acme: Workspace,
    posthog: Sandbox,
    arrange: Callable[[Workspace, Sandbox], None],
    state: str,
    trouble: str | None,
    to_do: str | None,
) -> None:
    arrange(acme, posthog)
    done = run(COMMAND, "--workspace", "acme")
    shown = facts(done.out)
    assert done.code == 0
    assert shown["Workspace"] == "Acme"
    assert shown["State"] == state
    assert ("Trouble" in shown, "What to do" in shown) == (trouble is not None, to_do is not None)
    assert shown.get("Trouble", "").startswith(trouble or "")
    assert shown.get("What to do", "").startswith(to_do or "")


def test_in_words_it_says_what_is_connected_since_when_and_by_whom(
    run: Run, acme: Workspace, posthog: Sandbox
) -> None:
    connect(acme)
    shown = facts(run(COMMAND, "--workspace", "acme").out)
    validated_at = PosthogWorkspaceConfig.objects.get().validated_at
    assert shown == {
        "Workspace": "Acme",
        "State": "Connected",
        "Connected": f"{validated_at:%Y-%m-%d %H:%M} UTC, by alice",
        "Organization": "Acme Corp",
        "Project": "Acme Production (12345)",
        "Events in 30 days": "15,420",
        "PostHog": posthog.us.url,
        "Key": "phx_…Full",
        "Last validated": f"{validated_at:%Y-%m-%d %H:%M} UTC",
    }


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_posthog_is_not_asked(
    run: Run, acme: Workspace, posthog: Sandbox, form: tuple[str, ...]
) -> None:
    connect(acme)
    posthog.us.reset()
    run(COMMAND, "--workspace", "acme", *form)
    assert not posthog.us.requests


def test_an_unknown_workspace_is_an_error(run: Run, acme: Workspace) -> None:
    done = run(COMMAND, "--workspace", "initech")
    assert (done.code, done.out) == (1, "")
    assert done.error == "There is no workspace with the id or slug 'initech'."
