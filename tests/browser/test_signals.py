"""The pages of leads, definitions and backtests, in a browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    FitCriteria,
    Signal,
    SignalDefinition,
    UsageSource,
)
from integrations_posthog.services.signals import definitions
from tests.signals import INVITATIONS, LAST_DAY, MORE_PEOPLE, store_definition, store_signal
from tests.usage import VERIFIED_AT, store_usage
from tests.web.test_backtest_page import result

from .conftest import Visit
from .steps import AUDIT, audit, enforce_policy, expect_heading, tab_to

pytestmark = pytest.mark.browser

LEADS, DEFINITIONS = "/settings/posthog/leads/", "/settings/posthog/definitions/"
NAMES = ["Nordwind", "Umbrella", "an-account-with-a-very-long-name.international.example.com"]


@pytest.fixture
def source(acme: Workspace, alice: User) -> UsageSource:
    return store_usage(acme, accounts=NAMES)


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    """Everybody meets it: invitations are sent every day."""
    return store_definition(acme, name="Invites colleagues", rule={"all": [INVITATIONS]})


@pytest.fixture
def world(acme: Workspace, source: UsageSource, definition: SignalDefinition) -> UsageSource:
    """Leads of all kinds: with several signals, seen, dismissed, late, and one at risk."""
    Account.objects.update(properties={"employees": 40, "plan": "team"})
    FitCriteria.objects.create(workspace=acme, criteria=[{"property": "employees", "at_least": 50}])
    risk = store_definition(acme, name="Usage falls", weight=-30, state="active")
    store_definition(acme, name="A draft", state="draft", rule=sequence())
    one, two, three = Account.objects.order_by("id")
    store_signal(one, definition)
    store_signal(one, risk, late=True, fired_on=LAST_DAY - timedelta(days=9))
    seen: dict[str, Any] = {"state_actor_name": "alice", "state_changed_at": VERIFIED_AT}
    store_signal(two, definition, state="acknowledged", **seen)
    dismissed: dict[str, Any] = {"state": "dismissed", "state_reason": "A test account"}
    store_signal(one, definition, fired_on=LAST_DAY - timedelta(days=30), **dismissed | seen)
    store_signal(three, risk)
    return source


@pytest.fixture
def page(visit: Visit, alice: User, source: UsageSource) -> Page:
    return visit(alice)


def sequence() -> dict[str, Any]:
    rise = {"measure": "events", "events": None, "days": 7}
    falls = {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 20}
    first = {"to": "first_time", "silent_days": 5}
    top = {"to": "percentile", "at_least": 95}
    conditions = [rise | {"compare": compare} for compare in (falls, first, top)]
    return {"sequence": [MORE_PEOPLE, INVITATIONS, *conditions], "within_days": 14}


def test_signals_are_acknowledged_and_dismissed_without_reloading(
    page: Page, world: UsageSource
) -> None:
    page.goto(f"{LEADS}?search=nord")
    page.evaluate("window.isSameLoad = true")
    page.get_by_role("button", name="Acknowledge").first.click()
    notice = page.get_by_role("status").filter(has_text="Acknowledged")
    expect(notice).to_be_focused()
    expect(page.get_by_text("seen by alice")).to_be_visible()

    page.get_by_role("link", name="Dismiss…").first.click()
    expect(expect_heading(page, "Dismiss this signal?")).to_be_focused()
    page.get_by_label("Why is it of no use?").fill("Too small for us")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("status").filter(has_text="Dismissed: Nordwind")).to_be_focused()
    expect_heading(page, "1 lead")
    assert page.evaluate("window.isSameLoad")
    assert Signal.objects.filter(state_reason="Too small for us").count() == 1


def test_one_who_dismisses_on_an_account_s_page_comes_back_to_it(
    page: Page, world: UsageSource
) -> None:
    page.goto(f"/settings/posthog/accounts/{Account.objects.get(name='Nordwind').pk}/")
    page.get_by_role("link", name="Dismiss…").first.click()
    page.get_by_label("Why is it of no use?").fill("No real change")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("status").filter(has_text="Dismissed: Nordwind")).to_be_focused()
    expect_heading(page, "Why not?")
    page.get_by_role("button", name="Count it again").first.click()
    expect(page.get_by_role("status").filter(has_text="Acknowledged: Nordwind")).to_be_focused()


def test_leads_are_found_as_one_types_and_filtered_by_grade(page: Page, world: UsageSource) -> None:
    page.goto(LEADS)
    page.get_by_role("searchbox").press_sequentially("umbr")
    expect_heading(page, "1 lead")
    page.get_by_role("searchbox").fill("")
    expect_heading(page, "3 leads")
    page.get_by_label("Grade").select_option("M50")
    expect_heading(page, "1 lead")
    expect(page.get_by_role("link", name="Umbrella", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_label("Grade")).to_have_value("M50")


def test_the_preview_follows_what_one_edits(page: Page) -> None:
    page.goto(f"{DEFINITIONS}new?template=invitations")
    expect(page.get_by_text("3 accounts as of 21 Nov 2026")).to_be_visible()
    page.get_by_label("At least", exact=True).fill("100000")
    expect(page.get_by_text("0 accounts as of 21 Nov 2026")).to_be_visible()
    page.get_by_label("Compared with").select_option("a number, at most")
    expect(page.get_by_text("Once all fields are filled in")).to_be_visible()
    page.get_by_label("At most", exact=True).fill("100000")
    expect(page.get_by_text("3 accounts as of 21 Nov 2026")).to_be_visible()
    expect(page.get_by_label("At most", exact=True)).to_be_focused()
    assert not SignalDefinition.objects.exists()


def test_fields_that_say_nothing_are_hidden(page: Page) -> None:
    page.goto(f"{DEFINITIONS}new")
    events = page.get_by_label("Events, the most frequent first")
    expect(events).to_be_hidden()
    page.get_by_label("Of which events").select_option("These events")
    expect(events).to_be_visible()
    page.get_by_label("What is counted").select_option("Active people")
    expect(events).to_be_hidden()
    expect(page.get_by_label("Within how many days")).to_be_hidden()
    page.get_by_label("An account is found if").select_option("sequence")
    expect(page.get_by_label("Within how many days")).to_be_visible()


def test_the_keyboard_alone_writes_a_definition_and_activates_it(page: Page) -> None:
    page.goto(f"{DEFINITIONS}new?template=invitations")
    tab_to(page, page.get_by_role("button", name="Add a condition"))
    page.keyboard.press("Enter")
    second = page.get_by_role("group", name="Condition 2")
    expect(second).to_be_focused()
    tab_to(page, second.get_by_role("button", name="Remove"))
    page.keyboard.press("Enter")
    expect(second).to_have_count(0)
    expect(page.get_by_role("group", name="Condition 1")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Save as a draft"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved as a draft.")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Activate"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="3 signals so far")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="Pause…"))
    page.keyboard.press("Enter")
    expect(expect_heading(page, "Pause Invites colleagues?")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Pause"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Paused.")).to_be_focused()
    assert SignalDefinition.objects.get().state == "paused"


def test_what_cannot_be_saved_is_said_at_its_field(page: Page) -> None:
    page.goto(f"{DEFINITIONS}new?template=invitations")
    page.get_by_label("Weight").fill("1000")
    page.get_by_label("In how many days", exact=True).fill("0")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("alert")).to_be_focused()
    for label in ("Weight", "In how many days"):
        expect(page.get_by_label(label, exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("In how many days", exact=True)).to_have_accessible_description(
        "Ensure this value is greater than or equal to 1."
    )


def test_the_chart_marks_signals_and_tells_them(page: Page, world: UsageSource) -> None:
    page.goto(f"/settings/posthog/accounts/{Account.objects.get(name='Nordwind').pk}/?days=28")
    note = page.locator("[data-marker-note]")
    expect(note).to_contain_text("A dashed line marks a day with a signal")
    over = page.locator(".u-over").first
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": box["width"] * 26.5 / 28, "y": 20})
    expect(note).to_have_text("active people 4 → 11 in 7 days")


def test_why_not_answers_as_one_chooses(page: Page, world: UsageSource) -> None:
    page.goto(f"/settings/posthog/accounts/{Account.objects.get(name='Nordwind').pk}/")
    page.evaluate("window.isSameLoad = true")
    page.get_by_label("Definition", exact=True).select_option("Usage falls")
    expect(page.get_by_text("Not met as of 21 Nov 2026")).to_be_visible()
    expect(page.get_by_text("active people in 7 days: 102, at least 153 needed")).to_be_visible()
    assert page.evaluate("window.isSameLoad")


def test_everything_works_without_javascript(
    visit: Visit, alice: User, source: UsageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "run_backtest", lambda *_, **__: result())
    page = visit(alice, java_script_enabled=False)
    page.goto(LEADS)
    page.get_by_role("link", name="Start from Invites colleagues").click()
    page.get_by_role("button", name="Add a condition").click()
    expect(page.get_by_role("group", name="Condition 2")).to_be_visible()
    page.get_by_role("button", name="Remove condition 2").click()
    page.locator(".ph-no-script").click()
    expect(page.get_by_text("3 accounts as of 21 Nov 2026")).to_be_visible()
    page.get_by_role("button", name="Save as a draft").click()
    page.get_by_role("button", name="Activate").click()
    page.get_by_role("link", name="See the leads").click()
    page.get_by_role("link", name="Dismiss…").first.click()
    page.get_by_label("Why is it of no use?").fill("No real change")
    page.get_by_role("button", name="Dismiss").click()
    expect_heading(page, "2 leads")
    page.get_by_role("link", name="Umbrella", exact=True).click()
    page.get_by_label("Definition", exact=True).select_option("Invites colleagues")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("Met as of 21 Nov 2026")).to_be_visible()
    page.goto(f"{DEFINITIONS}{SignalDefinition.objects.get().pk}/backtest")
    page.get_by_label("Goal event").fill("upgraded")
    page.get_by_role("button", name="Run the backtest").click()
    expect_heading(page, "It foretells the goal")


STATES = [
    LEADS,
    f"{LEADS}?search=nobody",
    f"{LEADS}?grade=M50",
    "/settings/posthog/signals/{signal}/dismiss",
    "/settings/posthog/accounts/{account}/?definition={draft}",
    DEFINITIONS,
    f"{DEFINITIONS}new",
    f"{DEFINITIONS}new?template=pricing-interest",
    f"{DEFINITIONS}fit",
    f"{DEFINITIONS}{{definition}}/?done=active",
    f"{DEFINITIONS}{{draft}}/",
    f"{DEFINITIONS}{{definition}}/pause",
    f"{DEFINITIONS}{{definition}}/backtest",
    f"{DEFINITIONS}{{definition}}/backtest?goal_event=upgraded&horizon_days=30",
    f"{DEFINITIONS}{{definition}}/backtest?goal_event=rare&horizon_days=30",
]


@pytest.mark.parametrize("address", STATES)
@pytest.mark.parametrize("who", ["alice", "carol"])
def test_every_page_is_legible_labelled_and_within_reach(
    visit: Visit,
    alice: User,
    carol: User,
    world: UsageSource,
    definition: SignalDefinition,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    who: str,
) -> None:
    def replay(*_: object, goal_event: str, **__: object) -> object:
        return result(sample="too_few") if goal_event == "rare" else result()

    monkeypatch.setattr(definitions, "run_backtest", replay)
    ids = {
        "signal": Signal.objects.filter(state="new")[0].pk,
        "account": Account.objects.get(name="Nordwind").pk,
        "definition": definition.pk,
        "draft": SignalDefinition.objects.get(state="draft").pk,
    }
    user = alice if who == "alice" else carol
    audit(visit(user, reduced_motion="reduce"), address.format(**ids))


@pytest.mark.parametrize("stage", ["not_connected", "no_definitions", "none_active", "no_signals"])
def test_every_stage_before_the_first_lead_is_so_too(
    visit: Visit, alice: User, acme: Workspace, stage: str
) -> None:
    if stage != "not_connected":
        store_usage(acme, accounts=NAMES)
    if stage in ("none_active", "no_signals"):
        store_definition(acme, state="draft" if stage == "none_active" else "active")
    page = visit(alice, reduced_motion="reduce")
    audit(page, LEADS)
    audit(page, DEFINITIONS)


def test_a_form_with_errors_is_so_too(page: Page) -> None:
    page.goto(f"{DEFINITIONS}new?template=pricing-interest")
    page.get_by_label("Name").fill("")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate(AUDIT) == []


def test_the_pages_work_under_a_strict_content_security_policy(
    page: Page, world: UsageSource, definition: SignalDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "run_backtest", lambda *_, **__: result())
    enforce_policy(page)
    page.goto(f"/settings/posthog/accounts/{Account.objects.get(name='Nordwind').pk}/")
    expect(page.locator(".uplot canvas")).to_have_count(2)
    page.goto(f"{DEFINITIONS}new?template=invitations")
    page.get_by_label("At least", exact=True).fill("100000")
    expect(page.get_by_text("0 accounts as of 21 Nov 2026")).to_be_visible()
    page.goto(f"{DEFINITIONS}{definition.pk}/backtest")
    page.get_by_label("Goal event").fill("upgraded")
    page.get_by_role("button", name="Run the backtest").click()
    expect_heading(page, "It foretells the goal")
    page.goto(LEADS)
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_role("status").filter(has_text="Acknowledged")).to_be_visible()
