"""The settings page for keyboards, screen readers, small screens and both colour schemes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from beton.models import Workspace
from integrations_posthog.sandbox import KEYS, Sandbox

from .conftest import Visit
from .steps import (
    connect,
    connect_button,
    expect_fact,
    expect_heading,
    key_field,
    recheck,
    service_of,
    tab_to,
)

pytestmark = pytest.mark.browser

AUDIT = (Path(__file__).parent / "audit.js").read_text()
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (390, 1280)

Arrange = Callable[[Page, Sandbox], None]


def not_connected(page: Page, posthog: Sandbox) -> None:
    page.get_by_label("Self-hosted PostHog").check()


def refused(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.no_query)
    expect(page.get_by_role("alert")).to_be_visible()


def connected(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.several)
    expect_heading(page, "Connected to")
    page.get_by_text("Replace the key").click()


def uncounted(page: Page, posthog: Sandbox) -> None:
    posthog.us.fail("512", path="/query/")
    connect(page, KEYS.full)
    expect_fact(page, "Events in 30 days", "Could not be counted")


def in_trouble(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.full)
    expect_heading(page, "Connected to")
    posthog.us.fail("500")
    recheck(page)
    expect_heading(page, "The last check failed")


def revoked(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.full)
    expect_heading(page, "Connected to")
    posthog.us.revoke(KEYS.full)
    recheck(page)
    expect_heading(page, "The connection does not work")


def asked_to_disconnect(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.full)
    page.get_by_role("link", name="Disconnect").click()
    expect_heading(page, "Disconnect PostHog?")


def disconnected(page: Page, posthog: Sandbox) -> None:
    asked_to_disconnect(page, posthog)
    page.get_by_role("button", name="Disconnect").click()
    expect_heading(page, "Disconnected")
    page.get_by_text("Connect with another key").click()


@pytest.mark.parametrize(
    "arrange",
    [
        not_connected,
        refused,
        connected,
        uncounted,
        in_trouble,
        revoked,
        asked_to_disconnect,
        disconnected,
    ],
)
def test_every_state_is_legible_labelled_and_within_reach(
    visit: Visit, alice: User, posthog: Sandbox, arrange: Arrange
) -> None:
    page = visit(alice, reduced_motion="reduce")
    arrange(page, posthog)
    for scheme in SCHEMES:
        for width in WIDTHS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(AUDIT) == [], f"{scheme}, {width}px"


def test_a_member_s_page_is_so_too(
    visit: Visit, alice: User, carol: User, acme: Workspace, posthog: Sandbox
) -> None:
    service_of(acme, alice).validate_and_store_config(api_key=KEYS.full.value)
    page = visit(carol, reduced_motion="reduce", viewport={"width": 390, "height": 900})
    assert page.evaluate(AUDIT) == []


def test_the_keyboard_alone_connects_and_disconnects(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    tab_to(page, page.get_by_label("PostHog Cloud, US or EU"))
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Self-hosted PostHog")).to_be_checked()
    tab_to(page, page.get_by_label("Its address"))
    page.keyboard.type(posthog.us.url)
    tab_to(page, key_field(page))
    page.keyboard.type(KEYS.full.value)
    page.keyboard.press("Enter")
    expect_heading(page, "Connected to Acme Corp")
    tab_to(page, page.get_by_role("link", name="Disconnect"))
    page.keyboard.press("Enter")
    expect_heading(page, "Disconnect PostHog?")
    tab_to(page, page.get_by_role("button", name="Disconnect"))
    page.keyboard.press("Enter")
    expect_heading(page, "Disconnected")


def test_what_has_the_focus_of_the_keyboard_is_outlined(visit: Visit, alice: User) -> None:
    page = visit(alice)
    key_field(page).fill("phx_")
    for target in (page.get_by_role("link", name="Create a key"), connect_button(page)):
        page.locator("body").evaluate("() => document.activeElement.blur()")
        tab_to(page, target)
        expect(target).to_have_css("outline-style", "solid")
        expect(target).to_have_css("outline-width", "2px")
