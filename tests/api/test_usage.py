"""The API's calls about usage: what they answer, to whom, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    PosthogConnectionEvent,
    SyncDay,
    SyncRun,
    UsageEvent,
    UsageSource,
)
from tests.connections import store_connection

BASE = "/api/posthog"
SYNC, DAYS, ACCOUNTS = f"{BASE}/sync", f"{BASE}/sync/days", f"{BASE}/accounts"
MAPPING, PURGE = f"{BASE}/account-mapping", f"{BASE}/purge"
AS_OF = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

As = Callable[[User], APIClient]

launched: list[int] = []


def note_launch(run_id: int) -> None:
    launched.append(run_id)


@pytest.fixture(autouse=True)
def _launches(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = f"{__name__}.note_launch"
    launched.clear()


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage: nothing yet."""
    connection = store_connection(acme, is_validated=True)
    return UsageSource.objects.create(
        connection=connection,
        posthog_host=connection.posthog_host,
        posthog_project_id=connection.posthog_project_id,
        project_timezone="Europe/Berlin",
        strategy="group",
        value="0",
        as_of=AS_OF,
        coverage=[
            {"strategy": "group", "value": "0", "events": 93, "share": 0.93, "accounts": 1985}
        ],
    )


@pytest.fixture
def accounts(source: UsageSource) -> list[Account]:
    """Initech, Hooli and Globex, in the order of their use."""
    made = [
        Account(
            source=source,
            key=f"{name.lower()}.example",
            name=name,
            first_seen=AS_OF - timedelta(days=40),
            last_seen=AS_OF,
            events_28d=events,
            events_7d=events // 4,
            people_28d=people,
            top_events=[{"event": "signup", "events": events, "people": people}],
            trend=[0] * 11 + [events // 4],
            properties={"plan": "team"},
        )
        for name, events, people in (("Initech", 90, 9), ("Hooli", 40, 12), ("Globex", 40, 3))
    ]
    return Account.objects.bulk_create(made)


def get(client: APIClient, address: str, **query: Any) -> Any:
    response = client.get(address, query)
    assert response.status_code == 200, response.json()
    return response.json()


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error_type"]


class TestStart:
    def test_a_sync_is_started_and_handed_over(
        self, alice: User, source: UsageSource, session_client: As
    ) -> None:
        response = session_client(alice).post(SYNC)
        run = SyncRun.objects.get()
        assert (response.status_code, response.json()) == (202, {"run_id": str(run.pk)})
        assert launched == [run.pk]
        assert (run.actor_name, run.kind, run.state) == ("alice", "recent", "queued")

    def test_there_is_one_at_a_time(
        self, alice: User, source: UsageSource, session_client: As
    ) -> None:
        client = session_client(alice)
        client.post(SYNC)
        response = client.post(SYNC)
        assert refused(response) == (409, "sync_running")
        assert SyncRun.objects.count() == len(launched) == 1

    def test_without_a_working_connection_there_is_nothing_to_sync(
        self, acme: Workspace, alice: User, session_client: As
    ) -> None:
        client = session_client(alice)
        assert refused(client.post(SYNC)) == (404, "not_found")
        connection = store_connection(acme, is_validated=False)
        assert refused(client.post(SYNC)) == (404, "not_found")
        connection.is_validated, connection.is_active = True, False
        connection.save()
        assert refused(client.post(SYNC)) == (404, "not_found")
        assert launched == []

    @pytest.mark.parametrize("address", [SYNC, PURGE])
    def test_a_member_may_not(
        self, address: str, carol: User, source: UsageSource, session_client: As
    ) -> None:
        response = session_client(carol).post(address, {"confirm": "acme"}, format="json")
        assert refused(response) == (403, "permission_denied")
        assert UsageSource.objects.exists()
        assert launched == []

    def test_disconnecting_stops_it(
        self, alice: User, source: UsageSource, session_client: As
    ) -> None:
        client = session_client(alice)
        client.post(SYNC)
        client.post(f"{BASE}/disconnect")
        told = get(client, SYNC)
        assert told["state"] == "failed"
        assert told["run"]["error"] == "The workspace was disconnected."


class TestProgress:
    def test_before_the_first_sync_there_is_none(
        self, acme: Workspace, carol: User, session_client: As
    ) -> None:
        told = get(session_client(carol), SYNC)
        assert (told["state"], told["as_of"], told["run"]) == ("never", None, None)
        assert told["ledger"] == {
            "from": None,
            "to": None,
            "green": 0,
            "red": 0,
            "pending": 0,
            "events_posthog": 0,
            "events_stored": 0,
            "events_unattributed": 0,
            "verified_at": None,
        }

    def test_it_tells_how_far_it_is(
        self, carol: User, source: UsageSource, session_client: As
    ) -> None:
        SyncRun.objects.create(
            source=source,
            kind="recent",
            state="waiting",
            days_back=90,
            actor_name="alice",
            started_at=NOON,
            waiting_until=NOON + timedelta(minutes=1),
            days_total=90,
            days_done=30,
            events=4_000,
            requests=7,
            bytes_read=1_000_000,
            error="PostHog's rate limit exceeded. Wait.",
            error_type="rate_limited",
        )
        ledger = [("green", 100, 90, 10), ("red", 50, 0, 0), ("pending", 5, 0, 0)]
        for number, (state, posthog, stored, unattributed) in enumerate(ledger):
            SyncDay.objects.create(
                source=source,
                day=AS_OF - timedelta(days=number),
                state=state,
                events_posthog=posthog,
                events_stored=stored,
                events_unattributed=unattributed,
                verified_at=NOON if state == "green" else None,
            )
        told = get(session_client(carol), SYNC)
        run = told["run"]
        assert (told["state"], told["as_of"]) == ("waiting", "2026-11-20")
        assert (run["days_done"], run["days_total"], run["events"]) == (30, 90, 4_000)
        assert run["waiting_until"] == "2026-11-20T12:01:00Z"
        assert (run["error_type"], run["finished_at"]) == ("rate_limited", None)
        assert run["eta_seconds"] > 0
        assert told["ledger"] == {
            "from": "2026-11-18",
            "to": "2026-11-20",
            "green": 1,
            "red": 1,
            "pending": 1,
            "events_posthog": 155,
            "events_stored": 90,
            "events_unattributed": 10,
            "verified_at": "2026-11-20T12:00:00Z",
        }

    def test_the_ledger_comes_newest_first_and_in_pages(
        self, carol: User, source: UsageSource, session_client: As
    ) -> None:
        SyncDay.objects.bulk_create(
            SyncDay(
                source=source,
                day=AS_OF - timedelta(days=number),
                state="green",
                events_posthog=number,
                unattributed={"no_account": 3},
            )
            for number in range(7)
        )
        client = session_client(carol)
        first = get(client, DAYS, page_size=5)
        second = client.get(first["next"]).json()
        days = [row["day"] for row in (*first["results"], *second["results"])]
        assert days == [(AS_OF - timedelta(days=number)).isoformat() for number in range(7)]
        assert second["next"] is None
        assert first["results"][0]["unattributed"] == {"no_account": 3}


class TestAccounts:
    def test_they_come_most_active_first_with_their_figures(
        self, carol: User, accounts: list[Account], session_client: As
    ) -> None:
        told = get(session_client(carol), ACCOUNTS)["results"]
        assert [one["name"] for one in told] == ["Initech", "Hooli", "Globex"]
        assert told[0]["id"] == str(accounts[0].pk)
        assert told[0]["key"] == "initech.example"
        assert (told[0]["events_28d"], told[0]["people_28d"]) == (90, 9)
        assert told[0]["top_events"] == [{"event": "signup", "events": 90, "people": 9}]
        assert told[0]["trend"] == [0] * 11 + [22]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"ordering": "-people_28d"}, ["Hooli", "Initech", "Globex"]),
            ({"ordering": "name"}, ["Globex", "Hooli", "Initech"]),
            ({"search": "HOOLI"}, ["Hooli"]),
            ({"search": "x.ex"}, ["Globex"]),
            ({"search": "%"}, []),
            ({"min_events_28d": 41}, ["Initech"]),
            ({"max_people_28d": 9, "min_people_28d": 4}, ["Initech"]),
        ],
    )
    def test_they_can_be_searched_ordered_and_filtered(
        self,
        query: dict[str, Any],
        names: list[str],
        carol: User,
        accounts: list[Account],
        session_client: As,
    ) -> None:
        told = get(session_client(carol), ACCOUNTS, **query)
        assert [one["name"] for one in told["results"]] == names

    @pytest.mark.parametrize("ordering", ["-events_28d", "events_28d", "name", "-last_seen"])
    def test_pages_hold_each_account_once_whatever_the_order(
        self, ordering: str, carol: User, accounts: list[Account], session_client: As
    ) -> None:
        client = session_client(carol)
        page = get(client, ACCOUNTS, ordering=ordering, page_size=1)
        ids = [page["results"][0]["id"]]
        while page["next"]:
            page = client.get(page["next"]).json()
            ids += [one["id"] for one in page["results"]]
        assert sorted(ids) == sorted(str(account.pk) for account in accounts)

    @pytest.mark.parametrize(
        "query",
        [
            {"ordering": "source"},
            {"ordering": "source__connection__posthog_api_key"},
            {"min_events_28d": "many"},
            {"min_events_28d": "-1"},
            {"cursor": "cD1hYmM="},
            {"cursor": "nonsense"},
        ],
    )
    def test_what_cannot_be_asked_is_refused_with_what_can(
        self,
        query: dict[str, str],
        carol: User,
        accounts: list[Account],
        session_client: As,
    ) -> None:
        response = session_client(carol).get(ACCOUNTS, query)
        assert refused(response) == (400, "invalid_format")
        assert response.json()["hint"]

    def test_one_account_comes_with_its_days(
        self, carol: User, source: UsageSource, accounts: list[Account], session_client: As
    ) -> None:
        event = UsageEvent.objects.create(source=source, name="signup")
        for back in (0, 89, 90):
            day = AS_OF - timedelta(days=back)
            AccountDay.objects.create(
                account=accounts[0], day=day, events=3, people=1, people_7d=2, people_28d=4
            )
            AccountEventDay.objects.create(
                account=accounts[0], day=day, event=event, events=3, people=1
            )
        client, address = session_client(carol), f"{ACCOUNTS}/{accounts[0].pk}"
        told = get(client, address)
        assert told["properties"] == {"plan": "team"}
        assert [day["day"] for day in told["daily"]] == ["2026-08-23", "2026-11-20"]
        assert told["daily"][1] == {
            "day": "2026-11-20",
            "events": 3,
            "people": 1,
            "people_7d": 2,
            "people_28d": 4,
        }
        assert told["by_event"][1] == {
            "event": "signup",
            "day": "2026-11-20",
            "events": 3,
            "people": 1,
        }
        earlier = get(client, address, **{"from": "2026-08-20", "to": "2026-08-22"})
        assert [day["day"] for day in earlier["daily"]] == ["2026-08-22"]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "2026-11-02", "to": "2026-11-01"},
            {"from": "2020-01-01", "to": "2026-11-01"},
            {"from": "yesterday"},
        ],
    )
    def test_days_that_make_no_range_are_refused(
        self,
        query: dict[str, str],
        carol: User,
        accounts: list[Account],
        session_client: As,
    ) -> None:
        response = session_client(carol).get(f"{ACCOUNTS}/{accounts[0].pk}", query)
        assert refused(response) == (400, "invalid_format")

    @pytest.mark.parametrize("account_id", ["0", "x", "999999999999999999999999", "-1", "²"])
    def test_what_is_no_account_is_not_found(
        self, account_id: str, carol: User, accounts: list[Account], session_client: As
    ) -> None:
        response = session_client(carol).get(f"{ACCOUNTS}/{account_id}")
        assert refused(response) == (404, "not_found")

    def test_another_workspace_s_account_is_not_found(
        self, charlie: User, accounts: list[Account], session_client: As
    ) -> None:
        client = session_client(charlie)
        assert refused(client.get(f"{ACCOUNTS}/{accounts[0].pk}")) == (404, "not_found")
        assert get(client, ACCOUNTS)["results"] == []


class TestMapping:
    def test_before_anything_was_measured_nothing_is_chosen(
        self, acme: Workspace, carol: User, session_client: As
    ) -> None:
        told = get(session_client(carol), MAPPING)
        assert told == {"strategy": None, "value": None, "coverage": []}

    def test_it_tells_what_each_choice_covers(
        self, carol: User, source: UsageSource, session_client: As
    ) -> None:
        told = get(session_client(carol), MAPPING)
        assert (told["strategy"], told["value"]) == ("group", "0")
        [choice] = told["coverage"]
        assert (choice["share"], choice["accounts"]) == (0.93, 1985)

    def test_another_one_removes_all_usage_and_is_read_anew(
        self, alice: User, accounts: list[Account], session_client: As
    ) -> None:
        client = session_client(alice)
        old = client.post(SYNC).json()["run_id"]
        response = client.put(MAPPING, {"strategy": "email_domain"}, format="json")
        assert response.status_code == 200
        assert (response.json()["strategy"], response.json()["value"]) == ("email_domain", None)
        assert not Account.objects.exists()
        run = SyncRun.objects.get()
        assert launched == [int(old), run.pk]
        assert UsageSource.objects.get() == run.source
        event = PosthogConnectionEvent.objects.get(action="mapping")
        assert (event.actor_name, event.outcome) == ("alice", "ok")

    def test_the_same_one_changes_nothing(
        self, alice: User, accounts: list[Account], session_client: As
    ) -> None:
        body = {"strategy": "group", "value": "0"}
        assert session_client(alice).put(MAPPING, body, format="json").status_code == 200
        assert Account.objects.count() == 3

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"strategy": "astrology"},
            {"strategy": "group", "value": "7"},
            {"strategy": "event_property", "value": "a`b"},
            {"strategy": "person_property"},
        ],
    )
    def test_what_cannot_be_a_mapping_is_refused(
        self, body: dict[str, str], alice: User, accounts: list[Account], session_client: As
    ) -> None:
        response = session_client(alice).put(MAPPING, body, format="json")
        assert refused(response) == (400, "invalid_format")
        assert Account.objects.count() == 3

    def test_a_member_may_not_change_it(
        self, carol: User, accounts: list[Account], session_client: As
    ) -> None:
        response = session_client(carol).put(MAPPING, {"strategy": "email_domain"}, format="json")
        assert refused(response) == (403, "permission_denied")
        assert Account.objects.count() == 3


class TestPurge:
    def test_an_owner_who_confirms_removes_all_usage_and_keeps_the_connection(
        self, acme: Workspace, alice: User, accounts: list[Account], session_client: As
    ) -> None:
        client = session_client(alice)
        response = client.post(PURGE, {"confirm": acme.slug}, format="json")
        assert response.status_code == 200
        assert not Account.objects.exists()
        status = get(client, f"{BASE}/status")
        assert (status["is_active"], status["last_sync"]) == (True, None)
        assert PosthogConnectionEvent.objects.get(action="purge").actor_name == "alice"

    @pytest.mark.parametrize("body", [{}, {"confirm": ""}, {"confirm": "globex"}])
    def test_without_the_workspace_s_name_nothing_is_removed(
        self, body: dict[str, str], alice: User, accounts: list[Account], session_client: As
    ) -> None:
        response = session_client(alice).post(PURGE, body, format="json")
        assert refused(response) == (400, "invalid_format")
        assert Account.objects.count() == 3

    def test_an_admin_may_not(
        self, acme: Workspace, bob: User, accounts: list[Account], session_client: As
    ) -> None:
        response = session_client(bob).post(PURGE, {"confirm": acme.slug}, format="json")
        assert refused(response) == (403, "permission_denied")
        assert Account.objects.count() == 3
