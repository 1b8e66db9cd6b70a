"""The page of the leads, and what an account's page tells of its signals."""

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
from integrations_posthog.models import (
    Account,
    FitCriteria,
    Signal,
    SignalDefinition,
    UsageSource,
)
from integrations_posthog.services.signals import scores
from tests.connections import store_connection
from tests.signals import INVITATIONS, LAST_DAY, SENTENCE, store_definition, store_signal
from tests.usage import store_source, store_usage

from .conftest import HTMX, As, text_of

LEADS = "/settings/posthog/leads/"
ACCOUNTS = "/settings/posthog/accounts/"
DEFINITIONS = "/settings/posthog/definitions/"


@pytest.fixture
def client(logged_in: As, alice: User) -> Client:
    """Alice's, who owns the workspace."""
    return logged_in(alice)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech", "Hooli", "Zoë & Söhne"], days=60)


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    return store_definition(acme)


@pytest.fixture
def signal(source: UsageSource, definition: SignalDefinition) -> Signal:
    """Of Hooli, on the last day."""
    return store_signal(account("Hooli"), definition)


def account(name: str) -> Account:
    return Account.objects.get(name=name)


def act(signal: Signal, name: str) -> str:
    return f"/settings/posthog/signals/{signal.pk}/{name}"


def main_of(response: Any) -> str:
    html: str = response.content.decode()
    return html.partition("<main")[2]


def names(response: Any) -> list[str]:
    """The leads of a list, in its order."""
    return re.findall(r"<h3><a [^>]*>([^<]*)</a>", response.content.decode())


class TestList:
    def test_a_lead_tells_score_grade_evidence_fit_and_parts(
        self, client: Client, acme: Workspace, source: UsageSource, definition: SignalDefinition
    ) -> None:
        Account.objects.filter(name="Hooli").update(properties={"employees": 90})
        criteria = [{"property": "employees", "at_least": 50}, {"property": "x", "at_most": 1}]
        FitCriteria.objects.create(workspace=acme, criteria=criteria)
        invites = store_definition(acme, name="Invites colleagues", weight=30)
        fortnight = LAST_DAY - timedelta(days=14)
        store_signal(account("Hooli"), invites, sentence="3 × invite sent", fired_on=fortnight)
        store_signal(account("Hooli"), definition)
        text = text_of(client.get(LEADS))
        assert "1 lead By score, as of 21 Nov 2026, days of Europe/Berlin" in text
        assert "55 points, grade M50 Hooli hooli" in text
        assert "active people 4 → 11 in 7 days More people at work · 21 Nov 2026" in text
        assert "3 × invite sent Invites colleagues · 7 Nov 2026" in text
        assert "More people at work +40 Invites colleagues +15" in text
        assert "Fit 50 %" in text

    def test_a_lead_leads_to_posthog(self, client: Client, signal: Signal) -> None:
        html = client.get(LEADS).content.decode()
        assert "/project/12345/persons#q=" in html

    def test_the_highest_score_comes_first_and_one_at_risk_is_listed_too(
        self, client: Client, acme: Workspace, signal: Signal
    ) -> None:
        risk = store_definition(acme, name="Usage falls", weight=-30)
        store_signal(account("Zoë & Söhne"), risk)
        store_signal(account("Initech"), store_definition(acme, name="Big", weight=90))
        response = client.get(LEADS)
        assert names(response) == ["Initech", "Hooli", "Zoë &amp; Söhne"]
        assert "Usage falls −30 Below 0, not counted +30" in text_of(response)

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"search": "HOO"}, ["Hooli"]),
            ({"search": "zoë"}, ["Zoë &amp; Söhne"]),
            ({"grade": "M75"}, ["Initech"]),
            ({"grade": "M25"}, ["Hooli"]),
            ({"grade": "M10"}, ["Zoë &amp; Söhne"]),
            ({"grade": "M100"}, []),
            ({"grade": "M1"}, ["Initech", "Hooli", "Zoë &amp; Söhne"]),
            ({"grade": "M75", "search": "hooli"}, []),
        ],
    )
    def test_leads_are_searched_and_filtered_by_grade_without_gaps(
        self, client: Client, source: UsageSource, asked: dict[str, str], found: list[str]
    ) -> None:
        for name, score in (("Initech", 60), ("Hooli", 39.9), ("Zoë & Söhne", 19.9)):
            parts = [{"definition": None, "points": score}]
            Account.objects.filter(name=name).update(score=score, score_parts=parts)
        assert names(client.get(LEADS, asked)) == found

    def test_what_was_asked_in_vain_is_said_and_escaped(
        self, client: Client, signal: Signal
    ) -> None:
        response = client.get(LEADS, {"search": "<b>nobody"})
        assert "No lead matches “<b>nobody”" in text_of(response).replace("&lt;", "<")
        assert "<b>nobody" not in response.content.decode()

    def test_each_lead_is_on_one_page_and_more_of_them_take_no_more_queries(
        self, client: Client, acme: Workspace, definition: SignalDefinition
    ) -> None:
        source = store_usage(acme, accounts=60, days=3)
        store_signal(Account.objects.earliest("id"), definition)
        with CaptureQueriesContext(connection) as for_one:
            client.get(LEADS)
        for one in Account.objects.order_by("id")[1:]:
            Signal.objects.create(
                version=definition.version,  # type: ignore[misc]
                account=one,
                fired_on=LAST_DAY,
                sentence="again",
                evidence={},
                posthog_url="",
            )
        scores.refresh(source, as_of=LAST_DAY)
        with CaptureQueriesContext(connection) as for_many:
            pages = [names(client.get(LEADS))]
        assert len(for_many) == len(for_one)
        pages += [names(client.get(LEADS, {"page": number})) for number in (2, 3)]
        assert [len(page) for page in pages] == [25, 25, 10]
        assert len({name for page in pages for name in page}) == 60
        assert "26 to 50 of 60 Previous Next" in text_of(client.get(LEADS, {"page": 2}))

    def test_what_the_score_is_made_of_is_shown_the_weightiest_first_and_nothing_else(
        self, client: Client, acme: Workspace, signal: Signal, definition: SignalDefinition
    ) -> None:
        hooli, day = signal.account, LAST_DAY - timedelta(days=20)
        store_signal(hooli, definition, sentence="the time before", fired_on=day)
        unused = {"sentence": "of no use", "state": "dismissed"}
        store_signal(hooli, definition, fired_on=LAST_DAY - timedelta(days=1), **unused)
        for number, weight in enumerate((10, 30, -35, 5, 20)):
            other = store_definition(acme, name=f"No. {number}", weight=weight)
            store_signal(hooli, other, sentence=f"weighs {weight}")
        told = re.findall(r'"ph-sentence">([^<]*)<', client.get(LEADS).content.decode())
        assert told == [SENTENCE, "weighs -35", "weighs 30", "weighs 20", "weighs 10"]

    def test_with_htmx_only_the_panel_is_sent(self, client: Client, signal: Signal) -> None:
        html = client.get(LEADS, headers=HTMX).content.decode()
        assert html.strip().startswith('<div id="posthog-leads"')


class TestNothing:
    def test_nothing_is_connected(self, client: Client) -> None:
        assert "so connect PostHog first" in text_of(client.get(LEADS))

    def test_nothing_is_synced(self, client: Client, acme: Workspace) -> None:
        store_connection(acme)
        assert "Go to usage to start the first sync" in text_of(client.get(LEADS))
        store_source(acme)
        assert "Not synced yet" in text_of(client.get(LEADS))

    def test_nothing_is_looked_for_and_templates_are_at_hand(
        self, client: Client, source: UsageSource
    ) -> None:
        response = client.get(LEADS)
        assert "Nothing is looked for yet" in text_of(response)
        assert f'href="{DEFINITIONS}new?template=invitations"' in response.content.decode()

    @pytest.mark.parametrize("state", ["draft", "paused"])
    def test_no_definition_is_active(
        self, client: Client, acme: Workspace, source: UsageSource, state: str
    ) -> None:
        store_definition(acme, state=state)
        assert "No definition is active" in text_of(client.get(LEADS))

    def test_no_account_meets_what_is_looked_for(
        self, client: Client, source: UsageSource, definition: SignalDefinition
    ) -> None:
        text = text_of(client.get(LEADS))
        assert "No signal yet No account meets the active definition." in text
        assert "More people at work not evaluated yet: more history has to come in" in text

    def test_signals_that_were_all_dismissed_are_told_from_none(
        self, client: Client, signal: Signal
    ) -> None:
        client.post(act(signal, "dismiss"), {"reason": "A test account"})
        text = text_of(client.get(LEADS))
        assert "No lead at the moment The signals so far were dismissed" in text
        assert "No account newly meets the active definition." in text


class TestActs:
    def test_one_acknowledges_and_the_list_says_who_did(
        self, client: Client, signal: Signal
    ) -> None:
        response = client.post(act(signal, "acknowledge"), {"back": f"{LEADS}?grade=M50"})
        assert response["Location"] == f"{LEADS}?grade=M50&changed={signal.pk}"
        text = text_of(client.get(response["Location"]))
        assert "Acknowledged: Hooli, active people 4 → 11 in 7 days." in text
        assert "seen by alice" in text

    def test_with_htmx_the_list_is_swapped_where_it_is_shown_and_loaded_elsewhere(
        self, client: Client, signal: Signal
    ) -> None:
        there = HTMX | {"HX-Current-URL": f"http://testserver{LEADS}?grade=M50"}
        swapped = client.post(act(signal, "acknowledge"), {"back": LEADS}, headers=there)
        assert swapped["Location"] == f"{LEADS}?changed={signal.pk}"
        elsewhere = HTMX | {"HX-Current-URL": f"http://testserver{act(signal, 'dismiss')}"}
        loaded = client.post(act(signal, "dismiss"), {"reason": "x"}, headers=elsewhere)
        assert loaded["HX-Redirect"] == f"{LEADS}?changed={signal.pk}"

    def test_one_dismisses_with_a_reason_after_being_asked(
        self, client: Client, signal: Signal
    ) -> None:
        asked = client.get(act(signal, "dismiss"), {"back": LEADS})
        assert "Dismiss this signal? Hooli: active people 4 → 11" in text_of(asked)
        response = client.post(act(signal, "dismiss"), {"back": LEADS, "reason": " A test "})
        signal.refresh_from_db()
        assert (signal.state, signal.state_reason, signal.state_actor_name) == (
            "dismissed",
            "A test",
            "alice",
        )
        assert account("Hooli").score == 0
        assert "It counts no more in the score." in text_of(client.get(response["Location"]))

    def test_one_that_was_dismissed_can_count_again(self, client: Client, signal: Signal) -> None:
        client.post(act(signal, "dismiss"), {"reason": "A test account"})
        page = f"{ACCOUNTS}{signal.account.pk}/"
        assert "Count it again" in text_of(client.get(page))
        client.post(act(signal, "acknowledge"), {"back": page})
        assert account("Hooli").score == 40

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "\0"])
    def test_without_a_reason_nothing_is_dismissed(
        self, client: Client, signal: Signal, reason: str
    ) -> None:
        response = client.post(act(signal, "dismiss"), {"reason": reason})
        assert response.status_code in (400, 422)
        signal.refresh_from_db()
        assert signal.state == "new"

    @pytest.mark.parametrize(
        "back",
        [
            "https://evil.example/",
            "//evil.example",
            "/admin/",
            f"{LEADS}\\..",
            "javascript:alert(1)",
            "",
        ],
    )
    def test_one_is_led_back_to_a_page_of_ours_and_no_other(
        self, client: Client, signal: Signal, back: str
    ) -> None:
        response = client.post(act(signal, "acknowledge"), {"back": back})
        assert response["Location"] == f"{LEADS}?changed={signal.pk}"

    @pytest.mark.parametrize("name", ["acknowledge", "dismiss"])
    def test_who_may_only_read_is_refused_and_shown_no_form(
        self, logged_in: As, carol: User, signal: Signal, name: str
    ) -> None:
        client = logged_in(carol)
        refused = client.post(act(signal, name), {"reason": "A test account"})
        assert refused.status_code == 403
        assert "You do not have permission to do this in this workspace" in text_of(refused)
        signal.refresh_from_db()
        assert signal.state == "new"
        for address in (LEADS, act(signal, "dismiss"), f"{ACCOUNTS}{signal.account.pk}/"):
            assert 'method="post"' not in main_of(client.get(address))

    @pytest.mark.parametrize("name", ["acknowledge", "dismiss"])
    @pytest.mark.parametrize("signal_id", ["0", "none", "9" * 30, "-1"])
    def test_one_that_there_is_not_is_not_found(
        self, client: Client, source: UsageSource, name: str, signal_id: str
    ) -> None:
        address = f"/settings/posthog/signals/{signal_id}/{name}"
        assert client.post(address, {"reason": "x"}).status_code == 404

    def test_the_address_of_a_form_opened_by_itself_leads_to_the_page(
        self, client: Client, signal: Signal
    ) -> None:
        assert client.get(act(signal, "acknowledge"))["Location"] == LEADS


class TestAccount:
    def test_the_score_is_a_sum_that_adds_up(
        self, client: Client, acme: Workspace, signal: Signal
    ) -> None:
        store_signal(signal.account, store_definition(acme, name="Usage falls", weight=-15))
        text = text_of(client.get(f"{ACCOUNTS}{signal.account.pk}/"))
        assert "Score 25 M25" in text
        assert "More people at work 21 Nov 2026 +40 Usage falls 21 Nov 2026 −15 Score 25" in text

    def test_without_signals_it_says_so(self, client: Client, source: UsageSource) -> None:
        text = text_of(client.get(f"{ACCOUNTS}{account('Hooli').pk}/"))
        assert "No signal counts for this account" in text
        assert "No definition has found this account. There is none yet" in text
        assert "There is no definition yet. Start from a template" in text

    def test_a_signal_shows_its_receipt(self, client: Client, signal: Signal) -> None:
        response = client.get(f"{ACCOUNTS}{signal.account.pk}/")
        text = text_of(response)
        assert "More people at work , version 1, weight +40" in text
        assert "Window 15 Nov 2026 to 21 Nov 2026 7 days Counted 11 Before 4 Threshold 6" in text
        assert "of all that PostHog had taken in by 22 Nov 2026, 14:05 UTC" in text
        assert "Day by day, 8 Nov 2026 to 21 Nov 2026: 4, 4, 4, 5" in response.content.decode()

    def test_one_that_was_dismissed_says_by_whom_when_and_why(
        self, client: Client, signal: Signal
    ) -> None:
        client.post(act(signal, "dismiss"), {"reason": "A test account"})
        text = text_of(client.get(f"{ACCOUNTS}{signal.account.pk}/"))
        assert re.search(r"Dismissed by alice at .* UTC: “A test account”", text)

    def test_the_chart_marks_what_counts(
        self, client: Client, signal: Signal, definition: SignalDefinition
    ) -> None:
        day = LAST_DAY - timedelta(days=20)
        store_signal(signal.account, definition, state="dismissed", fired_on=day)
        html = client.get(f"{ACCOUNTS}{signal.account.pk}/").content.decode()
        [data] = re.findall(r'<script id="posthog-chart-data"[^>]*>(.*?)</script>', html)
        assert json.loads(data)["signals"] == [
            {"day": "2026-11-21", "text": "active people 4 → 11 in 7 days", "risk": False}
        ]

    def test_its_signals_come_ten_a_page(
        self, client: Client, signal: Signal, definition: SignalDefinition
    ) -> None:
        for ago in range(1, 12):
            day = LAST_DAY - timedelta(days=ago)
            store_signal(signal.account, definition, fired_on=day, sentence=f"number {ago}.")
        page = f"{ACCOUNTS}{signal.account.pk}/"
        assert "1 to 10 of 12" in text_of(client.get(page))
        older = text_of(client.get(page, {"signals": "2"}))
        assert "11 to 12 of 12" in older
        assert "number 11." in older

    def test_why_not_tells_each_condition_and_by_how_much(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        more = INVITATIONS | {"compare": {"to": "value", "at_least": 1_000_000}}
        rule = {"all": [INVITATIONS, more]}
        asked = store_definition(acme, name="Invites", state="draft", rule=rule)
        response = client.get(
            f"{ACCOUNTS}{account('Hooli').pk}/", {"definition": asked.pk}, headers=HTMX
        )
        assert response.content.decode().strip().startswith('<section class="ph-card" id="post')
        text = text_of(response)
        assert "Not met as of 21 Nov 2026, a day of Europe/Berlin." in text
        assert "Met: at least 3 × invite sent in 14 days" in text
        assert "Missing: at least 1,000,000 × invite sent in 14 days" in text
        [missing] = re.findall(r"\(([\d,]+) more\)", text)
        [found] = re.findall(r"invite sent in 14 days: ([\d,]+), at least 1,000,000", text)
        assert int(missing.replace(",", "")) == 1_000_000 - int(found.replace(",", ""))

    def test_why_not_of_too_little_history_says_so(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        long = INVITATIONS | {"days": 300}
        asked = store_definition(acme, rule={"all": [long]})
        page = f"{ACCOUNTS}{account('Hooli').pk}/"
        text = text_of(client.get(page, {"definition": asked.pk}))
        assert "Too little history is held to tell." in text

    @pytest.mark.parametrize("asked", ["", "0", "none"])
    def test_a_definition_that_there_is_not_explains_nothing(
        self, client: Client, signal: Signal, asked: str
    ) -> None:
        response = client.get(f"{ACCOUNTS}{signal.account.pk}/", {"definition": asked})
        assert response.status_code == 200
        assert "as of 21 Nov 2026, a day of" not in text_of(response).partition("Why not?")[2]
