"""What happens between two queries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest

from integrations_posthog.sandbox import KEYS, Event, Sandbox

from .conftest import Caller


def statuses(us: Caller, count: int) -> list[int]:
    return [us.query(f"select {number}").status_code for number in range(count)]


class TestAfterQueries:
    def test_a_budget_ends_with_a_time_to_wait(self, posthog: Sandbox, us: Caller) -> None:
        fail = partial(posthog.us.fail, "429_budget", path="/query/", retry_after=7)
        posthog.us.after_queries(2, fail)
        assert statuses(us, 2) == [200, 200]
        response = us.query()
        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
        assert us.get("/api/projects/").status_code == 200

    def test_or_without_one(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.after_queries(1, partial(posthog.us.fail, "429_concurrency", path="/query/"))
        assert statuses(us, 1) == [200]
        response = us.query()
        assert (response.status_code, "Retry-After" in response.headers) == (429, False)

    def test_a_key_can_be_revoked_on_the_way(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.after_queries(1, partial(posthog.us.revoke, KEYS.full))
        assert statuses(us, 3) == [200, 401, 401]

    def test_so_can_a_scope_be_removed(self, posthog: Sandbox, us: Caller) -> None:
        remove = partial(posthog.us.remove_scope, KEYS.full, "query:read")
        posthog.us.after_queries(2, remove)
        assert statuses(us, 3) == [200, 200, 403]

    def test_it_counts_from_when_it_is_ordered(self, posthog: Sandbox, us: Caller) -> None:
        statuses(us, 3)
        posthog.us.after_queries(1, partial(posthog.us.revoke, KEYS.full))
        assert statuses(us, 2) == [200, 401]

    def test_other_requests_do_not_count(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.after_queries(1, partial(posthog.us.revoke, KEYS.full))
        for _ in range(3):
            us.get("/api/projects/")
        assert statuses(us, 2) == [200, 401]

    @pytest.mark.parametrize("end", ["heal", "reset"])
    def test_nothing_is_due_any_more_once_healed(
        self, posthog: Sandbox, us: Caller, end: str
    ) -> None:
        posthog.us.after_queries(1, partial(posthog.us.revoke, KEYS.full))
        getattr(posthog.us, end)()
        assert statuses(us, 3) == [200, 200, 200]


class TestOnQuery:
    def test_it_is_called_before_each_query_with_its_number(
        self, posthog: Sandbox, us: Caller
    ) -> None:
        numbers: list[int] = []
        posthog.us.on_query(numbers.append)
        statuses(us, 3)
        assert numbers == [1, 2, 3]

    def test_events_can_arrive_between_two_queries(self, posthog: Sandbox, us: Caller) -> None:
        def arrive(number: int) -> None:
            now = datetime.now(UTC)
            late = Event(event="late", timestamp=now, person_id=UUID(int=number))
            posthog.us.data(12345).add_events([late])

        posthog.us.on_query(arrive)
        count = "select countIf(event = 'late') from events"
        seen = [us.query(count, refresh="force_blocking").json()["results"] for _ in range(2)]
        assert seen == [[[1]], [[2]]]

    def test_it_ends_with_the_faults(self, posthog: Sandbox, us: Caller) -> None:
        numbers: list[int] = []
        posthog.us.on_query(numbers.append)
        posthog.us.heal()
        us.query()
        assert numbers == []
