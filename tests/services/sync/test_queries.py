"""What a sync asks PostHog: in which form, how often, and one question at a time."""

from __future__ import annotations

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from beton.models import Workspace
from integrations_posthog.client.hogql import MOST_ROWS
from integrations_posthog.models import AccountDay, QueryTurn, SyncRun, UsageSource
from integrations_posthog.sandbox import Event, Sandbox
from integrations_posthog.services.sync.runs import ensure_source
from tests.syncs import Syncs, stored, syncs_of

PROJECT = 12345
BATCHES_OF_A_MONTH = 3
"""Of 28 days at most: 7 at first, then by the size of the replies."""


def asked(posthog: Sandbox) -> list[dict[str, Any]]:
    """The bodies of all queries about usage, oldest first."""
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    return [body for body in bodies if body["name"] != "beton: events of 30 days"]


def names(bodies: list[dict[str, Any]]) -> Counter[str]:
    return Counter(body["name"].removeprefix("beton: ") for body in bodies)


def happened(syncs: Syncs, posthog: Sandbox, *days_ago: int) -> None:
    """An event on each of these days comes in, and the settling time passes."""
    events = [
        Event(
            event="signup",
            timestamp=syncs.now - timedelta(days=ago),
            person_id=uuid4(),
            groups={0: "initech"},
            created_at=syncs.now,
        )
        for ago in days_ago
    ]
    posthog.us.data(PROJECT).add_events(events)
    syncs.now += timedelta(minutes=10)


def map_by_email(syncs: Syncs) -> None:
    """Accounts that are no groups: nothing is asked about groups."""
    ensure_source(syncs.connection, now=syncs.now)
    UsageSource.objects.update(strategy="email_domain")


class TestForm:
    @pytest.fixture
    def bodies(self, syncs: Syncs, posthog: Sandbox) -> list[dict[str, Any]]:
        """Of a first sync, of the history, and of one with a late event."""
        syncs = syncs.with_rules(first_days=30, history_days=35)
        posthog.us.limit_queries(rows=3)  # So that there are later pages of everything.
        syncs.sync()
        syncs.sync()
        happened(syncs, posthog, 0)
        syncs.sync()
        found = asked(posthog)
        assert names(found).keys() == {"coverage", "days", "usage", "groups"}
        return found

    def test_each_query_says_whose_it_is_limits_its_rows_and_is_computed(
        self, bodies: list[dict[str, Any]]
    ) -> None:
        for body in bodies:
            assert body["name"].startswith("beton")
            assert body["refresh"] == "force_blocking"
            assert body["query"]["kind"] == "HogQLQuery"
            [limit] = re.findall(r"LIMIT (\d+)\s*$", body["query"]["query"])
            assert 1 <= int(limit) <= MOST_ROWS

    def test_what_is_asked_for_is_in_the_values_and_not_in_the_text(
        self, bodies: list[dict[str, Any]]
    ) -> None:
        for body in bodies:
            text, values = body["query"]["query"], body["query"]["values"]
            assert set(re.findall(r"\{(\w+)\}", text)) <= values.keys()
            assert "{" not in re.sub(r"\{\w+\}", "", text)
            texts = [value for value in values.values() if isinstance(value, str) and value]
            assert not any(value in text for value in texts)
            assert not re.search(r"\d{4}-\d\d|initech|hooli", text)

    def test_whatever_the_time_and_the_page_the_texts_are_the_same_few(
        self, bodies: list[dict[str, Any]]
    ) -> None:
        texts = {body["query"]["query"] for body in bodies}
        values = {repr(body["query"]["values"]) for body in bodies}
        most = 3 + 4  # First and later pages of usage, each with the last 28 days and without.
        assert len(texts) <= most < len(values)


class TestCost:
    def test_the_first_run_measures_once_what_each_mapping_covers(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        run = syncs.sync()
        found = names(asked(posthog))
        assert (found["coverage"], found["days"]) == (1, 1)
        assert run.requests == found.total()

    def test_an_idle_run_costs_exactly_one_query(self, syncs: Syncs, posthog: Sandbox) -> None:
        syncs.sync_history()
        before = names(asked(posthog))
        assert syncs.sync().requests == 1
        assert names(asked(posthog)) - before == {"days": 1}

    def test_new_events_cost_two_more_for_their_day_and_one_for_the_groups(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        syncs.sync_history()
        syncs.now += timedelta(hours=2)  # Past the overlap in which groups are read once more.
        happened(syncs, posthog, 0)
        before = names(asked(posthog))
        run = syncs.sync()
        assert names(asked(posthog)) - before == {"days": 1, "usage": 2, "groups": 1}
        assert (run.state, run.days_done) == ("done", 1)

    def test_where_accounts_are_no_groups_nothing_is_asked_about_groups(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        map_by_email(syncs)
        syncs.sync_history()
        happened(syncs, posthog, 0)
        before = names(asked(posthog))
        syncs.sync()
        assert names(asked(posthog)) - before == {"days": 1, "usage": 2}

    def test_an_event_that_came_late_costs_at_most_three_for_each_batch_and_one_more(
        self, syncs: Syncs, posthog: Sandbox
    ) -> None:
        syncs.sync_history()
        posthog.us.data(PROJECT).set_group(0, "initech", {"name": "Initech GmbH"})
        happened(syncs, posthog, 27)
        before = len(asked(posthog))
        run = syncs.sync()
        assert (run.state, run.days_done) == ("done", 28)
        assert run.requests == len(asked(posthog)) - before <= 1 + 1 + 3 * BATCHES_OF_A_MONTH

    def test_the_weekly_run_measures_again(self, syncs: Syncs, posthog: Sandbox) -> None:
        syncs.sync_history()
        before = names(asked(posthog))
        syncs.sync(full=True)
        assert (names(asked(posthog)) - before)["coverage"] == 1


class TestTurns:
    @pytest.mark.django_db(transaction=True)
    def test_two_workspaces_on_one_project_ask_one_question_at_a_time(
        self, syncs: Syncs, globex: Workspace, posthog: Sandbox
    ) -> None:
        both = [syncs, syncs_of(globex)]
        posthog.us.fail("slow", path="/query/", seconds=0.02)
        in_flight: list[int] = []
        posthog.us.on_query(lambda number: in_flight.append(unanswered(posthog)))
        with ThreadPoolExecutor(max_workers=2) as threads:
            states = list(threads.map(sync_in_thread, both, [each.start() for each in both]))
        assert states == ["done", "done"]
        assert len(in_flight) == sum(SyncRun.objects.values_list("requests", flat=True))
        assert max(in_flight) == 1
        assert QueryTurn.objects.get().holder == ""

    def test_they_share_nothing(self, syncs: Syncs, globex: Workspace, posthog: Sandbox) -> None:
        other = syncs_of(globex)
        syncs.sync()
        before = stored(syncs.source)
        other.sync()
        assert stored(other.source) == before
        happened(syncs, posthog, 0)
        other.now = syncs.now
        other.sync()
        assert stored(syncs.source) == before != stored(other.source)
        other.source.delete()
        assert stored(syncs.source) == before
        assert set(AccountDay.objects.values_list("account__source", flat=True)) == {
            syncs.source.pk
        }


def unanswered(posthog: Sandbox) -> int:
    """How many queries PostHog is at work on."""
    return sum("/query/" in each.path and each.status is None for each in posthog.us.requests)


def sync_in_thread(syncs: Syncs, run: SyncRun) -> str:
    try:
        done = replace(syncs.performer, sleep=time.sleep).perform(run.pk)
    finally:
        connections.close_all()
    assert done is not None
    return done.state
