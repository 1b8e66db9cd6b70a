"""The worker's part: who hands out what, and that messages carry ids alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from queue import Empty
from typing import Any

import pytest
from celery import Celery, current_app
from django.utils import timezone
from pytest_django import Settings

from beton import celery_app
from beton.models import Workspace
from integrations_posthog import tasks
from integrations_posthog.client import webhooks
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncRun,
    WebhookDelivery,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.wiring import usage_service
from tests.connections import actor, connect, store_connection
from tests.webhooks import store_delivery, store_webhook

Message = tuple[str, list[Any], dict[str, Any]]
"""A task's name, and what it is called with."""

DELIVER: Message = ("posthog.deliver", [], {})
"""Handed out by every tick."""


@pytest.fixture
def with_broker(settings: Settings) -> Iterator[Callable[[str], Celery]]:
    """From now on the project's Celery app has this broker."""

    def with_broker(url: str) -> Celery:
        settings.CELERY_BROKER_URL = url
        app = Celery("beton")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.set_current()
        return app

    yield with_broker
    celery_app.set_current()


@pytest.fixture
def sent(with_broker: Callable[[str], Celery]) -> Callable[[], list[Message]]:
    """Gives the messages that came in since it was asked last."""
    app = with_broker("memory://")

    def messages() -> list[Message]:
        found: list[Message] = []
        with (
            app.connection_for_read() as connection,
            closing(connection.SimpleQueue(app.conf.task_default_queue)) as queue,
        ):
            while True:
                try:
                    message = queue.get_nowait()
                except Empty:
                    return found
                message.ack()
                args, kwargs, _ = message.payload
                found.append((message.headers["task"], args, kwargs))

    messages()
    return messages


def asked_for(workspace: Workspace) -> SyncRun:
    return usage_service(workspace=workspace, actor=actor()).request_sync()


class TestLaunch:
    def test_a_run_is_handed_over_by_its_id_alone(self, sent: Callable[[], list[Message]]) -> None:
        tasks.launch(4711)
        assert sent() == [("posthog.sync", [4711], {})]

    def test_while_the_broker_is_down_the_run_is_left_to_the_tick(
        self,
        acme: Workspace,
        with_broker: Callable[[str], Celery],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        store_connection(acme)
        with_broker("redis://127.0.0.1:1/0")
        asked = asked_for(acme)
        start = time.monotonic()
        with caplog.at_level(logging.WARNING):
            tasks.launch(asked.pk)
        assert time.monotonic() - start < 3, "Whoever asked had to wait"
        assert f"The broker is down; sync run {asked.pk} waits for the next tick" in caplog.text
        assert SyncRun.objects.free(now=timezone.now()).get() == asked


class TestTick:
    def test_what_is_due_is_handed_out_by_its_id_alone(
        self, acme: Workspace, globex: Workspace, sent: Callable[[], list[Message]]
    ) -> None:
        for workspace in (acme, globex):
            store_connection(workspace)
        tasks.tick()
        runs = SyncRun.objects.order_by("id").values_list("pk", flat=True)
        *messages, last = sent()
        assert last == DELIVER
        assert messages[:2] == [("posthog.sync", [pk], {}) for pk in runs]
        assert sorted(messages[2:]) == sorted(
            ("posthog.recheck", [workspace.pk], {}) for workspace in (acme, globex)
        )

    def test_a_run_that_got_lost_is_handed_out_again_but_no_re_check_is(
        self, acme: Workspace, sent: Callable[[], list[Message]]
    ) -> None:
        store_connection(acme)
        tasks.tick()
        first = sent()
        tasks.tick()
        assert sent() == [first[0], DELIVER]

    def test_a_run_in_a_worker_s_hands_is_not_handed_out_until_the_worker_is_dead(
        self, acme: Workspace, sent: Callable[[], list[Message]]
    ) -> None:
        store_connection(acme, next_recheck_at=timezone.now() + timedelta(hours=1))
        asked = asked_for(acme)
        for seconds in (60, -1):
            SyncRun.objects.update(
                state="running", lease_expires_at=timezone.now() + timedelta(seconds=seconds)
            )
            tasks.tick()
            is_dead = seconds < 0
            assert sent() == [*[("posthog.sync", [asked.pk], {})] * is_dead, DELIVER]

    def test_the_beat_sends_it_each_minute_to_where_the_workers_listen(self) -> None:
        [entry] = current_app.conf.beat_schedule.values()
        assert entry["schedule"] == 60.0
        assert current_app.tasks[entry["task"]].name == tasks.tick.name
        assert current_app.conf.task_default_queue == "beton"


class TestWorker:
    def test_a_sync_is_performed(
        self, acme: Workspace, posthog: Sandbox, settings: Settings
    ) -> None:
        settings.INTEGRATIONS_POSTHOG_SYNC_FIRST_DAYS = 30
        connect(acme)
        asked = asked_for(acme)
        tasks.sync(asked.pk)
        assert SyncRun.objects.get().state == "done"
        before = len(posthog.us.requests)
        tasks.sync(asked.pk)
        assert len(posthog.us.requests) == before

    def test_a_re_check_is_done_on_the_schedule_s_behalf(
        self, acme: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        posthog.us.revoke(KEYS.full)
        tasks.recheck(acme.pk)
        assert PosthogWorkspaceConfig.objects.get().is_validated is False
        event = PosthogConnectionEvent.objects.latest("id")
        assert (event.action, event.outcome, event.actor_name) == ("recheck", "failed", "schedule")

    def test_what_is_gone_meanwhile_is_no_error(self, db: None) -> None:
        tasks.sync(4711)
        tasks.recheck("gone")

    @pytest.mark.parametrize("task", [tasks.sync, tasks.recheck])
    def test_a_message_is_kept_until_its_work_is_done_whoever_dies(self, task: Any) -> None:
        assert task.acks_late is True
        assert task.reject_on_worker_lost is True
        assert current_app.conf.worker_prefetch_multiplier == 1

    @pytest.mark.parametrize("task", [tasks.sync, tasks.recheck, tasks.tick])
    def test_nothing_is_kept_of_results(self, task: Any) -> None:
        assert task.ignore_result is True


def test_the_tick_hands_deliveries_out_as_a_task_of_their_own(
    acme: Workspace, sent: Callable[[], list[Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "send", lambda **_: Attempt(status=200))
    store_delivery(store_webhook(acme))
    tasks.tick()
    assert sent() == [DELIVER]
    tasks.deliver()
    assert WebhookDelivery.objects.get().state == "delivered"
