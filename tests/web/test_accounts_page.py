"""The pages of accounts: which of them are shown, in which order, and what is said of each."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from beton.models import Workspace
from integrations_posthog.models import Account, UsageSource
from tests.connections import store_connection
from tests.usage import AS_OF, store_source, store_usage

from .conftest import HTMX, As, text_of

ACCOUNTS = "/settings/posthog/accounts/"


@pytest.fixture
def client(logged_in: As, carol: User) -> Client:
    """Carol's, who may only read."""
    return logged_in(carol)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech", "Hooli", "Zoë & Söhne"], days=60)


def names(response: Any) -> list[str]:
    """The accounts of a list, in its order."""
    body = response.content.decode().partition("<tbody>")[2]
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', body)


def page_of(account: Account, **asked: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"{ACCOUNTS}{account.pk}/?{query}"


class TestList:
    def test_a_row_tells_the_figures_and_their_change(
        self, client: Client, source: UsageSource
    ) -> None:
        Account.objects.exclude(name="Hooli").delete()
        Account.objects.update(
            key="hooli.example",
            events_7d=1_120,
            events_7d_before=1_000,
            events_28d=4_000,
            events_28d_before=0,
            people_7d=12,
            people_28d=34,
            active_days_28d=20,
            trend=[0, 5, 10],
            score=62.5,
        )
        response = client.get(ACCOUNTS)
        figures = "62.5 M75 1,120 +12 % on the 7 days before 4,000 new 12 34 20 of 28 $pageview"
        assert f"Hooli hooli.example {figures}" in text_of(response)
        assert 'aria-label="Events of the last 3 weeks: 0, 5, 10"' in response.content.decode()

    def test_it_says_as_of_which_day_and_whose_days_they_are(
        self, client: Client, source: UsageSource
    ) -> None:
        assert "3 accounts As of 22 Nov 2026, days of Europe/Berlin" in text_of(
            client.get(ACCOUNTS)
        )

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("HOOL", ["Hooli"]),
            ("zoë &", ["Zoë &amp; Söhne"]),
            ("example.org", ["Initech"]),
            (" hooli ", ["Hooli"]),
            ("%", []),
            ("", ["Initech", "Hooli", "Zoë &amp; Söhne"]),
        ],
    )
    def test_names_and_keys_are_searched(
        self, client: Client, source: UsageSource, search: str, found: list[str]
    ) -> None:
        Account.objects.filter(name="Initech").update(key="example.org")
        assert names(client.get(ACCOUNTS, {"search": search})) == found

    @pytest.mark.parametrize(
        ("ordering", "first"),
        [
            ("", "Initech"),
            ("-events_28d", "Initech"),
            ("events_28d", "Zoë &amp; Söhne"),
            ("name", "Hooli"),
            ("-name", "Zoë &amp; Söhne"),
            ("people_28d", "Zoë &amp; Söhne"),
            ("-key", "Initech"),
        ],
    )
    def test_the_list_is_ordered_by_a_column_that_is_shown_and_no_other(
        self, client: Client, source: UsageSource, ordering: str, first: str
    ) -> None:
        assert names(client.get(ACCOUNTS, {"ordering": ordering}))[0] == first

    def test_the_highest_score_comes_first_on_the_first_click(
        self, client: Client, source: UsageSource
    ) -> None:
        for name, score in (("Initech", 0), ("Hooli", 12.5), ("Zoë & Söhne", 80)):
            Account.objects.filter(name=name).update(score=score)
        html = client.get(ACCOUNTS).content.decode()
        [address] = re.findall(r'<a href="([^"]*)">Score</a>', html)
        ranked = ["Zoë &amp; Söhne", "Hooli", "Initech"]
        assert address == "?ordering=-score"
        assert names(client.get(ACCOUNTS + address)) == ranked
        assert names(client.get(ACCOUNTS, {"ordering": "score"})) == ranked[::-1]

    def test_the_column_that_orders_is_marked_and_turns_round(
        self, client: Client, source: UsageSource
    ) -> None:
        html = client.get(ACCOUNTS, {"ordering": "-events_7d", "search": "o"}).content.decode()
        [marked] = re.findall(r'aria-sort="(\w+)" class="ph-number"><a href="([^"]*)"', html)
        assert marked == ("descending", "?ordering=events_7d&amp;search=o")

    def test_fifty_are_on_a_page_and_each_is_on_one(self, acme: Workspace, client: Client) -> None:
        store_usage(acme, accounts=120, days=1)
        Account.objects.update(events_28d=7)
        pages = [names(client.get(ACCOUNTS, {"page": number})) for number in (1, 2, 3)]
        assert [len(page) for page in pages] == [50, 50, 20]
        assert len({name for page in pages for name in page}) == 120
        assert "51 to 100 of 120 Previous Next" in text_of(client.get(ACCOUNTS, {"page": 2}))

    @pytest.mark.parametrize("asked", ["search", "ordering", "page"])
    @pytest.mark.parametrize(
        "text", ["a" * 60_000, "9" * 5_000, "%25" * 10_000, "²", "1e9", "%ED%A0%80", "source", "-"]
    )
    def test_whatever_is_asked_for_there_is_a_page(
        self, client: Client, source: UsageSource, asked: str, text: str
    ) -> None:
        response = client.get(f"{ACCOUNTS}?{asked}={text}")
        assert response.status_code == 200
        assert asked == "search" or set(names(response)) == {"Initech", "Hooli", "Zoë &amp; Söhne"}

    @pytest.mark.parametrize(("page", "shown"), [("0", 20), ("x", 50), ("9", 20), ("-1", 20)])
    def test_a_page_that_there_is_not_is_one_that_there_is(
        self, acme: Workspace, client: Client, page: str, shown: int
    ) -> None:
        store_usage(acme, accounts=70, days=1)
        assert len(names(client.get(ACCOUNTS, {"page": page}))) == shown

    def test_more_accounts_take_no_more_queries(self, acme: Workspace, client: Client) -> None:
        source = store_usage(acme, accounts=1, days=1)
        with CaptureQueriesContext(connection) as for_one:
            client.get(ACCOUNTS)
        source.delete()
        store_usage(acme, accounts=40, days=1)
        with CaptureQueriesContext(connection) as for_many:
            assert len(names(client.get(ACCOUNTS))) == 40
        assert len(for_many) == len(for_one)

    def test_with_htmx_only_the_list_is_sent(self, client: Client, source: UsageSource) -> None:
        response = client.get(ACCOUNTS, {"search": "hooli"}, headers=HTMX)
        assert re.match(r'\s*<section id="posthog-accounts"', response.content.decode())
        assert names(response) == ["Hooli"]


class TestNothing:
    def test_nothing_is_connected_yet(self, client: Client) -> None:
        assert "Accounts appear with the first sync." in text_of(client.get(ACCOUNTS))

    def test_nothing_is_synced_yet(self, acme: Workspace, client: Client) -> None:
        store_connection(acme)
        assert "Not synced yet" in text_of(client.get(ACCOUNTS))
        store_source(acme)
        assert "Not synced yet" in text_of(client.get(ACCOUNTS))

    def test_nothing_is_found(self, client: Client, source: UsageSource) -> None:
        response = client.get(ACCOUNTS, {"search": "<b>nobody"})
        assert "No account matches “<b>nobody”" in text_of(response).replace("&lt;", "<")
        assert "<b>nobody" not in response.content.decode()

    def test_no_event_belongs_to_an_account(self, acme: Workspace, client: Client) -> None:
        store_usage(acme, accounts=0, days=3)
        assert "No event that was read belongs to an account." in text_of(client.get(ACCOUNTS))


class TestAccount:
    def test_its_figures_and_properties_are_told(self, client: Client, source: UsageSource) -> None:
        account = Account.objects.get(name="Hooli")
        account.properties = {
            "plan": "team",
            "seats": 40,
            "tags": ["a", "ü"],
            "html": "<b>",
            "long": "x" * 1_000_000,
        }
        account.save()
        response = client.get(page_of(account))
        text = text_of(response)
        assert "First seen 24 Sep 2026, last seen 22 Nov 2026" in text
        assert f"People, 1, 7 and 28 days {account.people_1d} · {account.people_7d} · " in text
        assert 'seats 40 tags ["a", "ü"]' in text
        assert "plan team" in text
        assert "&lt;b&gt;" in response.content.decode()
        assert len(response.content) < 100_000

    @pytest.mark.parametrize(
        ("asked", "days"), [("28", 28), ("90", 90), ("365", 365), ("", 90), ("9999", 90), ("x", 90)]
    )
    def test_the_chart_has_every_day_of_the_range(
        self, client: Client, source: UsageSource, asked: str, days: int
    ) -> None:
        account = Account.objects.get(name="Hooli")
        chart = chart_of(client.get(page_of(account, days=asked)))
        assert len(chart["days"]) == days
        assert chart["days"][-1] == "2026-11-22"
        assert chart["events"][-1] == account.days.get(day=AS_OF).events

    def test_a_day_without_events_is_none_and_a_day_that_is_not_held_is_unknown(
        self, acme: Workspace, client: Client
    ) -> None:
        quiet, red = AS_OF - timedelta(days=1), AS_OF - timedelta(days=2)
        store_usage(acme, accounts=["Hooli"], days=4, red=[red])
        account = Account.objects.get()
        account.days.filter(day=quiet).delete()
        response = client.get(page_of(account, days=28))
        chart = chart_of(response)
        assert (chart["events"][-2], chart["people_7d"][-2]) == (0, 0)
        assert (chart["events"][-3], chart["people_7d"][-3]) == (None, None)
        assert chart["events"][:-4] == [None] * 24
        assert "20 Nov 2026 Not held" in text_of(response)
        assert "1 of these days is not verified, or still to be read." in text_of(response)

    def test_its_events_add_up_over_the_range(self, client: Client, source: UsageSource) -> None:
        account = Account.objects.get(name="Hooli")
        counts = account.event_days.filter(
            event__name="invite sent", day__gt=AS_OF - timedelta(days=28)
        )
        total = sum(row.events for row in counts)
        shown = text_of(client.get(page_of(account, days=28)))
        assert re.search(rf"invite sent {total:,} \d+ % {len(counts)} 5", shown)

    @pytest.mark.parametrize(
        "account_id", ["0", "none", "1e3", "９", "9" * 30, "%2e%2e", "-1", "1%00"]
    )
    def test_one_that_there_is_not_is_not_found(
        self, client: Client, source: UsageSource, account_id: str
    ) -> None:
        assert client.get(f"{ACCOUNTS}{account_id}/").status_code in (400, 404)


def chart_of(response: Any) -> dict[str, list[Any]]:
    """The columns that the charts are drawn from."""
    found = re.search(
        r'<script id="posthog-chart-data" type="application/json">(.*?)</script>',
        response.content.decode(),
    )
    assert found is not None
    columns: dict[str, list[Any]] = json.loads(found[1])
    return columns
