"""What the usage page's forms do, who may send them, and what it shows in each state."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncRun,
    UsageSource,
)
from tests import usage
from tests.connections import store_connection
from tests.usage import AS_OF, VERIFIED_AT, store_run, store_source, store_usage

from .conftest import HTMX, As, text_of

USAGE, ACCOUNTS = "/settings/posthog/usage/", "/settings/posthog/accounts/"
SYNC, MAPPING, PURGE = FORMS = [f"{USAGE}{name}" for name in ("sync", "mapping", "purge")]
PAGES = [USAGE, f"{USAGE}progress", f"{USAGE}days", ACCOUNTS, f"{ACCOUNTS}1/"]


@pytest.fixture(autouse=True)
def _launches(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER
    usage.launched.clear()


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech", "Hooli"], days=5)


@pytest.fixture
def client(logged_in: As, alice: User) -> Client:
    """Alice's, who owns the workspace."""
    return logged_in(alice)


def main_of(response: Any) -> str:
    html: str = response.content.decode()
    return html.partition("<main")[2]


class TestWho:
    @pytest.mark.parametrize("address", PAGES)
    def test_a_page_is_shown_after_logging_in(self, db: None, address: str) -> None:
        response = Client().get(address)
        assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")

    @pytest.mark.parametrize("address", FORMS)
    def test_a_form_sent_without_logging_in_leads_to_the_page(self, db: None, address: str) -> None:
        assert Client().post(address)["Location"] == f"/login/?next={USAGE}"

    @pytest.mark.parametrize("address", FORMS)
    def test_a_form_without_its_token_is_refused(self, alice: User, address: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        assert client.post(address).status_code == 403

    @pytest.mark.parametrize("address", [SYNC, MAPPING])
    def test_the_address_of_a_form_opened_by_itself_leads_to_the_page(
        self, client: Client, address: str
    ) -> None:
        assert client.get(address)["Location"] == USAGE

    @pytest.mark.parametrize("address", [*PAGES, *FORMS])
    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_other_methods_are_not_allowed(self, client: Client, address: str, method: str) -> None:
        assert getattr(client, method)(address).status_code == 405

    @pytest.mark.parametrize("address", FORMS)
    @pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes", "confirm": "acme"}])
    def test_a_member_s_form_is_refused_and_changes_nothing(
        self,
        logged_in: As,
        carol: User,
        source: UsageSource,
        address: str,
        confirmed: dict[str, str],
    ) -> None:
        form = {"choice": "group:0"} | confirmed
        response = logged_in(carol).post(address, form)
        assert response.status_code == 403
        assert "You do not have permission to do this in this workspace" in text_of(response)
        assert "<form" not in main_of(response)
        assert (Account.objects.count(), SyncRun.objects.count()) == (2, 0)

    @pytest.mark.parametrize("address", [USAGE, PURGE])
    def test_a_member_is_shown_no_form(
        self, logged_in: As, carol: User, source: UsageSource, address: str
    ) -> None:
        response = logged_in(carol).get(address)
        assert not re.search(r"<(form|input|button)", main_of(response))
        assert "Ask someone who manages Acme." in text_of(response)

    def test_an_admin_syncs_and_maps_but_removes_nothing(
        self, logged_in: As, bob: User, source: UsageSource
    ) -> None:
        client = logged_in(bob)
        page = client.get(USAGE)
        assert "Sync now" in text_of(page)
        assert "Choose another" in text_of(page)
        assert "Remove all usage" not in text_of(page) + text_of(client.get(PURGE))
        refused = client.post(PURGE, {"confirm": "acme"})
        assert refused.status_code == 403
        assert "Ask an owner of the workspace." in text_of(refused)
        assert UsageSource.objects.exists()


class TestSync:
    @pytest.mark.parametrize(("headers", "status"), [({}, 302), (HTMX, 200)])
    def test_it_starts_a_run_and_hands_it_over(
        self, client: Client, acme: Workspace, headers: dict[str, str], status: int
    ) -> None:
        store_connection(acme)
        response = client.post(SYNC, headers=headers)
        run = SyncRun.objects.get()
        assert response.status_code == status
        assert (usage.launched, run.actor_name) == ([run.pk], "alice")
        assert "About to start" in text_of(client.get(USAGE))

    def test_while_one_runs_another_is_refused(self, client: Client, source: UsageSource) -> None:
        store_run(source)
        response = client.post(SYNC)
        assert response.status_code == 409
        assert "A sync is running already" in text_of(response)
        assert usage.launched == []

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"is_active": False}, "PostHog is disconnected, so nothing new comes in."),
            ({"is_validated": False}, "The connection does not work, so nothing new comes in."),
        ],
    )
    def test_where_nothing_can_come_in_no_sync_is_offered(
        self, client: Client, source: UsageSource, columns: dict[str, bool], words: str
    ) -> None:
        PosthogWorkspaceConfig.objects.update(**columns)
        page = client.get(USAGE)
        assert words in text_of(page)
        assert f'action="{SYNC}"' not in page.content.decode()
        assert client.post(SYNC).status_code == 422
        assert not SyncRun.objects.exists()

    def test_before_anything_is_connected_it_says_what_to_do(self, client: Client) -> None:
        assert "connect PostHog first" in text_of(client.get(USAGE))
        refused = client.post(SYNC)
        assert refused.status_code == 422
        assert "Connect PostHog first." in text_of(refused)


class TestState:
    def test_a_waiting_sync_says_until_when_in_which_zone_and_why(
        self, client: Client, source: UsageSource
    ) -> None:
        until = timezone.now() + timedelta(seconds=100)
        store_run(source, state="waiting", waiting_until=until, error_type="rate_limited")
        text = text_of(client.get(USAGE))
        assert "PostHog asks us to wait. It goes on by itself at" in text
        assert f"{until:%H:%M} UTC, in 2 minutes." in text

    def test_a_failed_sync_says_why_and_when_it_is_tried_again(
        self, client: Client, source: UsageSource
    ) -> None:
        UsageSource.objects.update(next_sync_at=VERIFIED_AT)
        store_run(source, state="failed", finished_at=VERIFIED_AT, error="The disk is full.")
        text = text_of(client.get(USAGE))
        assert "The last sync failed" in text
        assert "The disk is full. What was held before is kept." in text
        assert "The next try is at 22 Nov 2026, 14:05 UTC" in text

    def test_a_refused_key_leads_to_the_connection(
        self, client: Client, source: UsageSource
    ) -> None:
        PosthogWorkspaceConfig.objects.update(is_validated=False)
        store_run(source, state="failed", finished_at=VERIFIED_AT, error_type="unauthorized")
        page = client.get(USAGE)
        assert "re-check it or replace the key" in text_of(page)
        assert 'href="/settings/posthog/">the connection</a>' in page.content.decode()

    def test_what_the_days_add_up_to_is_told_with_those_that_do_not(
        self, client: Client, acme: Workspace
    ) -> None:
        source = store_usage(acme, accounts=["Initech"], days=5, red=[AS_OF])
        stored = sum(source.days.values_list("events_stored", flat=True))
        text = text_of(client.get(USAGE))
        assert f"{stored + 48:,} of {stored + 60:,} events" in text
        assert "4 verified 1 not verified" in text
        assert "1 day did not add up to what PostHog counts" in text
        assert "48 events belong to no account: 28 that name none, 20 with an address" in text

    @pytest.mark.parametrize("state", ["running", "waiting"])
    def test_progress_is_a_fragment_that_asks_again_while_the_sync_moves(
        self, client: Client, source: UsageSource, state: str
    ) -> None:
        store_run(source, state=state)
        response = client.get(f"{USAGE}progress", headers=HTMX)
        html = response.content.decode()
        assert re.match(r'\s*<div id="posthog-live"', html)
        assert 'hx-trigger="every 2s"' in html
        assert "HX-Retarget" not in response

    @pytest.mark.parametrize("state", ["done", "failed"])
    def test_when_it_has_ended_the_whole_panel_comes_and_asks_no_more(
        self, client: Client, source: UsageSource, state: str
    ) -> None:
        store_run(source, state=state, finished_at=VERIFIED_AT)
        response = client.get(f"{USAGE}progress", headers=HTMX)
        assert response["HX-Retarget"] == "#posthog-usage"
        assert "every 2s" not in response.content.decode()
        assert "What makes an account" in text_of(response)


class TestMapping:
    @pytest.mark.parametrize(
        ("form", "named", "stored"),
        [
            ({"choice": "group:0"}, "Group type 0", ("group", "0")),
            ({"choice": "group", "group": "3"}, "Group type 3", ("group", "3")),
            (
                {"choice": "person_property", "person_property": " org:id "},
                None,
                None,
            ),
            (
                {"choice": "person_property", "person_property": "org id", "event_property": "x"},
                "Person property org id",
                ("person_property", "org id"),
            ),
            (
                {"choice": "event_property", "event_property": "tenant"},
                "Event property tenant",
                ("event_property", "tenant"),
            ),
        ],
    )
    def test_a_change_asks_first_and_then_removes_all_and_syncs_anew(
        self,
        client: Client,
        source: UsageSource,
        form: dict[str, str],
        named: str | None,
        stored: tuple[str, str] | None,
    ) -> None:
        asked = client.post(MAPPING, form)
        if named is None or stored is None:
            assert asked.status_code == 422
            assert "Name a property" in text_of(asked)
            return
        assert f"From now on an account is: {named}, in place of E-mail domain." in text_of(asked)
        assert "All usage that is held is removed" in text_of(asked)
        assert Account.objects.count() == 2

        fields = dict(re.findall(r'type="hidden" name="(c\w+)" value="([^"]*)"', main_of(asked)))
        fields.pop("csrfmiddlewaretoken", None)
        assert client.post(MAPPING, fields)["Location"] == USAGE
        new = UsageSource.objects.get()
        assert (new.strategy, new.value) == stored
        assert not Account.objects.exists()
        assert usage.launched == [new.runs.get().pk]
        assert PosthogConnectionEvent.objects.get().action == "mapping"

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"choice": "astrology:leo"},
            {"choice": "group:7"},
            {"choice": "group"},
            {"choice": "person_property", "person_property": ""},
            {"choice": "event_property:a'b"},
        ],
    )
    @pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
    def test_a_choice_that_there_is_not_is_refused_with_what_there_is(
        self, client: Client, source: UsageSource, form: dict[str, str], confirmed: dict[str, str]
    ) -> None:
        response = client.post(MAPPING, form | confirmed)
        assert response.status_code == 422
        assert "Events cannot be mapped to accounts like this" in text_of(response)
        assert Account.objects.count() == 2

    def test_where_nothing_can_come_in_the_mapping_is_changed_all_the_same(
        self, client: Client, source: UsageSource
    ) -> None:
        PosthogWorkspaceConfig.objects.update(is_active=False)
        client.post(MAPPING, {"choice": "group:0", "confirmed": "yes"})
        assert UsageSource.objects.get().strategy == "group"
        assert usage.launched == []

    def test_each_choice_says_what_it_covers_and_which_is_in_use(
        self, client: Client, source: UsageSource
    ) -> None:
        text = text_of(client.get(USAGE))
        assert "E-mail domain in use 93 % of events, 1,985 accounts" in text
        assert "Group type 0 41 % of events, 620 accounts" in text
        assert "Person property company 1 % of events, 1 account " in text

    def test_one_that_was_never_measured_is_named_too(
        self, client: Client, acme: Workspace
    ) -> None:
        store_source(acme, strategy="event_property", value="tenant")
        assert "In use: Event property tenant." in text_of(client.get(USAGE))

    def test_before_the_first_sync_nothing_is_chosen(self, client: Client, acme: Workspace) -> None:
        store_connection(acme)
        text = text_of(client.get(USAGE))
        assert "The first sync measures the choices, and takes the one that covers most." in text


class TestPurge:
    @pytest.mark.parametrize("typed", ["", "Acme", "globex"])
    def test_a_wrong_name_removes_nothing_and_asks_again(
        self, client: Client, source: UsageSource, typed: str
    ) -> None:
        response = client.post(PURGE, {"confirm": typed})
        assert response.status_code == 422
        assert "Type acme to confirm" in text_of(response)
        assert Account.objects.count() == 2

    def test_the_right_one_removes_all_and_leaves_the_connection(
        self, client: Client, source: UsageSource
    ) -> None:
        assert client.post(PURGE, {"confirm": " acme "})["Location"] == USAGE
        assert not UsageSource.objects.exists()
        assert PosthogWorkspaceConfig.objects.get().is_active
        assert PosthogConnectionEvent.objects.get().action == "purge"
        text = text_of(client.get(USAGE))
        assert "Not synced yet" in text
        assert "Remove all usage" not in text


def test_the_tabs_are_there_once_something_is_connected(client: Client, acme: Workspace) -> None:
    assert "ph-tabs" not in main_of(client.get("/settings/posthog/"))
    store_connection(acme, is_active=False)
    for address in ("/settings/posthog/", USAGE, ACCOUNTS):
        [current] = re.findall(r'href="([^"]*)" aria-current="page"', main_of(client.get(address)))
        assert current == address


def test_nothing_of_the_pages_is_cached(client: Client, source: UsageSource) -> None:
    for address in (USAGE, f"{USAGE}days", ACCOUNTS, f"{ACCOUNTS}{Account.objects.first().pk}/"):  # type: ignore[union-attr]
        assert "no-store" in client.get(address)["Cache-Control"]


@pytest.mark.parametrize("state", ["never", "running", "waiting", "failed", "done"])
def test_no_page_needs_inline_code_or_another_host(
    client: Client, source: UsageSource, state: str
) -> None:
    if state != "never":
        ends = {} if state in ("running", "waiting") else {"finished_at": VERIFIED_AT}
        store_run(source, state=state, **ends)
    account = Account.objects.get(name="Hooli")
    pages = [USAGE, f"{USAGE}days", PURGE, ACCOUNTS, f"{ACCOUNTS}{account.pk}/"]
    shown = [client.get(address) for address in pages]
    for response in (*shown, client.post(MAPPING, {"choice": "group:0"})):
        html = response.content.decode()
        assert not re.search(r"<style|<[^>]* (style|on[a-z]+|hx-on[^=]*)=", html)
        assert not re.search(r'<script(?![^>]* (src=|type="application/json"))', html)
        assert not re.search(r"<(script|link|img)[^>]* (src|href)=\"(https?:)?//", html)
