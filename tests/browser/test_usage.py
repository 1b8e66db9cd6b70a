"""The pages of usage and accounts, in a browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import Account, SyncRun, UsageSource
from tests import usage
from tests.usage import AS_OF, VERIFIED_AT, store_run, store_usage

from .conftest import Visit
from .steps import audit, enforce_policy, expect_heading, tab_to

pytestmark = pytest.mark.browser

USAGE, ACCOUNTS = "/settings/posthog/usage/", "/settings/posthog/accounts/"
NAMES = ["Nordwind", "Umbrella", "an-account-with-a-very-long-name.international.example.com"]


@pytest.fixture(autouse=True)
def _launches(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER


@pytest.fixture
def source(acme: Workspace, alice: User) -> UsageSource:
    """Sixty days of three accounts; one is red, one is still to be read."""
    red, pending = AS_OF - timedelta(days=3), AS_OF - timedelta(days=59)
    return store_usage(acme, accounts=NAMES, red=[red], pending=[pending])


@pytest.fixture
def page(visit: Visit, alice: User, source: UsageSource) -> Page:
    return visit(alice)


def test_a_sync_moves_on_and_ends_without_reloading(page: Page, source: UsageSource) -> None:
    run = store_run(source)
    page.goto(USAGE)
    page.evaluate("window.isSameLoad = true")
    expect_heading(page, "Syncing")
    expect(page.get_by_text("30 of 90 days")).to_be_visible()

    SyncRun.objects.filter(pk=run.pk).update(days_done=60)
    expect(page.get_by_text("60 of 90 days")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "60")

    SyncRun.objects.filter(pk=run.pk).update(
        state="done", days_done=90, finished_at=VERIFIED_AT, lease_expires_at=None
    )
    expect_heading(page, "Synced")
    expect(page.locator("#posthog-announcement")).to_have_text("Synced")
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    assert page.evaluate("window.isSameLoad")


def test_polling_ends_with_the_sync(page: Page, source: UsageSource) -> None:
    run = store_run(source)
    page.goto(USAGE)
    SyncRun.objects.filter(pk=run.pk).update(state="done", finished_at=VERIFIED_AT)
    expect_heading(page, "Synced")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert asked == []


def test_a_form_that_is_being_filled_in_survives_the_polling(
    page: Page, source: UsageSource
) -> None:
    run = store_run(source)
    page.goto(USAGE)
    page.get_by_text("Choose another").click()
    page.get_by_label("Another person property").check()
    field = page.get_by_label("Name of the person property")
    field.fill("comp")
    SyncRun.objects.filter(pk=run.pk).update(days_done=31)
    expect(page.get_by_text("31 of 90 days")).to_be_visible()
    expect(field).to_have_value("comp")
    expect(field).to_be_focused()


def test_the_keyboard_alone_starts_a_sync(page: Page) -> None:
    page.goto(USAGE)
    tab_to(page, page.get_by_role("button", name="Sync now"))
    page.keyboard.press("Enter")
    expect(expect_heading(page, "Syncing")).to_be_focused()
    assert SyncRun.objects.get().actor_name == "alice"


def test_the_keyboard_alone_changes_what_makes_an_account(page: Page, source: UsageSource) -> None:
    page.goto(USAGE)
    tab_to(page, page.get_by_text("Choose another"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("E-mail domain"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Group type 0")).to_be_checked()
    page.keyboard.press("Enter")
    expect_heading(page, "Change what makes an account?")
    expect(page.get_by_text("All usage that is held is removed")).to_be_visible()
    assert Account.objects.count() == len(NAMES)
    tab_to(page, page.get_by_role("button", name="Remove and read anew"))
    page.keyboard.press("Enter")
    expect_heading(page, "Syncing")
    expect(page.get_by_text("Group type 0").first).to_be_visible()
    assert not Account.objects.exists()


def test_all_usage_is_removed_only_by_typing_the_workspace_s_name(
    page: Page, acme: Workspace
) -> None:
    page.goto(USAGE)
    page.get_by_role("link", name="Remove").click()
    expect_heading(page, "Remove all usage?")
    page.get_by_label("to confirm").fill("no")
    page.get_by_role("button", name="Remove all usage").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    assert UsageSource.objects.exists()
    page.get_by_label("to confirm").fill(acme.slug)
    page.get_by_role("button", name="Remove all usage").click()
    expect_heading(page, "Not synced yet")
    assert not UsageSource.objects.exists()


def test_a_day_of_the_ledger_tells_its_numbers(page: Page) -> None:
    page.goto(USAGE)
    days = page.get_by_role("table").get_by_role("img")
    expect(days).to_have_count(60)
    verified = "12 of no account, verified at 22 Nov 2026, 14:05 UTC"
    expect(days.first).to_have_accessible_name(re.compile(f"^1 Nov 2026: .* events, {verified}$"))
    expect(page.get_by_role("img", name="19 Nov 2026, not verified")).to_be_visible()


def test_accounts_are_found_as_one_types_and_the_address_keeps_it(page: Page) -> None:
    page.goto(ACCOUNTS)
    page.get_by_role("searchbox").press_sequentially("umbr")
    expect(page.get_by_role("heading", name="1 account")).to_be_visible()
    expect(page.get_by_role("link", name="Nordwind")).to_have_count(0)
    page.get_by_role("link", name="Umbrella").click()
    expect_heading(page, "Umbrella")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("umbr")
    expect(page.get_by_role("heading", name="1 account")).to_be_visible()


def test_accounts_are_sorted_by_a_click_on_a_column(page: Page) -> None:
    page.goto(ACCOUNTS)
    names = page.get_by_role("table").get_by_role("rowheader").get_by_role("link")
    expect(names).to_have_text(NAMES)
    page.get_by_role("link", name="Events, 28 days").click()
    expect(names).to_have_text(NAMES[::-1])
    expect(page.get_by_role("columnheader", name="Events, 28 days")).to_have_attribute(
        "aria-sort", "ascending"
    )


@pytest.mark.parametrize("width", [970, 1150, 1280])
def test_names_of_accounts_keep_their_line_on_any_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(ACCOUNTS)
    box = page.get_by_role("link", name="Umbrella").bounding_box()
    assert box is not None
    assert box["height"] < 30


def test_the_charts_of_an_account_appear_and_tell_each_day(page: Page) -> None:
    page.goto(ACCOUNTS)
    page.get_by_role("link", name="Nordwind").click()
    charts = page.locator(".uplot canvas")
    expect(charts).to_have_count(2)
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"
    assert all(chart.evaluate(drawn) for chart in charts.all())
    expect(page.locator(".u-legend").first).to_contain_text("22 Nov 2026")
    page.locator(".u-over").first.hover(position={"x": 5, "y": 20})
    expect(page.locator(".u-legend").nth(1)).to_contain_text("25 Aug 2026")
    page.get_by_role("link", name="28 days", exact=True).click()
    expect(page.get_by_role("link", name="28 days", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    expect(charts).to_have_count(2)


def test_without_javascript_the_numbers_stand_in_for_the_charts(
    visit: Visit, alice: User, source: UsageSource
) -> None:
    page = visit(alice, java_script_enabled=False)
    page.goto(ACCOUNTS)
    page.get_by_role("searchbox").fill("nord")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Nordwind").click()
    expect(page.locator(".ph-charts")).to_be_hidden()
    page.get_by_text("The numbers, day by day").click()
    expect(page.get_by_role("row", name="22 Nov 2026")).to_be_visible()
    page.goto(USAGE)
    page.get_by_role("button", name="Sync now").click()
    expect_heading(page, "Syncing")


@pytest.mark.parametrize("state", ["never", "running", "waiting", "failed", "done"])
def test_every_state_is_legible_labelled_and_within_reach(
    visit: Visit, alice: User, source: UsageSource, state: str
) -> None:
    ends = {} if state in ("running", "waiting") else {"finished_at": VERIFIED_AT}
    if state != "never":
        store_run(source, state=state, error="PostHog API returned an error.", **ends)
    audit(visit(alice, reduced_motion="reduce"), USAGE)


@pytest.mark.parametrize(
    "address",
    [f"{USAGE}days", f"{USAGE}purge", ACCOUNTS, f"{ACCOUNTS}?search=nobody", "account"],
)
def test_every_page_is_so_too(visit: Visit, alice: User, source: UsageSource, address: str) -> None:
    account = Account.objects.get(name="Nordwind")
    page = visit(alice, reduced_motion="reduce")
    audit(page, f"{ACCOUNTS}{account.pk}/" if address == "account" else address)


def test_the_pages_work_under_a_strict_content_security_policy(
    page: Page, source: UsageSource
) -> None:
    enforce_policy(page)
    page.goto(f"{ACCOUNTS}{Account.objects.get(name='Nordwind').pk}/")
    expect(page.locator(".uplot canvas")).to_have_count(2)
    run = store_run(source)
    page.goto(USAGE)
    SyncRun.objects.filter(pk=run.pk).update(days_done=61)
    expect(page.get_by_text("61 of 90 days")).to_be_visible()
