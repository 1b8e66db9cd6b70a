"""Connecting a workspace on the settings page, in a browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Request, expect

from beton.models import Workspace
from integrations_posthog.models import PosthogConnectionEvent
from integrations_posthog.sandbox import KEYS, Key, Sandbox

from .conftest import Visit
from .steps import connect, connect_button, expect_fact, expect_heading, key_field, service_of

pytestmark = pytest.mark.browser


def test_connects_a_workspace_and_sees_what_it_is_connected_to(visit: Visit, alice: User) -> None:
    page = visit(alice)
    expect_heading(page, "Not connected")
    connect(page, KEYS.full)
    heading = expect_heading(page, "Connected to Acme Corp")
    expect(heading).to_be_focused()
    expect_fact(page, "Organization", "Acme Corp")
    expect_fact(page, "Project", "Acme Production 12345")
    expect_fact(page, "Events in 30 days", "15,420")
    expect_fact(page, "Connected", "by alice")
    expect_fact(page, "Key", "phx_…Full")
    expect(page).to_have_title("PostHog · Acme · Beton Inspector")


def test_the_last_check_is_reported_line_by_line(visit: Visit, alice: User) -> None:
    page = visit(alice)
    connect(page, KEYS.full)
    lines = page.get_by_role("region", name="Last check").get_by_role("listitem")
    expect(lines).to_contain_text(
        ["Key accepted", "Region found", "Scopes granted", "Project reached", "Query answered"]
    )
    for line in lines.all():
        expect(line).to_contain_text("Passed")


def test_a_key_of_the_other_region_connects_too(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    connect(page, KEYS.eu)
    expect_heading(page, "Connected to Nordwind GmbH")
    expect_fact(page, "PostHog", posthog.eu.url)


def test_a_wrong_key_is_told_with_what_to_do_and_has_to_be_pasted_anew(
    visit: Visit, alice: User
) -> None:
    page = visit(alice)
    connect(page, KEYS.revoked)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Invalid or unauthorized API key")
    expect(alert).to_contain_text("Check in PostHog, under Settings → Personal API keys")
    expect(alert).to_contain_text("Nothing was stored.")
    expect(alert).to_be_focused()
    expect(key_field(page)).to_have_value("")
    expect_heading(page, "Not connected")


def test_a_missing_scope_is_named_with_a_link_to_where_a_better_key_is_made(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    connect(page, KEYS.no_query)
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("listitem").filter(has_text="Scopes granted")).to_contain_text(
        "Missing: query:read"
    )
    link = alert.get_by_role("link")
    assert (link.get_attribute("href") or "").startswith(posthog.us.url)
    expect(link).to_have_attribute("rel", "noopener")


def test_a_wrong_key_leaves_a_working_connection_alone(
    visit: Visit, alice: User, acme: Workspace
) -> None:
    service_of(acme, alice).validate_and_store_config(api_key=KEYS.full.value)
    page = visit(alice)
    page.get_by_text("Replace the key").click()
    connect(page, KEYS.revoked)
    expect(page.get_by_role("alert")).to_contain_text("unchanged and keeps working")
    expect_heading(page, "Connected to Acme Corp")
    expect(key_field(page)).to_be_visible()


def test_while_posthog_is_asked_the_page_says_so_and_nothing_moves(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    posthog.us.fail("slow", seconds=2, times=1)
    before = place_on_page(connect_button(page))
    connect(page, KEYS.full)
    busy = page.get_by_role("button", name="Checking…")
    expect(busy).to_be_disabled()
    expect(page.locator("#posthog-connection")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("status")).to_have_text(
        "Asking PostHog. This takes 15 seconds at most."
    )
    assert place_on_page(busy) == before
    expect_heading(page, "Connected to Acme Corp")
    expect(page.get_by_role("status")).to_have_text("")
    expect(page.locator("#posthog-connection")).not_to_have_attribute("aria-busy", "true")


@pytest.mark.parametrize(
    ("motion", "animation"), [("no-preference", "ph-spin"), ("reduce", "none")]
)
def test_the_spinner_turns_only_for_those_who_want_motion(
    visit: Visit, alice: User, posthog: Sandbox, motion: str, animation: str
) -> None:
    page = visit(alice, reduced_motion=motion)
    posthog.us.fail("slow", seconds=1, times=1)
    connect(page, KEYS.full)
    spinner = connect_form(page).locator(".ph-spinner")
    expect(spinner).to_be_visible()
    expect(spinner).to_have_css("animation-name", animation)
    expect_heading(page, "Connected to Acme Corp")


def test_a_slow_check_cannot_be_asked_for_twice(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    posthog.us.fail("slow", seconds=2, times=1)
    connect(page, KEYS.full)
    expect(page.get_by_role("button", name="Checking…")).to_be_disabled()
    key_field(page).press("Enter")
    connect_form(page).evaluate("form => form.requestSubmit()")
    expect_heading(page, "Connected to Acme Corp")
    assert len(sent) == 1
    assert PosthogConnectionEvent.objects.count() == 1


def test_the_link_to_make_a_key_follows_the_place_that_is_chosen(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    link = page.get_by_role("link", name="Create a key in PostHog")
    places = {
        "PostHog Cloud, US or EU": "https://app.posthog.com",
        posthog.eu.url.removeprefix("http://"): posthog.eu.url,
    }
    for place, origin in places.items():
        page.get_by_label(place).check()
        expect(link).to_have_count(1)
        assert (link.get_attribute("href") or "").startswith(f"{origin}/settings/")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener")


def test_only_a_self_hosted_posthog_asks_for_its_address(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    address = page.get_by_label("Its address")
    expect(address).to_be_hidden()
    page.get_by_label("Self-hosted PostHog").check()
    address.fill(f"{posthog.us.url}/project/12345")
    connect(page, KEYS.full)
    expect_heading(page, "Connected to Acme Corp")


def test_an_address_that_is_refused_can_be_mended(visit: Visit, alice: User) -> None:
    page = visit(alice)
    page.get_by_label("Self-hosted PostHog").check()
    page.get_by_label("Its address").fill("http://posthog.example")
    connect(page, KEYS.full)
    expect(page.get_by_role("alert")).to_contain_text("Invalid PostHog host")
    expect(page.get_by_label("Self-hosted PostHog")).to_be_checked()
    expect(page.get_by_label("Its address")).to_have_value("http://posthog.example")


@pytest.mark.parametrize("key", [KEYS.full, KEYS.revoked], ids=["accepted", "refused"])
def test_the_key_stays_nowhere_in_the_browser(visit: Visit, alice: User, key: Key) -> None:
    page = visit(alice)
    connect(page, key)
    expect(page.get_by_text("Key accepted")).to_be_visible()
    kept = [
        page.content(),
        page.url,
        str(page.evaluate("[...document.querySelectorAll('input')].map(field => field.value)")),
        str(page.evaluate("[{...localStorage}, {...sessionStorage}, history.state]")),
        str(page.context.cookies()),
    ]
    assert [text for text in kept if key.value in text] == []


def connect_form(page: Page) -> Locator:
    return page.locator("form").filter(has=key_field(page))


def place_on_page(element: Locator) -> list[float]:
    place: list[float] = element.evaluate(
        """element => {
            const { x, y, width, height } = element.getBoundingClientRect();
            return [x + scrollX, y + scrollY, width, height, document.body.scrollHeight];
        }"""
    )
    return place
