"""The pages of usage: what is told of a sync, its days and the accounts, and to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import Account, SyncRun, UsageSource
from tests import usage
from tests.usage import AS_OF, store_run, store_usage

from .conftest import HTMX, As, text_of

USAGE = "/settings/posthog/usage/"
ACCOUNTS = "/settings/posthog/accounts/"


@pytest.fixture(autouse=True)
def _launches(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER
    usage.launched.clear()


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Sixty days of three accounts; one day is red and one is pending."""
    found = store_usage(
        acme,
        accounts=["Initech", "Hooli", "Globex"],
        red=[AS_OF - timedelta(days=3)],
        pending=[AS_OF - timedelta(days=5)],
    )
    connection = found.connection
    connection.is_validated = True
    connection.save()
    return found


class TestUsage:
    def test_it_tells_how_far_a_sync_is_and_asks_again_while_it_runs(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        run = store_run(source)
        page = logged_in(carol).get(USAGE)
        assert "30 of 90 days" in text_of(page)
        assert 'hx-trigger="every 2s' in page.content.decode()
        run.state, run.finished_at = "done", usage.VERIFIED_AT
        run.save()
        assert "every 2s" not in logged_in(carol).get(USAGE).content.decode()

    def test_it_tells_of_the_days_and_why_events_have_no_account(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        store_run(source, state="done", finished_at=usage.VERIFIED_AT)
        text = text_of(logged_in(carol).get(USAGE))
        assert "E-mail domain" in text
        assert "1,985 accounts" in text
        assert "public mail provider" in text

    def test_an_owner_starts_a_sync(self, logged_in: As, alice: User, source: UsageSource) -> None:
        response = logged_in(alice).post(f"{USAGE}sync")
        assert response.status_code == 302
        assert usage.launched == [SyncRun.objects.get().pk]

    def test_a_member_is_shown_no_form_and_may_start_nothing(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        client = logged_in(carol)
        assert "<form" not in client.get(USAGE).content.decode().partition("<main")[2]
        assert client.post(f"{USAGE}sync").status_code == 403
        assert not SyncRun.objects.exists()

    def test_another_mapping_asks_first(
        self, logged_in: As, alice: User, source: UsageSource
    ) -> None:
        client, form = logged_in(alice), {"choice": "group:0"}
        asked = client.post(f"{USAGE}mapping", form)
        assert "removed" in text_of(asked)
        assert Account.objects.count() == 3
        client.post(f"{USAGE}mapping", form | {"confirmed": "true"})
        assert not Account.objects.exists()
        assert usage.launched == [SyncRun.objects.get().pk]

    def test_removing_all_usage_asks_for_the_workspace_s_name(
        self, logged_in: As, acme: Workspace, alice: User, source: UsageSource
    ) -> None:
        client = logged_in(alice)
        assert acme.slug in text_of(client.get(f"{USAGE}purge"))
        assert client.post(f"{USAGE}purge", {"confirm": "yes"}).status_code == 422
        assert Account.objects.count() == 3
        client.post(f"{USAGE}purge", {"confirm": acme.slug})
        assert not Account.objects.exists()

    def test_an_admin_may_not_remove_it(
        self, logged_in: As, acme: Workspace, bob: User, source: UsageSource
    ) -> None:
        logged_in(bob).post(f"{USAGE}purge", {"confirm": acme.slug})
        assert Account.objects.count() == 3

    def test_the_ledger_lists_each_day(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        page = logged_in(carol).get(f"{USAGE}days")
        assert page.status_code == 200
        assert page.content.decode().count("<tr") >= 60

    def test_progress_alone_is_for_htmx(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        store_run(source)
        client = logged_in(carol)
        assert client.get(f"{USAGE}progress").status_code == 302
        assert "30 of 90 days" in text_of(client.get(f"{USAGE}progress", headers=HTMX))


class TestAccounts:
    def test_they_are_listed_with_their_figures_and_lines(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        page = logged_in(carol).get(ACCOUNTS)
        text = text_of(page)
        assert [text.index(name) for name in ("Initech", "Hooli", "Globex")] == sorted(
            text.index(name) for name in ("Initech", "Hooli", "Globex")
        )
        assert page.content.decode().count("<svg") >= 3

    def test_they_can_be_searched(self, logged_in: As, carol: User, source: UsageSource) -> None:
        text = text_of(logged_in(carol).get(ACCOUNTS, {"search": "hool"}))
        assert "Hooli" in text
        assert "Globex" not in text

    def test_one_is_shown_with_its_days_and_events(
        self, logged_in: As, carol: User, source: UsageSource
    ) -> None:
        account = Account.objects.get(name="Hooli")
        page = logged_in(carol).get(f"{ACCOUNTS}{account.pk}/")
        assert "Hooli" in text_of(page)
        assert "invite sent" in text_of(page)
        assert "uPlot" in page.content.decode()

    def test_those_of_another_workspace_do_not_exist(
        self, logged_in: As, charlie: User, source: UsageSource
    ) -> None:
        account = Account.objects.get(name="Hooli")
        client = logged_in(charlie)
        assert client.get(f"{ACCOUNTS}{account.pk}/").status_code == 404
        assert "Hooli" not in text_of(client.get(ACCOUNTS))


@pytest.mark.parametrize("address", [USAGE, ACCOUNTS, f"{USAGE}days"])
def test_before_the_first_sync_each_page_says_so(
    address: str, logged_in: As, acme: Workspace, carol: User
) -> None:
    assert logged_in(carol).get(address).status_code == 200
