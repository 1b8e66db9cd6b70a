"""What is due: runs of working connections, runs that nobody works on, daily re-checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.models import PosthogWorkspaceConfig, SyncRun, UsageSource
from integrations_posthog.services.sync import runs, schedule
from tests.connections import store_connection
from tests.syncs import RULES

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def connection(acme: Workspace) -> PosthogWorkspaceConfig:
    return store_connection(acme, posthog_host="https://us.posthog.com")


def start(now: datetime = NOW) -> list[SyncRun]:
    """Start what is due; gives the runs that were started."""
    last = SyncRun.objects.order_by("id").last()
    schedule.start_due_runs(rules=RULES, now=now)
    return list(SyncRun.objects.filter(pk__gt=last.pk if last else 0))


class TestStart:
    def test_the_first_run_of_a_new_connection_is_due_at_once(
        self, connection: PosthogWorkspaceConfig
    ) -> None:
        [run] = start()
        assert (run.kind, run.days_back, run.state) == ("recent", RULES.first_days, "queued")
        assert (run.actor_name, run.created_at) == ("schedule", NOW)
        source = UsageSource.objects.get()
        assert (source.posthog_host, source.posthog_project_id) == (
            "https://us.posthog.com",
            "12345",
        )

    def test_later_ones_are_when_their_time_has_come(
        self, connection: PosthogWorkspaceConfig
    ) -> None:
        assert len(start()) == 1
        assert start() == []
        SyncRun.objects.update(state="done", finished_at=NOW)
        UsageSource.objects.update(next_sync_at=NOW + timedelta(hours=1))
        assert start(NOW + timedelta(hours=1) - SECOND) == []
        assert len(start(NOW + timedelta(hours=1))) == 1

    def test_beside_an_unfinished_run_there_is_no_other(
        self, connection: PosthogWorkspaceConfig
    ) -> None:
        start()
        SyncRun.objects.update(state="waiting", waiting_until=NOW + timedelta(days=9))
        assert start(NOW + timedelta(days=8)) == []

    @pytest.mark.parametrize(
        "columns",
        [{"is_active": False}, {"is_validated": False}, {"is_validated": None}],
        ids=["disconnected", "refused", "never validated"],
    )
    @pytest.mark.parametrize("was_synced", [True, False])
    def test_a_connection_that_does_not_work_is_not_synced(
        self, connection: PosthogWorkspaceConfig, columns: dict[str, object], was_synced: bool
    ) -> None:
        if was_synced:
            start()
            SyncRun.objects.update(state="done", finished_at=NOW)
        PosthogWorkspaceConfig.objects.update(**columns)
        assert start(NOW + timedelta(days=30)) == []
        assert UsageSource.objects.exists() == was_synced

    def test_whoever_is_faster_starts_it(
        self, connection: PosthogWorkspaceConfig, globex: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store_connection(globex)
        faster = runs.start_run

        def slower(source: UsageSource, **facts: object) -> SyncRun:
            faster(source, rules=RULES, actor_name="alice", now=NOW)
            return faster(source, **facts)  # type: ignore[arg-type]

        monkeypatch.setattr(schedule, "start_run", slower)
        assert [run.actor_name for run in start()] == ["alice", "alice"]


class TestRuns:
    def test_free_runs_come_oldest_first(self, db: None) -> None:
        free = [
            {},
            {"lease_expires_at": NOW - SECOND, "lease_holder": "dead", "state": "running"},
            {"waiting_until": NOW, "state": "waiting"},
        ]
        not_free = [
            {"lease_expires_at": NOW + SECOND, "lease_holder": "alive", "state": "running"},
            {"waiting_until": NOW + SECOND, "state": "waiting"},
            {"finished_at": NOW, "state": "done"},
        ]
        made = [a_run(f"W{n}", **columns) for n, columns in enumerate([*free, *not_free])]
        expected = [run.pk for run in made[: len(free)]]
        assert schedule.runs_to_perform(now=NOW) == expected == sorted(expected)


def a_run(name: str, **columns: object) -> SyncRun:
    connection = store_connection(Workspace.objects.create(name=name))
    source = UsageSource.objects.create(connection=connection)
    facts = {"source": source, "kind": "recent", "days_back": 35, "actor_name": "alice"}
    return SyncRun.objects.create(**facts | columns)


def due(now: datetime = NOW) -> list[str]:
    """The workspaces whose re-check is due, by name."""
    found = schedule.connections_to_recheck(now=now)
    return sorted(str(connection.workspace) for connection in found)


class TestRechecks:
    def test_each_connection_is_given_out_once_a_day(
        self, connection: PosthogWorkspaceConfig
    ) -> None:
        assert due() == ["Acme"]
        assert due() == due(NOW + timedelta(days=1) - SECOND) == []
        assert due(NOW + timedelta(days=1)) == ["Acme"]

    def test_two_who_ask_at_once_share_them(
        self, connection: PosthogWorkspaceConfig, globex: Workspace
    ) -> None:
        store_connection(globex)
        first, second = (schedule.connections_to_recheck(now=NOW) for _ in range(2))
        given_out = [next(first), *second, *first]
        assert sorted(str(one.workspace) for one in given_out) == ["Acme", "Globex"]

    def test_a_refused_one_too_for_it_may_be_good_again(
        self, connection: PosthogWorkspaceConfig
    ) -> None:
        PosthogWorkspaceConfig.objects.update(is_validated=False)
        assert due() == ["Acme"]

    def test_a_disconnected_one_is_left_alone(self, connection: PosthogWorkspaceConfig) -> None:
        PosthogWorkspaceConfig.objects.update(is_active=False)
        assert due() == []
