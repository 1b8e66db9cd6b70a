"""Reading days: what does not add up is never green, and nothing is lost between two workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations_posthog.client import hogql
from integrations_posthog.client.usage import PostHogUsageClient, UsageRange
from integrations_posthog.errors import ApiError
from integrations_posthog.models import (
    AccountEvent,
    PosthogWorkspaceConfig,
    StagedUsage,
    SyncRun,
)
from integrations_posthog.sandbox import Event, Sandbox
from integrations_posthog.services.signals.judging import history_of
from integrations_posthog.services.sync import runs, worker
from integrations_posthog.services.sync.batches import BatchReader
from integrations_posthog.services.sync.context import LONGEST_TURN
from tests.syncs import Syncs, stored


class KilledError(BaseException):
    """The worker's process is no more."""


def event_turns_up(syncs: Syncs, posthog: Sandbox) -> None:
    """One of three days ago, of which PostHog says that it was there all the time."""
    event = Event(
        event="signup",
        timestamp=syncs.now - timedelta(days=3),
        created_at=syncs.now - timedelta(days=3),
        person_id=uuid4(),
        groups={0: "initech"},
    )
    posthog.us.data(12345).add_events([event])


def count_queries(posthog: Sandbox) -> int:
    """How often the events of all days were counted."""
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    return sum(body["name"] == "beton: days" for body in bodies)


def test_what_changes_while_it_is_read_is_counted_and_read_once_more(
    syncs: Syncs, posthog: Sandbox
) -> None:
    posthog.us.after_queries(2, lambda: event_turns_up(syncs, posthog))
    run = syncs.sync()
    # 40, and the three days after it whose windows hold it.
    assert (run.state, run.days_done) == ("done", 43)
    assert count_queries(posthog) == 2
    assert syncs.source.days.green().count() == 40


def test_what_does_not_come_to_rest_is_red_until_a_sync_proves_it(
    syncs: Syncs, posthog: Sandbox
) -> None:
    posthog.us.on_query(lambda number: event_turns_up(syncs, posthog))
    run = syncs.sync()
    red = syncs.source.days.red().count()
    assert (run.state, run.error_type) == ("failed", "api_error")
    assert f"{red} days do not add up to what PostHog counts; the next sync" in run.error
    assert 1 <= red < 40 == red + syncs.source.days.green().count()
    assert syncs.source.days.red().filter(day=syncs.now.date() - timedelta(days=3)).exists()
    assert not StagedUsage.objects.exists()
    assert PosthogWorkspaceConfig.objects.get().last_sync is None
    due = syncs.source.next_sync_at
    assert due is not None
    assert due > syncs.now

    posthog.us.heal()
    assert syncs.sync().state == "done"
    assert syncs.source.days.green().count() == syncs.source.days.count()


def test_pages_that_do_not_go_on_are_not_read_for_ever(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = hogql.usage

    def of_first_page(**facts: Any) -> str:
        return str(text(**facts | {"is_first_page": True}))

    monkeypatch.setattr(hogql, "usage", of_first_page)
    run = syncs.sync()
    assert (run.state, run.error_type, run.days_done) == ("waiting", "api_error", 0)
    assert "PostHog's pages of accounts do not go on." in run.error


class TestBadDay:
    @pytest.mark.parametrize("ago", [20, 0, 35])
    def test_a_day_that_never_adds_up_keeps_no_other_from_being_proven(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch, ago: int
    ) -> None:
        bad = syncs.now.date() - timedelta(days=ago)
        with never_adding_up(bad, monkeypatch):
            for _ in range(2):
                assert syncs.sync().state == "failed"
                assert list(syncs.source.days.red().values_list("day", flat=True)) == [bad]
                assert syncs.source.days.green().count() == syncs.source.days.count() - 1
                syncs.now += timedelta(days=1)
        assert syncs.source.as_of == syncs.now.date() - timedelta(days=1)

    def test_with_a_part_of_it_missing_the_events_of_28_days_stay_as_they_were(
        self, syncs: Syncs, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        syncs.sync()
        before = set(AccountEvent.objects.values_list("account__key", "events"))
        event_turns_up(syncs, posthog)
        with never_adding_up(syncs.now.date() - timedelta(days=20), monkeypatch):
            syncs.sync(full=True)
        assert set(AccountEvent.objects.values_list("account__key", "events")) == before
        syncs.sync()
        assert set(AccountEvent.objects.values_list("account__key", "events")) != before

    def test_a_red_day_does_not_make_every_sync_one_of_all_days(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        syncs.sync_history()
        kinds = []
        with never_adding_up(syncs.now.date() - timedelta(days=50), monkeypatch):
            syncs.source.days.filter(day=syncs.now.date() - timedelta(days=50)).update(state="red")
            syncs.now += timedelta(days=7, minutes=1)
            for _ in range(3):
                run = syncs.sync()
                assert run.state == "failed"
                kinds.append(run.kind)
                syncs.now += timedelta(hours=1)
        assert kinds == ["full", "recent", "recent"]


@contextmanager
def never_adding_up(bad: date, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One event of a day is missing wherever it is read."""
    read = BatchReader.read

    def incomplete(self: BatchReader, asked: UsageRange, **facts: Any) -> Any:
        tally = read(self, asked, **facts)
        tally.by_event[bad] -= bad in asked.days
        if asked.last_day and asked.last_day - bad < timedelta(days=28):
            tally.last_28_days -= 1
        return tally

    with monkeypatch.context() as patch:
        patch.setattr(BatchReader, "read", incomplete)
        yield


def test_what_is_deleted_of_a_day_that_was_counted_but_not_read_is_in_no_window(
    syncs: Syncs, undisturbed: Syncs, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, person = posthog.us.data(12345), uuid4()
    moment = syncs.now - timedelta(days=12)
    event = Event(
        event="x", timestamp=moment, created_at=moment, person_id=person, groups={0: "umbrella"}
    )
    data.add_events([event])
    run = syncs.start()
    with killed_after_the_first_batch(monkeypatch), pytest.raises(KilledError):
        syncs.perform(run)
    assert syncs.source.days.pending().filter(day=moment.date()).exists()
    assert syncs.source.days.green().filter(day=syncs.now.date()).exists()

    data.delete_events([event.uuid])
    syncs.now += syncs.rules.lease + timedelta(seconds=1)
    assert syncs.perform(run).state == "done"
    undisturbed.now = syncs.now
    undisturbed.sync()
    assert stored(syncs.source) == stored(undisturbed.source)


@contextmanager
def killed_after_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    store = worker.SyncWorker._store

    def deadly(self: worker.SyncWorker, *args: Any) -> None:
        store(self, *args)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(worker.SyncWorker, "_store", deadly)
        yield


@pytest.mark.parametrize("days", [5, None])
def test_a_long_pause_leaves_no_gap(syncs: Syncs, days: int | None) -> None:
    syncs.sync_history()
    syncs.now += timedelta(days=80)
    run = runs.kind_and_days(syncs.source, rules=syncs.rules, now=syncs.now)
    asked = SyncRun.objects.create(
        source=syncs.source, kind="recent", days_back=days or run[1], actor_name="alice"
    )
    assert syncs.perform(asked).state == "done"
    held = sorted(syncs.source.days.green().values_list("day", flat=True))
    assert held[-1] == syncs.now.date()
    assert len(held) == (held[-1] - held[0]).days + 1 >= 140


def test_a_long_run_gives_way_to_others_and_goes_on(
    syncs: Syncs, undisturbed: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Noon of a day without events: no other day begins meanwhile, and nothing more comes in.
    syncs.now = undisturbed.now = (syncs.now + timedelta(days=1)).replace(hour=12)
    undisturbed.sync()
    run = syncs.start()
    read = BatchReader.read

    def slow(self: BatchReader, asked: UsageRange, **facts: Any) -> Any:
        syncs.now += LONGEST_TURN
        return read(self, asked, **facts)

    monkeypatch.setattr(BatchReader, "read", slow)
    done = []
    while (run := syncs.perform(run)).finished_at is None:
        assert (run.state, run.lease_holder, run.waiting_until) == ("queued", "", None)
        done.append(run.days_done)
        assert len(done) < 20
    assert run.state == "done"
    assert done == sorted(set(done))
    assert len(done) > 1
    assert stored(syncs.source)["days"] == stored(undisturbed.source)["days"]


def test_a_day_that_takes_longer_than_a_turn_is_read_in_one_all_the_same(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = syncs.with_rules(first_days=28, history_days=28)
    page = PostHogUsageClient.usage_page

    def slow(self: PostHogUsageClient, *, asked: UsageRange, **facts: Any) -> Any:
        if asked.parts < 2:
            raise ApiError(status=504)
        syncs.now += LONGEST_TURN / 2
        return page(self, asked=asked, **facts)

    monkeypatch.setattr(PostHogUsageClient, "usage_page", slow)
    run, turns = syncs.start(), 0
    while (run := syncs.perform(run)).finished_at is None:
        turns += 1
        assert run.days_done >= turns
    assert run.state == "done"


def a_query_takes(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch, *, bad: date | None = None, **time: float
) -> None:
    """From now on days are read one by one, in two parts; of a bad one the second is too much."""
    page = PostHogUsageClient.usage_page

    def slow(self: PostHogUsageClient, *, asked: UsageRange, **facts: Any) -> Any:
        syncs.now += timedelta(**time)
        if asked.parts < 2 or (bad in asked.days and asked.part == 1):
            raise ApiError(status=504)
        return page(self, asked=asked, **facts)

    monkeypatch.setattr(PostHogUsageClient, "usage_page", slow)


def test_what_comes_in_today_keeps_no_turn_from_older_days(
    syncs: Syncs, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = syncs.with_rules(first_days=28, history_days=28)
    a_query_takes(syncs, monkeypatch, minutes=2)
    run = syncs.start()
    for turns in range(1, 5):
        just_now = syncs.now - timedelta(minutes=6)
        event = Event(
            event="signup", timestamp=just_now, created_at=just_now, person_id=uuid4(), groups={}
        )
        posthog.us.data(12345).add_events([event])
        run = syncs.perform(run)
        assert run.state == "queued"
        assert syncs.source.days.held().count() >= turns


def test_a_day_that_cannot_be_read_is_given_up_however_long_that_takes(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = syncs.with_rules(first_days=28, history_days=28)
    monkeypatch.setattr(worker, "MOST_PARTS", 4)
    bad = syncs.now.date() - timedelta(days=2)
    a_query_takes(syncs, monkeypatch, bad=bad, minutes=1)
    run, turns = syncs.start(), 0
    while (run := syncs.perform(run)).finished_at is None:
        turns += 1
        assert turns < 20
    assert run.state == "failed"
    assert [day.day for day in syncs.source.days.red()] == [bad]


def test_that_a_turn_is_over_is_no_failure(syncs: Syncs, monkeypatch: pytest.MonkeyPatch) -> None:
    coverage = PostHogUsageClient.coverage

    def slow(self: PostHogUsageClient, **facts: Any) -> Any:
        syncs.now += 2 * LONGEST_TURN
        return coverage(self, **facts)

    monkeypatch.setattr(PostHogUsageClient, "coverage", slow)
    run = syncs.sync()
    assert (run.state, run.failures, run.days_done) == ("queued", 0, 0)
    assert syncs.perform(run).state == "done"


class TestQuietDays:
    def test_a_day_after_whose_last_sync_nothing_comes_is_read_when_it_is_over(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        syncs.sync_history()
        today = syncs.now.date()
        assert judged_until(syncs) == today - timedelta(days=1)
        syncs.now += timedelta(hours=12, minutes=4)
        syncs.sync()
        assert judged_until(syncs) == today - timedelta(days=1), "Its last minutes are not in yet"
        syncs.now += timedelta(minutes=1)
        before = len(posthog.us.requests)
        assert syncs.sync().state == "done"
        assert judged_until(syncs) == today
        assert len(posthog.us.requests) - before <= 4
        syncs.now += timedelta(hours=1)
        before = len(posthog.us.requests)
        syncs.sync()
        assert len(posthog.us.requests) - before == 1, "It is idle again"

    def test_days_without_any_event_are_judged_too(self, syncs: Syncs) -> None:
        syncs.sync_history()
        for _ in range(3):
            syncs.now += timedelta(days=1)
            syncs.sync()
            assert judged_until(syncs) == syncs.now.date() - timedelta(days=1)


def judged_until(syncs: Syncs) -> date:
    """The last day as of which signals are evaluated."""
    history = history_of(syncs.source)
    assert history is not None
    return history.last
