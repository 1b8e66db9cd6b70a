"""``manage.py posthog_tick``: every minute, whatever is due is done, and nothing else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.client import webhooks
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.management.commands import posthog_tick
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncRun,
    UsageSource,
    WebhookDelivery,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.wiring import usage_service
from tests.connections import actor, connect, service_of
from tests.webhooks import store_delivery, store_webhook

from .conftest import Run

COMMAND = "posthog_tick"
DAYS = 35


@pytest.fixture(autouse=True)
def _short_history(settings: Settings, posthog: Sandbox) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_FIRST_DAYS = DAYS
    settings.INTEGRATIONS_POSTHOG_SYNC_HISTORY_DAYS = DAYS


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time: change the one item to change the time."""
    times = [timezone.now()]
    monkeypatch.setattr(timezone, "now", lambda: times[0])
    return times


def rechecks() -> int:
    return PosthogConnectionEvent.objects.filter(action="recheck", actor_name="schedule").count()


def test_a_new_connection_is_synced_and_re_checked_and_told_of(
    run: Run, acme: Workspace, posthog: Sandbox
) -> None:
    connect(acme)
    done = run(COMMAND)
    assert done.code == 0
    synced, rechecked = done.out.splitlines()
    assert re.fullmatch(
        rf"Usage of project 12345 at {posthog.us.url}: Done, {DAYS} of {DAYS} days, "
        r"[\d,]+ events, \d+ requests?, \d+\.\d MB\.",
        synced,
    )
    assert rechecked == f"Re-checked the connection of workspace {acme.pk}."
    performed = SyncRun.objects.get()
    assert (performed.state, performed.actor_name, rechecks()) == ("done", "schedule", 1)


def test_with_nothing_due_nobody_is_asked_and_nothing_is_said(
    run: Run, acme: Workspace, posthog: Sandbox
) -> None:
    assert run(COMMAND).out == ""
    connect(acme)
    run(COMMAND)
    before = len(posthog.us.requests)
    done = run(COMMAND)
    assert (done.code, done.out, done.progress) == (0, "", "")
    assert len(posthog.us.requests) == before


def test_each_connection_has_a_minute_of_its_own_in_every_hour(
    run: Run, now: list[datetime], db: None
) -> None:
    for number in range(6):
        connect(Workspace.objects.create(name=f"W{number}"))
    run(COMMAND)
    first = due()
    assert all(now[0] < time <= now[0] + timedelta(hours=1) for time in first.values())
    assert len({time.minute for time in first.values()}) > 1
    now[0] = max(first.values()) + timedelta(minutes=3)
    run(COMMAND)
    assert SyncRun.objects.filter(state="done").count() == 12
    later = due()
    assert all((later[pk] - first[pk]) % timedelta(hours=1) == timedelta(0) for pk in first)


def due() -> dict[int, datetime]:
    """When the next sync of each connection is due."""
    times = UsageSource.objects.values_list("pk", "next_sync_at")
    return {pk: time for pk, time in times if time is not None}


def test_every_hour_it_syncs_and_every_day_it_re_checks(
    run: Run, acme: Workspace, now: list[datetime]
) -> None:
    connect(acme)
    syncs = []
    for _ in range(26):
        run(COMMAND)
        syncs.append((SyncRun.objects.filter(state="done").count(), rechecks()))
        now[0] += timedelta(hours=1)
    assert [count for count, _ in syncs] == list(range(1, 27))
    assert [count for _, count in syncs] == [1] * 24 + [2] * 2


def test_once_a_week_all_days_are_compared(run: Run, acme: Workspace, now: list[datetime]) -> None:
    connect(acme)
    run(COMMAND)
    now[0] += timedelta(days=6)
    run(COMMAND)
    assert SyncRun.objects.latest("id").kind == "recent"
    now[0] += timedelta(days=1, hours=1)
    run(COMMAND)
    assert SyncRun.objects.latest("id").kind == "full"


def test_it_takes_over_a_dead_worker_s_run_when_its_lease_is_over(
    run: Run, acme: Workspace, now: list[datetime]
) -> None:
    connect(acme)
    asked = usage_service(workspace=acme, actor=actor()).request_sync()
    SyncRun.objects.update(
        state="running", lease_holder="dead", lease_expires_at=now[0] + timedelta(seconds=90)
    )
    assert "Usage" not in run(COMMAND).out
    now[0] += timedelta(seconds=91)
    assert "Done" in run(COMMAND).out
    performed = SyncRun.objects.get()
    assert (performed.pk, performed.state, performed.actor_name) == (asked.pk, "done", "alice")


def test_it_goes_on_with_a_run_whose_waiting_is_over(
    run: Run, acme: Workspace, posthog: Sandbox, now: list[datetime]
) -> None:
    connect(acme)
    posthog.us.fail("429", path="/query/", retry_after=100, times=1)
    assert "Waiting, 0 of 0 days" in run(COMMAND).out
    assert "PostHog's rate limit exceeded" not in run(COMMAND).out
    now[0] += timedelta(seconds=101)
    assert "Done" in run(COMMAND).out
    assert SyncRun.objects.get().state == "done"


def test_a_sync_that_fails_is_told_and_keeps_no_other_from_being_done(
    run: Run, acme: Workspace, globex: Workspace, posthog: Sandbox
) -> None:
    connect(acme)
    connect(globex, KEYS.several)
    posthog.us.revoke(KEYS.full)
    done = run(COMMAND)
    assert done.code == 0
    assert "Failed, 0 of 0 days" in done.out
    assert "Invalid or unauthorized API key. Check in PostHog" in done.out
    assert states() == {"Acme": "failed", "Globex": "done"}
    assert rechecks() == 2


def test_an_unexpected_error_keeps_no_other_from_being_done(
    run: Run, acme: Workspace, globex: Workspace
) -> None:
    connect(acme)
    connect(globex, KEYS.several)
    usage_service(workspace=acme, actor=actor()).request_sync()
    UsageSource.objects.update(project_timezone="UTC", strategy="group", value="no number")
    done = run(COMMAND)
    assert (done.code, done.error) == (1, "Unexpected errors: 1. They have been logged.")
    assert states() == {"Acme": "failed", "Globex": "done"}
    assert rechecks() == 2


def states() -> dict[str, str]:
    return dict(SyncRun.objects.values_list("source__connection__workspace__name", "state"))


def test_a_refused_key_is_synced_with_again_when_a_re_check_finds_it_good(
    run: Run, acme: Workspace, posthog: Sandbox, now: list[datetime]
) -> None:
    connect(acme)
    posthog.us.revoke(KEYS.full)
    run(COMMAND)
    now[0] += timedelta(hours=2)
    assert run(COMMAND).out == ""
    posthog.us.heal()
    now[0] += timedelta(days=1)
    assert run(COMMAND).out == f"Re-checked the connection of workspace {acme.pk}.\n"
    assert PosthogWorkspaceConfig.objects.get().is_validated
    assert "Done" in run(COMMAND).out


def test_a_disconnected_workspace_is_left_alone(
    run: Run, acme: Workspace, posthog: Sandbox
) -> None:
    connect(acme)
    service_of(acme).disconnect()
    before = len(posthog.us.requests)
    assert run(COMMAND).out == ""
    assert len(posthog.us.requests) == before


def test_what_is_due_is_sent_to_webhooks_and_counted(
    acme: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        webhooks, "send", lambda url, **_: Attempt(status=500 if "bad" in url else 200)
    )
    for name in ("good", "better", "bad"):
        store_delivery(store_webhook(acme, url=f"https://{name}.example/"))
    assert run("posthog_tick").out == "Webhooks: 2 delivered, 1 failed.\n"
    assert WebhookDelivery.objects.filter(state="delivered").count() == 2


def test_webhooks_wait_for_no_sync_and_hear_at_once_what_it_fires(
    run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = store_webhook(acme)
    sent_when_syncs_began: list[int] = []

    def send(url: str, **_: object) -> Attempt:
        return Attempt(status=200)

    def start() -> list[int]:
        delivered = WebhookDelivery.objects.filter(state="delivered")
        sent_when_syncs_began.append(delivered.count())
        store_delivery(webhook, id="msg_fired_by_a_sync")
        return []

    monkeypatch.setattr(webhooks, "send", send)
    monkeypatch.setattr(posthog_tick, "start_due_syncs", start)
    store_delivery(webhook)
    lines = run(COMMAND).out.splitlines()
    assert sent_when_syncs_began == [1]
    assert lines == ["Webhooks: 1 delivered, 0 failed."] * 2
