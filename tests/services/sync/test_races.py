"""What stops a sync may come at any moment of it: nobody waits for ever, and nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections

from beton.models import Workspace
from integrations_posthog.client.transport import Reply, Transport
from integrations_posthog.models import (
    AccountDay,
    PosthogWorkspaceConfig,
    StagedUsage,
    SyncDay,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.sync import schedule
from integrations_posthog.wiring import usage_service
from tests.connections import actor, service_of
from tests.syncs import RULES, Syncs, syncs_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="There they come one after another"),
]

TRIES = 15
ACCOUNTS = [f"company-{number:02}.example" for number in range(10)]
EVENTS = 2
MOMENT = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _at_once(posthog: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostHog answers queries at once: what takes time is the database."""

    def post(self: Transport, url: str, *, json: Any) -> Reply:
        assert urlsplit(url).path.endswith("/query/")
        name, values = json["name"].removeprefix("beton: "), json["query"].get("values", {})
        return reply(ANSWERS[name](values))

    monkeypatch.setattr(Transport, "post", post)


def reply(rows: list[Any]) -> Reply:
    body = {"results": rows, "timezone": "UTC"}
    return Reply(status=200, headers={}, body=json.dumps(body).encode())


def usage(values: dict[str, Any]) -> list[Any]:
    """Each account has the same events on every day."""
    if values["after"] is not None:
        return []
    days = values["days"]
    many, one = [EVENTS] * len(days), [1] * len(days)
    by_event, by_day = [["signup", days, many, one]], [[days, many, one, one, one]]
    last = [["signup", 28 * EVENTS, 1]] if "last_day" in values else []
    return [[key, by_event, by_day, last] for key in ACCOUNTS]


ANSWERS: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "events of 30 days": lambda values: [[1]],
    "coverage": lambda values: [[[["all", "", 9, 1], ["email_domain", "company.example", 9, 2]]]],
    "days": lambda values: [
        [[[day, EVENTS * len(ACCOUNTS), MOMENT] for day in range(values["last_day"] + 1)]]
    ],
    "usage": usage,
}


def purge(syncs: Syncs) -> None:
    workspace = syncs.connection.workspace
    usage_service(workspace=workspace, actor=actor()).purge(confirm=str(workspace.pk))
    assert not UsageSource.objects.filter(connection=syncs.connection).exists()


def change_mapping(syncs: Syncs) -> None:
    service = usage_service(workspace=syncs.connection.workspace, actor=actor())
    begun = service.change_mapping(strategy="person_property", value="company")
    assert begun is not None
    assert not SyncDay.objects.filter(source=begun.source).exists()


def disconnect(syncs: Syncs) -> None:
    service_of(syncs.connection.workspace).disconnect()
    assert not SyncRun.objects.unfinished().filter(source=syncs.source).exists()


def change_project(syncs: Syncs) -> None:
    service_of(syncs.connection.workspace).choose_project(project_id="202", replace=True)
    assert not UsageSource.objects.filter(connection=syncs.connection).exists()


def delete(syncs: Syncs) -> None:
    syncs.connection.workspace.delete()
    assert not PosthogWorkspaceConfig.objects.filter(pk=syncs.connection.pk).exists()


def sync_again(syncs: Syncs) -> None:
    """By hand and by the tick, which cleans up too."""
    schedule.start_due_runs(rules=syncs.rules, now=syncs.now)
    assert SyncRun.objects.filter(source=syncs.source).exists()


ACTS = [purge, change_mapping, disconnect, change_project, delete, sync_again]


@pytest.mark.parametrize("act", ACTS)
def test_whatever_comes_at_whichever_moment_of_a_sync_is_done_and_ends_it(
    act: Callable[[Syncs], None], posthog: Sandbox
) -> None:
    moments, usual = Random(act.__name__), timed(new_syncs())
    for _ in range(TRIES):
        syncs = new_syncs()
        with performed(syncs) as run:
            time.sleep(moments.uniform(0, usual))
            act(syncs)
        ended = run.result()
        assert ended is None or ended.state in ("done", "failed")
    schedule.start_due_runs(rules=RULES, now=syncs.now)
    under_way = SyncRun.objects.unfinished().values("pk")
    assert not StagedUsage.objects.exclude(run_id__in=under_way).exists()
    for day in SyncDay.objects.green():
        rows = AccountDay.objects.filter(account__source=day.source_id, day=day.day)
        assert sum(row.events for row in rows) == day.events_posthog


def new_syncs() -> Syncs:
    """Of a workspace of its own, connected and never synced."""
    syncs = syncs_of(Workspace.objects.create(name="Initech"), KEYS.several)
    return syncs.with_rules(first_days=28, history_days=28)


def timed(syncs: Syncs) -> float:
    """How long a sync takes that nobody disturbs, in seconds."""
    start = time.monotonic()
    assert syncs.sync().state == "done"
    return time.monotonic() - start


@contextmanager
def performed(syncs: Syncs) -> Iterator[Future[SyncRun | None]]:
    """A sync is under way, in a thread, and has ended in the end."""
    begun, run = Event(), syncs.start()

    def perform() -> SyncRun | None:
        begun.set()
        try:
            return syncs.performer.perform(run.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(perform)
        begun.wait()
        yield ended
