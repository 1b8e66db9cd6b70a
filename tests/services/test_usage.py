"""A workspace's usage: who may ask for a sync and of what, how it stands, what is removed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.errors import (
    InvalidInput,
    InvalidMapping,
    NotConfigured,
    NotConnected,
    NotFound,
    SyncRunning,
)
from integrations_posthog.models import (
    Account,
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncDay,
    SyncRun,
    UsageSource,
)
from integrations_posthog.services.usage import LedgerSummary, SyncStatus, UsageService
from tests.connections import actor, store_connection
from tests.syncs import RULES
from tests.usage import AS_OF, VERIFIED_AT, store_run, store_source, store_usage


@pytest.fixture
def now() -> list[datetime]:
    """The time, as the service sees it: change the one item to change the time."""
    return [VERIFIED_AT]


@pytest.fixture
def usage(acme: Workspace, now: list[datetime]) -> UsageService:
    """Acme's."""
    return UsageService(workspace=acme, actor=actor(), clock=lambda: now[0], rules=RULES)


class TestRequest:
    def test_the_first_one_is_of_the_first_days_and_is_nobody_s_yet(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        connection = store_connection(acme, posthog_host="https://eu.posthog.com")
        run = usage.request_sync()
        assert (run.kind, run.days_back, run.state) == ("recent", RULES.first_days, "queued")
        assert (run.actor_name, run.created_at, run.lease_holder) == ("alice", now[0], "")
        assert (run.source.posthog_host, run.source.posthog_project_id) == (
            "https://eu.posthog.com",
            "12345",
        )
        assert run.source.connection == connection

    @pytest.mark.parametrize(
        ("held", "asked", "kind", "days_back"),
        [
            (30, {}, "recent", 40),
            (30, {"full": True}, "recent", 40),
            (50, {}, "history", 60),
            (50, {"full": True}, "full", 50),
            (60, {}, "recent", 35),
            (60, {"full": True}, "full", 60),
            (60, {"days": 5}, "recent", 5),
        ],
    )
    def test_later_ones_are_of_what_is_missing_or_was_asked_for(
        self,
        usage: UsageService,
        acme: Workspace,
        held: int,
        asked: dict[str, int],
        kind: str,
        days_back: int,
    ) -> None:
        store_usage(acme, accounts=0, days=held, project_timezone="UTC")
        run = usage.request_sync(**asked)  # type: ignore[arg-type]
        assert (run.kind, run.days_back) == (kind, days_back)

    def test_once_a_week_it_is_of_all_days(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        store_usage(acme, accounts=0, project_timezone="UTC", next_full_sync_at=now[0])
        run = usage.request_sync()
        assert (run.kind, run.days_back) == ("full", 60)

    def test_there_is_one_at_a_time(self, usage: UsageService, acme: Workspace) -> None:
        store_connection(acme)
        usage.request_sync()
        with pytest.raises(SyncRunning):
            usage.request_sync(full=True)
        assert SyncRun.objects.count() == 1

    def test_without_a_working_connection_there_is_none(
        self, usage: UsageService, acme: Workspace
    ) -> None:
        with pytest.raises(NotConfigured):
            usage.request_sync()
        store_connection(acme)
        for columns in ({"is_validated": False}, {"is_validated": True, "is_active": False}):
            PosthogWorkspaceConfig.objects.update(**columns)
            with pytest.raises(NotConnected):
                usage.request_sync()
        assert not UsageSource.objects.exists()


class TestStatus:
    def test_before_the_first_sync_it_is_never(self, usage: UsageService, acme: Workspace) -> None:
        assert usage.sync_status() == SyncStatus(state="never")
        store_source(acme)
        assert usage.sync_status() == SyncStatus(state="never", ledger=LedgerSummary())

    @pytest.mark.parametrize(
        ("stored", "told"),
        [("queued", "running"), *((state, state) for state in ("running", "waiting", "failed"))],
    )
    def test_it_is_that_of_the_last_run(
        self, usage: UsageService, acme: Workspace, stored: str, told: str
    ) -> None:
        source = store_source(acme)
        store_run(source, state="done", finished_at=VERIFIED_AT)
        last = store_run(source, state=stored)
        status = usage.sync_status()
        assert (status.state, status.run) == (told, last)

    def test_the_time_left_is_in_proportion_to_the_days_done(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        run = store_run(store_source(acme), days_done=30, days_total=90)
        now[0] += timedelta(seconds=60)
        assert usage.sync_status().eta_seconds == 120
        for columns in (
            {"days_done": 0},
            {"days_done": 30, "started_at": None},
            {"started_at": VERIFIED_AT, "finished_at": now[0], "state": "done"},
        ):
            SyncRun.objects.filter(pk=run.pk).update(**columns)
            assert usage.sync_status().eta_seconds is None

    def test_the_ledger_is_summed_up(self, usage: UsageService, acme: Workspace) -> None:
        red, pending = [AS_OF], [AS_OF - timedelta(days=n) for n in (1, 2)]
        store_usage(acme, days=10, red=red, pending=pending)
        ledger = usage.sync_status().ledger
        assert (ledger.first, ledger.last) == (AS_OF - timedelta(days=9), AS_OF)
        assert (ledger.green, ledger.red, ledger.pending) == (7, 1, 2)
        assert ledger.events_unattributed == 7 * 12
        assert ledger.events_posthog == ledger.events_stored + 10 * 12
        assert ledger.verified_at == VERIFIED_AT


class TestAccounts:
    def test_one_whose_figures_are_still_to_come_is_left_out(
        self, usage: UsageService, acme: Workspace
    ) -> None:
        source = store_usage(acme, accounts=["Initech"], days=2)
        staged = Account.objects.create(source=source, key="hooli", name="Hooli")
        assert [account.name for account in usage.accounts()] == ["Initech"]
        with pytest.raises(NotFound):
            usage.account(str(staged.pk))

    def test_usage_is_of_the_last_ninety_days_held_unless_one_says(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        store_usage(acme, accounts=1, days=95)
        account = usage.accounts().get()
        now[0] += timedelta(days=5)
        found = usage.account_usage(account)
        assert (found.first, found.last) == (AS_OF - timedelta(days=89), AS_OF)
        assert [row["day"] for row in found.daily] == sorted(days(found.first, found.last))
        one = usage.account_usage(account, first=AS_OF, last=AS_OF)
        assert [row["day"] for row in one.daily] == [AS_OF]
        assert {row["day"] for row in one.by_event} == {AS_OF}

    def test_before_any_day_is_held_it_ends_today(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        account = Account.objects.create(source=store_source(acme, as_of=None), key="a", name="a")
        found = usage.account_usage(account)
        assert (found.last, found.daily, found.by_event) == (now[0].date(), [], [])

    @pytest.mark.parametrize(("before", "is_good"), [(0, True), (365, True), (366, False)])
    def test_more_than_a_year_at_once_is_refused(
        self, usage: UsageService, acme: Workspace, before: int, is_good: bool
    ) -> None:
        store_usage(acme, accounts=1, days=1)
        account, first = usage.accounts().get(), AS_OF - timedelta(days=before)
        if is_good:
            assert usage.account_usage(account, first=first, last=AS_OF).first == first
            return
        with pytest.raises(InvalidInput):
            usage.account_usage(account, first=first, last=AS_OF)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


class TestMapping:
    def test_the_same_one_again_changes_nothing(self, usage: UsageService, acme: Workspace) -> None:
        source = store_usage(acme, days=2)
        assert usage.change_mapping(strategy="email_domain") is None
        told = usage.mapping()
        assert (told.strategy, told.value) == ("email_domain", None)
        assert usage.source() == source
        assert not PosthogConnectionEvent.objects.exists()

    def test_another_one_begins_anew_and_is_due_at_once(
        self, usage: UsageService, acme: Workspace, now: list[datetime]
    ) -> None:
        old = store_usage(acme, days=2)
        run = store_run(old)
        begun = usage.change_mapping(strategy="group", value="0")
        told = usage.mapping()
        assert (told.strategy, told.value, list(told.coverage)) == ("group", "0", old.coverage)
        source = UsageSource.objects.get()
        assert (source.posthog_host, source.posthog_project_id) == (
            old.posthog_host,
            old.posthog_project_id,
        )
        assert (source.next_sync_at, source.as_of) == (now[0], None)
        assert not Account.objects.exists()
        assert not SyncDay.objects.exists()
        assert SyncRun.objects.get() == begun != run

    def test_it_may_be_chosen_before_the_first_sync(
        self, usage: UsageService, acme: Workspace
    ) -> None:
        with pytest.raises(NotConfigured):
            usage.change_mapping(strategy="email_domain")
        store_connection(acme)
        with pytest.raises(InvalidMapping):
            usage.change_mapping(strategy="group", value="9")
        begun = usage.change_mapping(strategy="person_property", value="company")
        assert begun is not None
        assert begun.source.value == "company"


class TestPurge:
    @pytest.mark.parametrize("name", ["pk", "slug"])
    def test_whoever_names_the_workspace_removes_all_its_usage_and_no_other_s(
        self, usage: UsageService, acme: Workspace, globex: Workspace, name: str
    ) -> None:
        store_usage(acme, days=2)
        other = store_usage(globex, days=2)
        PosthogWorkspaceConfig.objects.update(last_sync=VERIFIED_AT)
        usage.purge(confirm=getattr(acme, name))
        assert UsageSource.objects.get() == other
        assert not Account.objects.exclude(source=other).exists()
        connection = PosthogWorkspaceConfig.objects.get(workspace=acme)
        assert (connection.is_active, connection.last_sync) == (True, None)
        event = PosthogConnectionEvent.objects.get()
        assert (event.action, event.outcome, event.actor_name) == ("purge", "ok", "alice")

    @pytest.mark.parametrize("confirm", ["", "yes", "globex", "None"])
    def test_anything_else_removes_nothing(
        self, usage: UsageService, acme: Workspace, globex: Workspace, confirm: str
    ) -> None:
        source = store_usage(acme, days=2)
        with pytest.raises(InvalidInput):
            usage.purge(confirm=confirm)
        assert usage.source() == source
        assert not PosthogConnectionEvent.objects.exists()
