"""How a run waits, is given up and gone on with, and what it says of its connection."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django import Settings

from integrations_posthog.client import usage_replies
from integrations_posthog.client.transport import Reply
from integrations_posthog.client.usage_replies import QueryAnswer
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.sync import schedule
from integrations_posthog.services.sync.batches import BatchReader
from tests.connections import connect, service_of
from tests.syncs import Syncs

QUERY = "/query/"
MINUTE = timedelta(minutes=1)


class KilledError(BaseException):
    """The worker's process is no more."""


def connection() -> PosthogWorkspaceConfig:
    return PosthogWorkspaceConfig.objects.get()


class TestWaits:
    def test_posthog_may_have_it_wait_as_often_as_it_likes(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail("429", path=QUERY, retry_after=60)
        run = syncs.sync()
        for _ in range(20):
            assert (run.state, run.waiting_until) == ("waiting", syncs.now + MINUTE)
            syncs.now += MINUTE
            run = syncs.perform(run)
        posthog.us.heal()
        syncs.now += MINUTE
        assert syncs.perform(run).state == "done"

    def test_also_when_it_has_come_some_way(self, syncs: Syncs, posthog: Sandbox) -> None:
        def throttle(run: SyncRun) -> None:
            if run.days_done == 7:
                posthog.us.fail("429", path=QUERY, retry_after=60, times=1)

        run = syncs.start()
        assert replace(syncs.performer, on_progress=throttle).perform(run.pk) is not None
        run.refresh_from_db()
        assert (run.state, run.days_done, run.failures) == ("waiting", 7, 0)
        posthog.us.heal()
        syncs.now += MINUTE
        assert syncs.perform(run).state == "done"

    @pytest.mark.parametrize("retry_after", [3_601, 999_999])
    def test_but_not_for_more_than_an_hour_at_once(
        self, syncs: Syncs, posthog: Sandbox, retry_after: int
    ) -> None:
        posthog.us.fail("429", path=QUERY, retry_after=retry_after, times=1)
        run = syncs.sync()
        assert run.waiting_until == syncs.now + timedelta(hours=1)

    def test_who_dies_between_two_of_these_waits_is_not_forgiven_for_them(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail("429", path=QUERY, retry_after=60, times=1)
        run = syncs.sync()
        assert run.failures == 0
        posthog.us.fail("503", path=QUERY, times=1)
        syncs.now += MINUTE
        assert syncs.perform(run).failures == 1


def test_a_host_that_is_trusted_no_longer_is_not_asked_and_said_to_be_so(
    syncs: Syncs, posthog: Sandbox, settings: Settings
) -> None:
    run = syncs.start()
    before = len(posthog.us.requests)
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = []
    run = syncs.perform(run)
    assert (run.state, run.error_type) == ("failed", "invalid_host")
    assert run.error.endswith("those the operator trusts.")
    assert len(posthog.us.requests) == before


class TestDeaths:
    @pytest.fixture
    def dies(self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch) -> Callable[[SyncRun], None]:
        """A worker takes the run and dies; its lease runs out."""

        def die(self: object, *args: object, **kwargs: object) -> None:
            raise KilledError

        def perform(run: SyncRun) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(BatchReader, "read", die)
                with pytest.raises(KilledError):
                    syncs.performer.perform(run.pk)
            syncs.now += syncs.rules.lease + timedelta(seconds=1)

        return perform

    def test_a_run_that_kills_all_its_workers_is_given_up(
        self, syncs: Syncs, dies: Callable[[SyncRun], None]
    ) -> None:
        run = syncs.start()
        for _ in range(8):
            dies(run)
        ended = syncs.perform(run)
        assert (ended.state, ended.error_type) == ("failed", "service_unavailable")
        assert schedule.runs_to_perform(now=syncs.now + timedelta(days=1)) == []
        assert syncs.sync().state == "done", "The next one has its own chances"

    def test_one_that_comes_further_meanwhile_is_not(
        self,
        syncs: Syncs,
        dies: Callable[[SyncRun], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run = syncs.start()
        for _ in range(8):
            dies(run)
        # As after a batch that was stored.
        SyncRun.objects.update(failures=0)
        dies(run)
        assert syncs.perform(run).state == "done"


class TestConnection:
    @pytest.mark.parametrize(
        "columns", [{"is_active": False}, {"is_validated": False}], ids=["disconnected", "refused"]
    )
    @pytest.mark.parametrize("was_waiting", [True, False])
    def test_one_that_does_not_work_is_not_asked(
        self, syncs: Syncs, posthog: Sandbox, columns: dict[str, object], was_waiting: bool
    ) -> None:
        run = syncs.start()
        if was_waiting:
            posthog.us.fail("429", path=QUERY, retry_after=60, times=1)
            syncs.perform(run)
            syncs.now += MINUTE
        PosthogWorkspaceConfig.objects.update(**columns)
        before = len(posthog.us.requests)
        [ended] = syncs.tick()
        assert (ended.pk, ended.state, ended.error_type) == (run.pk, "failed", "not_found")
        assert len(posthog.us.requests) == before
        assert connection().last_sync is None

    def test_a_key_that_was_replaced_meanwhile_may_be_refused(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        def replace_key(run: SyncRun) -> None:
            if run.days_done and KEYS.full.value not in replaced:
                replaced.append(KEYS.full.value)
                connect(syncs.connection.workspace, KEYS.phc)
                posthog.us.revoke(KEYS.full)

        replaced: list[str] = []
        run = replace(syncs.performer, on_progress=replace_key).perform(syncs.start().pk)
        assert run is not None
        assert (run.state, run.lease_holder) == ("queued", "")
        assert (connection().is_validated, connection().validation_error) == (True, None)
        assert not PosthogConnectionEvent.objects.filter(action="sync").exists()
        assert syncs.perform(run).state == "done"

    def test_a_re_check_that_finds_the_key_good_again_lets_it_go_on(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.after_queries(3, lambda: posthog.us.revoke(KEYS.full))
        assert syncs.sync().error_type == "unauthorized"
        green = syncs.source.days.green().count()
        assert syncs.source.days.pending().exists()
        posthog.us.heal()
        service_of(syncs.connection.workspace).recheck()
        run = syncs.sync()
        assert (run.state, run.days_done) == ("done", 40 - green)


class TestTimezone:
    def test_one_that_is_another_in_every_answer_has_it_begin_anew_once_an_hour(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, zones = usage_replies.read_answer, itertools.cycle(["UTC", "Europe/Berlin"])

        def flapping(reply: Reply) -> QueryAnswer:
            return replace(read(reply), timezone=next(zones))

        monkeypatch.setattr(usage_replies, "read_answer", flapping)
        for _ in range(3 * 60):
            syncs.tick()
            syncs.now += MINUTE
        changes = PosthogConnectionEvent.objects.filter(action="sync").count()
        assert 2 <= changes <= 4
        assert connection().last_sync is None


class TestSpread:
    def test_each_connection_has_its_own_part_of_the_hour(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the same tick would start them all, at the full hour."""
        slots = set()
        for number in range(60):
            source = UsageSource(connection_id=number)
            slot = syncs.performer._next_slot(source, syncs.now)
            assert timedelta(0) < slot - syncs.now <= syncs.rules.every
            again = syncs.performer._next_slot(source, slot)
            assert again == slot + syncs.rules.every
            slots.add(slot.replace(second=0, microsecond=0))
        assert len(slots) > 30
