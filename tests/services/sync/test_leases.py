"""One worker for a run, one query at a time for a project: whoever comes second waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.errors import ServiceUnavailable
from integrations_posthog.models import QueryTurn, SyncRun, UsageSource
from integrations_posthog.services.sync.leases import LeaseLostError, RunLease, query_turn
from tests.connections import store_connection

US, EU = "https://us.posthog.com", "https://eu.posthog.com"


def waits_in_vain(seconds: float) -> None:
    pytest.fail("It had to wait")


def turn(
    now: list[datetime],
    *,
    host: str = US,
    project_id: str = "12345",
    holder: str = "run 1",
    sleep: Callable[[float], None] = waits_in_vain,
) -> AbstractContextManager[None]:
    return query_turn(
        host=host, project_id=project_id, holder=holder, clock=lambda: now[0], sleep=sleep
    )


@pytest.fixture
def now() -> list[datetime]:
    return [datetime(2026, 11, 22, 12, 0, tzinfo=UTC)]


@pytest.fixture
def run(acme: Workspace) -> SyncRun:
    source = UsageSource.objects.create(connection=store_connection(acme))
    return SyncRun.objects.create(source=source, kind="recent", days_back=35, actor_name="alice")


@pytest.fixture
def worker(run: SyncRun, now: list[datetime]) -> Callable[[], RunLease]:
    return lambda: RunLease(run_id=run.pk, seconds=60, clock=lambda: now[0])


class TestRun:
    def test_the_first_worker_has_it_and_the_second_does_not(
        self, worker: Callable[[], RunLease]
    ) -> None:
        first, second = worker(), worker()
        assert first.take()
        assert not second.take()
        with pytest.raises(LeaseLostError):
            second.update(events=5)
        first.update(events=7)
        assert SyncRun.objects.get().events == 7

    def test_who_gives_no_sign_of_life_loses_it_and_can_write_no_more(
        self, worker: Callable[[], RunLease], now: list[datetime]
    ) -> None:
        first, second = worker(), worker()
        first.take()
        now[0] += timedelta(seconds=59)
        assert not second.take()
        first.update()
        now[0] += timedelta(seconds=59)
        assert not second.take()
        now[0] += timedelta(seconds=2)
        assert second.take()
        with pytest.raises(LeaseLostError), first.transaction():
            pytest.fail("The transaction of a worker without a lease was begun")

    def test_what_is_written_while_the_lease_is_lost_is_undone(
        self, worker: Callable[[], RunLease], run: SyncRun
    ) -> None:
        first = worker()
        first.take()

        def write() -> None:
            with first.transaction() as columns:
                UsageSource.objects.update(project_timezone="Europe/Berlin")
                SyncRun.objects.update(lease_holder="another one")
                columns["events"] = 5

        with pytest.raises(LeaseLostError):
            write()
        assert UsageSource.objects.get().project_timezone == ""

    def test_an_ended_run_is_not_to_be_had(
        self, worker: Callable[[], RunLease], now: list[datetime]
    ) -> None:
        first = worker()
        first.take()
        first.release(state="done", finished_at=now[0])
        assert not worker().take()

    def test_a_waiting_run_is_to_be_had_when_its_time_has_come(
        self, worker: Callable[[], RunLease], now: list[datetime]
    ) -> None:
        first = worker()
        first.take()
        first.release(state="waiting", waiting_until=now[0] + timedelta(seconds=30))
        assert not worker().take()
        now[0] += timedelta(seconds=30)
        assert worker().take()
        assert SyncRun.objects.values_list("state", "waiting_until").get() == ("running", None)

    def test_taking_it_counts_as_a_failure_until_it_has_come_further(
        self, worker: Callable[[], RunLease], now: list[datetime]
    ) -> None:
        for _ in range(3):
            assert worker().take()
            now[0] += timedelta(seconds=61)
        assert SyncRun.objects.get().failures == 3

    def test_a_stopped_run_is_lost(self, worker: Callable[[], RunLease]) -> None:
        first = worker()
        first.take()
        UsageSource.objects.all().delete()
        with pytest.raises(LeaseLostError):
            first.update()


@pytest.mark.django_db
class TestTurn:
    def test_the_second_waits_until_the_first_is_done(self, now: list[datetime]) -> None:
        waits: list[float] = []
        first = turn(now)
        first.__enter__()

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                first.__exit__(None, None, None)

        with turn(now, holder="run 2", sleep=sleep):
            assert len(waits) == 3
        assert QueryTurn.objects.count() == 1

    def test_other_projects_and_hosts_do_not_wait(self, now: list[datetime]) -> None:
        with turn(now), turn(now, project_id="201"), turn(now, host=EU):
            assert QueryTurn.objects.exclude(holder="").count() == 3

    def test_the_turn_of_a_worker_that_died_passes(self, now: list[datetime]) -> None:
        dead = turn(now)
        dead.__enter__()
        with turn(now):
            pass  # The same run, in other hands.
        dead = turn(now)
        dead.__enter__()
        now[0] += timedelta(seconds=76)
        with turn(now, holder="run 2"):
            pass

    def test_patience_ends(self, now: list[datetime]) -> None:
        first = turn(now)
        first.__enter__()
        waits: list[float] = []
        second = turn(now, holder="run 2", sleep=waits.append)
        with pytest.raises(ServiceUnavailable), second:
            pytest.fail("It had its turn beside the first one")
        assert 85 < sum(waits) < 95

    def test_a_query_that_fails_gives_its_turn_back(self, now: list[datetime]) -> None:
        with pytest.raises(ZeroDivisionError), turn(now):
            raise ZeroDivisionError
        with turn(now, holder="run 2"):
            pass
