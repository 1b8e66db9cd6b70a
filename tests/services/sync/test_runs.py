"""What becomes of a run: what it costs, how it waits, fails and goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.errors import SyncRunning
from integrations_posthog.models import (
    Account,
    AccountDay,
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    StagedUsage,
    SyncDay,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.sync import runs
from tests.syncs import Syncs, syncs_of

QUERY = "/query/"


def queries(posthog: Sandbox) -> int:
    """How many queries came in since the connection was made."""
    asked = [entry for entry in posthog.us.requests if QUERY in entry.path]
    return len(asked) - 1  # The check of the key counts events too.


class TestGood:
    def test_the_first_run_reads_the_first_days_and_proves_each(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        run = syncs.sync()
        assert (run.state, run.kind, run.error) == ("done", "recent", "")
        assert (run.days_done, run.days_total) == (40, 40)
        assert syncs.source.days.green().count() == syncs.source.days.count() == 40
        assert run.requests == queries(posthog)
        assert run.bytes_read > 0
        assert run.finished_at is not None
        assert not StagedUsage.objects.exists()

    def test_what_is_stored_adds_up_to_what_posthog_counts(self, syncs: Syncs) -> None:
        syncs.sync()
        for day in syncs.source.days.all():
            assert day.events_stored + day.events_unattributed == day.events_posthog
            rows = AccountDay.objects.filter(day=day.day)
            assert sum(row.events for row in rows) == day.events_stored
        assert Account.objects.count() == 5
        assert sum(day.events_unattributed for day in syncs.source.days.all()) > 0

    def test_the_end_of_a_run_that_leaves_all_days_green_is_the_last_sync(
        self, syncs: Syncs
    ) -> None:
        syncs.sync()
        assert PosthogWorkspaceConfig.objects.get().last_sync == syncs.now

    def test_then_the_history_is_due_at_once_and_then_the_hour(self, syncs: Syncs) -> None:
        syncs.sync()
        assert syncs.source.next_sync_at == syncs.now
        [run] = syncs.tick()
        assert (run.kind, run.state, run.days_done) == ("history", "done", 20)
        due = syncs.source.next_sync_at
        assert due is not None
        assert timedelta(0) < due - syncs.now <= timedelta(hours=1)
        assert syncs.tick() == []
        syncs.now = due
        assert [run.kind for run in syncs.tick()] == ["recent"]

    def test_an_idle_run_costs_one_query(self, syncs: Syncs, posthog: Sandbox) -> None:
        syncs.sync_history()
        before = queries(posthog)
        run = syncs.sync()
        assert (run.state, run.requests, queries(posthog) - before) == ("done", 1, 1)

    def test_once_a_week_all_days_are_compared_and_the_last_month_is_read_again(
        self, syncs: Syncs
    ) -> None:
        syncs.sync_history()
        syncs.now += timedelta(days=7, minutes=1)
        [run] = syncs.tick()
        assert (run.kind, run.state) == ("full", "done")
        assert run.days_back >= 60
        assert run.days_done >= 30
        assert syncs.source.next_full_sync_at == syncs.now + timedelta(days=7)

    def test_there_is_one_run_at_a_time(self, syncs: Syncs) -> None:
        run = syncs.start()
        with pytest.raises(SyncRunning):
            syncs.start()
        syncs.now += syncs.rules.lease + timedelta(seconds=1)
        assert syncs.start() == run, "Nobody has taken it"

    def test_two_workspaces_on_one_project_share_nothing(
        self, syncs: Syncs, globex: Workspace
    ) -> None:
        other = syncs_of(globex)
        syncs.sync()
        other.sync()
        mine, theirs = (
            {account.key: account.pk for account in each.source.accounts.all()}
            for each in (syncs, other)
        )
        assert mine.keys() == theirs.keys()
        assert set(mine.values()).isdisjoint(theirs.values())
        syncs.source.delete()
        assert other.source.accounts.count() == 5
        assert AccountDay.objects.filter(account__source=other.source).exists()


class TestTrouble:
    def test_posthog_s_wait_gives_the_worker_back_and_is_waited_for(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail("429", path=QUERY, retry_after=300, times=1)
        run = syncs.sync()
        assert (run.state, run.error_type) == ("waiting", "rate_limited")
        assert run.waiting_until == syncs.now + timedelta(seconds=300)
        assert syncs.waits == []
        assert syncs.tick() == []
        syncs.now += timedelta(seconds=300)
        [again] = syncs.tick()
        assert (again.pk, again.state, again.error) == (run.pk, "done", "")

    def test_without_a_wait_of_posthog_s_the_pauses_grow(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail("429_concurrency", path=QUERY)
        run = syncs.sync()
        pauses = []
        while run.waiting_until is not None:
            pauses.append((run.waiting_until - syncs.now).total_seconds())
            syncs.now = run.waiting_until
            run = syncs.perform(run)
        assert pauses == [5, 10, 20, 40, 80, 160, 320]
        assert (run.state, run.error_type) == ("failed", "rate_limited")
        assert syncs.source.next_sync_at is not None

    @pytest.mark.parametrize("fault", ["500", "502", "503", "drop", "html", "truncated"])
    def test_what_may_pass_is_waited_for_and_gone_on_from(
        self, fault: str, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail(fault, path=QUERY, times=1)
        run = syncs.sync()
        assert run.state == "waiting"
        syncs.now += timedelta(seconds=5)
        assert syncs.perform(run).state == "done"

    @pytest.mark.parametrize("fault", ["402"])
    def test_what_does_not_pass_ends_the_run(
        self, fault: str, syncs: Syncs, posthog: Sandbox
    ) -> None:
        posthog.us.fail(fault, path=QUERY, times=1)
        run = syncs.sync()
        assert (run.state, run.error_type) == ("failed", "api_error")
        assert "quota" in run.error
        assert PosthogWorkspaceConfig.objects.get().is_validated

    @pytest.mark.parametrize("fault", ["504", "512", "513"])
    def test_what_is_too_much_is_asked_for_in_smaller_parts(
        self, fault: str, syncs: Syncs, posthog: Sandbox
    ) -> None:
        assert syncs.start().state == "queued"
        posthog.us.fail("slow", path=QUERY, times=2, seconds=0)  # Coverage and days.
        posthog.us.fail(fault, path=QUERY, times=5)
        run = syncs.perform(SyncRun.objects.get())
        assert (run.state, run.days_done) == ("done", 40)

    def test_a_refused_key_ends_the_run_and_is_not_tried_again(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        syncs.sync()
        posthog.us.revoke(KEYS.full)
        syncs.now += timedelta(hours=2)
        [run] = syncs.tick()
        assert (run.state, run.error_type) == ("failed", "unauthorized")
        config = PosthogWorkspaceConfig.objects.get()
        assert (config.is_validated, config.validation_error) == (
            False,
            "Invalid or unauthorized API key",
        )
        event = PosthogConnectionEvent.objects.latest("id")
        assert (event.action, event.outcome, event.actor_name) == ("sync", "failed", "schedule")
        syncs.now += timedelta(days=1)
        assert syncs.tick() == []

    def test_a_scope_that_was_taken_away_is_named(self, syncs: Syncs, posthog: Sandbox) -> None:
        posthog.us.remove_scope(KEYS.full, "query:read")
        run = syncs.sync()
        assert (run.state, run.error_type) == ("failed", "unauthorized")
        assert not PosthogWorkspaceConfig.objects.get().is_validated

    def test_a_deleted_project_ends_it_too(self, syncs: Syncs, posthog: Sandbox) -> None:
        posthog.us.delete_project(12345)
        assert syncs.sync().error_type == "not_found"
        assert not PosthogWorkspaceConfig.objects.get().is_validated

    def test_who_stops_a_run_stops_its_worker(self, syncs: Syncs) -> None:
        run = syncs.start()
        stopped: list[int] = []

        def stop(run: SyncRun) -> None:
            if run.days_done and not stopped:
                runs.stop_runs(syncs.connection, reason="Enough.", now=syncs.now)
                stopped.append(run.days_done)

        performer = syncs.performer
        object.__setattr__(performer, "on_progress", stop)
        ended = performer.perform(run.pk)
        assert ended is not None
        assert (ended.state, ended.error) == ("failed", "Enough.")
        assert syncs.source.days.green().count() == stopped[0] < 40

    def test_a_run_that_dies_again_and_again_is_given_up(self, syncs: Syncs) -> None:
        run = syncs.start()
        SyncRun.objects.filter(pk=run.pk).update(failures=8)
        ended = syncs.perform(run)
        assert (ended.state, ended.error_type) == ("failed", "service_unavailable")
        assert "Its workers ended, one after another, in mid-work." in ended.error

    def test_a_key_that_cannot_be_decrypted_ends_it(self, syncs: Syncs) -> None:
        connection = syncs.connection
        connection.posthog_api_key = type(connection.posthog_api_key)("nonsense")
        connection.save()
        run = syncs.sync()
        assert (run.state, run.error_type) == ("failed", "internal_error")
        assert "cannot be decrypted" in run.error


class TestTimezone:
    def test_another_time_zone_of_the_project_reads_everything_anew(self, syncs: Syncs) -> None:
        syncs.sync()
        UsageSource.objects.update(project_timezone="Pacific/Auckland")
        before = syncs.source.pk
        syncs.now += timedelta(hours=2)
        assert syncs.performer.perform(syncs.start().pk) is None
        assert syncs.source.pk != before
        event = PosthogConnectionEvent.objects.get(action="sync")
        assert event.hint == "The project's time zone has changed; its usage is read anew."
        assert not SyncDay.objects.exists()
        assert (syncs.source.strategy, syncs.source.value) == ("group", "0")
        [run] = syncs.tick()
        assert run.state == "done"
        assert syncs.source.project_timezone == "UTC"

    def test_one_that_changes_all_the_time_does_not_keep_the_sync_at_it(self, syncs: Syncs) -> None:
        syncs.sync()
        syncs.now += timedelta(hours=2)
        for pauses in (timedelta(0), syncs.rules.every):
            UsageSource.objects.update(project_timezone="Pacific/Auckland")
            assert syncs.performer.perform(syncs.start().pk) is None
            assert syncs.source.next_sync_at == syncs.now + pauses
