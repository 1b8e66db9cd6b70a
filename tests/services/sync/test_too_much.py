"""What is too much for PostHog at once is asked for in parts, or of fewer days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations_posthog.client.usage import PostHogUsageClient, UsageRange
from integrations_posthog.errors import ApiError, TooMuchToAnswer
from integrations_posthog.models import AccountDay
from integrations_posthog.sandbox import Event, Sandbox
from integrations_posthog.services.sync import worker
from tests.syncs import Syncs, stored


def count_queries(posthog: Sandbox) -> int:
    """How often the events of all days were counted."""
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    return sum(body["name"] == "beton: days" for body in bodies)


def test_days_that_are_too_many_to_count_at_once_are_counted_in_halves(
    syncs: Syncs, posthog: Sandbox
) -> None:
    syncs.sync()
    before = count_queries(posthog)
    posthog.us.limit_queries(days=50)
    run = syncs.sync()
    assert (run.kind, run.state, run.days_done) == ("history", "done", 20)
    assert count_queries(posthog) - before == 3
    assert syncs.source.days.green().count() == 60


@pytest.mark.parametrize(
    ("wanted", "sizes"), [(1, [7, *[1] * 33]), (10**12, [7, 28, 5])], ids=["large", "small"]
)
def test_the_larger_the_replies_the_fewer_days_are_asked_for_at_once(
    syncs: Syncs,
    posthog: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    wanted: int,
    sizes: list[int],
) -> None:
    monkeypatch.setattr(worker, "WANTED_REPLY_BYTES", wanted)
    assert syncs.sync().state == "done"
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    values = [body["query"]["values"] for body in bodies if body["name"] == "beton: usage"]
    assert [len(each["days"]) for each in values if each["after"] is None] == sizes


class TestTooMuch:
    def test_a_day_is_read_in_parts_of_its_accounts(
        self, syncs: Syncs, undisturbed: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = {"first_days": 28, "history_days": 28}
        undisturbed.with_rules(**few).sync()
        needs(monkeypatch, parts=4)
        run = syncs.with_rules(**few).sync()
        assert (run.state, run.days_done) == ("done", 28)
        assert stored(syncs.source) == stored(undisturbed.source)

    def test_what_is_too_much_in_however_many_parts_is_red_and_nothing_else_is(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = syncs.now.date() - timedelta(days=9)
        needs(monkeypatch, parts=worker.MOST_PARTS * 2, day=bad)
        assert syncs.sync().state == "failed"
        assert list(syncs.source.days.red().values_list("day", flat=True)) == [bad]
        assert syncs.source.days.green().count() == 39

    @pytest.mark.parametrize("days", [30, 8, 1])
    def test_the_mappings_are_measured_by_fewer_days(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch, days: int
    ) -> None:
        asked = measured(monkeypatch, most=days)
        assert syncs.sync().state == "done"
        assert asked[-1] <= days
        assert asked == [number for number in (30, 15, 7, 3, 1) if number >= asked[-1]]
        assert syncs.source.coverage

    def test_where_one_day_is_too_much_too_nothing_is_measured_and_all_goes_on(
        self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        measured(monkeypatch, most=0)
        assert syncs.sync().state == "done"
        assert (syncs.source.strategy, syncs.source.coverage) == ("email_domain", [])

    def test_then_too_days_are_those_of_the_project_s_time_zone(
        self, syncs: Syncs, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        posthog.us.data(12345).set_timezone("America/Los_Angeles")
        today = syncs.now.date()
        syncs.now += timedelta(hours=14)  # There it is the same day's evening.
        measured(monkeypatch, most=0)
        assert syncs.sync().state == "done"
        assert syncs.source.project_timezone == "America/Los_Angeles"
        assert syncs.source.as_of == today
        assert syncs.source.days.newest_first()[0].day == today

    def test_a_day_without_events_is_no_less_red(
        self, syncs: Syncs, undisturbed: Syncs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its windows have people all the same."""
        undisturbed.sync()
        empty = undisturbed.source.days.filter(events_posthog=0).latest("day").day
        assert AccountDay.objects.filter(day=empty).count() > 1
        usage_page = PostHogUsageClient.usage_page

        def page(self: PostHogUsageClient, *, asked: UsageRange, **facts: Any) -> Any:
            if empty in asked.days and asked.part >= asked.parts // 2:
                raise ApiError(status=504)
            return usage_page(self, asked=asked, **facts)

        monkeypatch.setattr(PostHogUsageClient, "usage_page", page)
        assert syncs.sync().state == "failed"
        assert syncs.source.days.get(day=empty).state == "red"
        of_mine = AccountDay.objects.filter(account__source=syncs.source)
        assert not of_mine.filter(day=empty).exists()


def needs(monkeypatch: pytest.MonkeyPatch, *, parts: int, day: date | None = None) -> None:
    """From now on a day, or each, is too much for PostHog unless it is asked for in so many
    parts."""
    usage_page = PostHogUsageClient.usage_page

    def page(self: PostHogUsageClient, *, asked: UsageRange, **facts: Any) -> Any:
        if asked.parts < parts and day in (None, *asked.days):
            raise ApiError(status=504)
        return usage_page(self, asked=asked, **facts)

    monkeypatch.setattr(PostHogUsageClient, "usage_page", page)


def measured(monkeypatch: pytest.MonkeyPatch, *, most: int) -> list[int]:
    """By how many days the mappings are measured, of which no more than so many are possible."""
    coverage, asked = PostHogUsageClient.coverage, list[int]()

    def limited(self: PostHogUsageClient, *, first: date, last: date, **facts: Any) -> Any:
        asked.append((last - first).days + 1)
        if asked[-1] > most:
            raise TooMuchToAnswer
        return coverage(self, first=first, last=last, **facts)

    monkeypatch.setattr(PostHogUsageClient, "coverage", limited)
    return asked


def test_a_limit_that_is_cut_without_a_word_measures_no_less(
    syncs: Syncs, undisturbed: Syncs, posthog: Sandbox
) -> None:
    data = posthog.us.data(12345)
    for number in range(40):
        person = uuid4()
        data.set_person(person, {"email": f"a@company-{number}.example"})
        moment = syncs.now - timedelta(days=2)
        event = Event(event="x", timestamp=moment, person_id=person, created_at=moment)
        data.add_events([event])
    undisturbed.sync()
    posthog.us.limit_queries(rows=3)
    assert syncs.sync().state == "done"
    assert syncs.source.coverage == undisturbed.source.coverage
    domains = next(one for one in syncs.source.coverage if one["strategy"] == "email_domain")
    assert domains["accounts"] >= 40
