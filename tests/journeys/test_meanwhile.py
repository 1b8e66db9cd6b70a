"""What may happen while PostHog is being asked: another validation, lost rights, other writers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection

from beton.models import Membership, Workspace
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from tests.connections import connect
from tests.processes import database_url, wait_until

from .conftest import Call, Serve

Meanwhile = Callable[[Callable[[], requests.Response]], "Future[requests.Response]"]


@pytest.fixture
def meanwhile(posthog: Sandbox) -> Iterator[Meanwhile]:
    """Call a server, and come back as soon as it waits for PostHog."""
    with ThreadPoolExecutor() as threads:

        def call(caller: Callable[[], requests.Response]) -> Future[requests.Response]:
            posthog.us.reset()
            posthog.us.fail("slow", seconds=0.5, path="personal_api_keys")
            answer = threads.submit(caller)
            wait_until(lambda: posthog.us.requests)
            return answer

        yield call


def assert_nothing_stored() -> None:
    assert not PosthogWorkspaceConfig.objects.exists()
    assert not PosthogConnectionEvent.objects.exists()


def test_rights_that_are_lost_count(
    serve: Serve, alice: User, call: Call, meanwhile: Meanwhile
) -> None:
    answer = meanwhile(call(serve(), alice).validate)
    Membership.objects.all().delete()
    assert answer.result().status_code == 403
    assert answer.result().json()["error_type"] == "permission_denied"
    assert_nothing_stored()


def test_a_workspace_that_is_deleted_is_not_found(
    serve: Serve, alice: User, acme: Workspace, call: Call, meanwhile: Meanwhile
) -> None:
    answer = meanwhile(call(serve(), alice).validate)
    acme.delete()
    assert answer.result().status_code == 404
    assert answer.result().json()["error_type"] == "not_found"
    assert_nothing_stored()


def test_two_validations_at_once_are_both_answered_and_leave_one_row(
    serve: Serve, alice: User, posthog: Sandbox, call: Call
) -> None:
    server = serve(WEB_CONCURRENCY="2")
    callers = [call(server, alice), call(server, alice)]
    posthog.us.fail("slow", seconds=0.05, path="/query/")
    workspaces = [Workspace.objects.create(name="Initech").pk for _ in range(10)]
    for workspace in workspaces:
        owner = Membership.Role.OWNER
        Membership.objects.create(user=alice, workspace_id=workspace, role=owner)

    with ThreadPoolExecutor(2) as threads:
        for workspace in workspaces:
            calls = [threads.submit(caller.validate, workspace=workspace) for caller in callers]
            assert [call.result().status_code for call in calls] == [200, 200]

    configs = PosthogWorkspaceConfig.objects.values_list("workspace_id", flat=True)
    assert sorted(configs) == sorted(workspaces)
    assert PosthogConnectionEvent.objects.filter(outcome="ok").count() == 20


def transaction_is_open() -> bool:
    """Whether any other connection to the database is in a transaction."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            other.close()
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        )
        return cursor.fetchone() is not None


def test_no_transaction_is_open_even_where_each_request_is_one(
    serve: Serve, admin_user: User, acme: Workspace, call: Call, meanwhile: Meanwhile
) -> None:
    Membership.objects.create(user=admin_user, workspace=acme, role=Membership.Role.OWNER)
    caller = call(serve(DATABASE_URL=f"{database_url()}?ATOMIC_REQUESTS=true"), admin_user)
    config = connect(acme)
    key = {"api_key": KEYS.full.value}
    forms: list[tuple[str, dict[str, Any]]] = [
        ("/api/posthog/validate", key),
        ("/settings/posthog/connect", key),
        ("/settings/posthog/recheck", {}),
        ("/settings/posthog/project", {"project_id": "12345"}),
        (
            "/admin/integrations_posthog/posthogworkspaceconfig/",
            {"action": "recheck", "_selected_action": config.pk},
        ),
    ]
    for path, form in forms:
        answer = meanwhile(partial(caller.submit, path, form))
        assert not transaction_is_open(), path
        assert answer.result().status_code == 200, path
    assert PosthogConnectionEvent.objects.filter(outcome="ok").count() == 1 + len(forms)
