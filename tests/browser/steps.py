"""What people do on the settings page."""

from __future__ import annotations

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from beton.models import Workspace
from integrations_posthog.sandbox import Key
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import connection_service


def service_of(workspace: Workspace, user: User) -> PostHogValidatorService:
    """The use cases, to arrange by what the page then shows."""
    actor = Actor(name=user.get_username())
    return connection_service(workspace=workspace, actor=actor)


def key_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Personal API key")


def connect_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Connect", exact=True)


def connect(page: Page, key: Key) -> None:
    key_field(page).fill(key.value)
    connect_button(page).click()


def recheck(page: Page) -> None:
    page.get_by_role("button", name="Re-check").click()


def expect_heading(page: Page, text: str) -> Locator:
    """Wait for the heading of the state that the page shows."""
    heading = page.get_by_role("heading", level=2, name=text)
    expect(heading).to_be_visible()
    return heading


def expect_fact(page: Page, name: str, value: str) -> None:
    fact = page.locator("dl > div").filter(has=page.get_by_text(name, exact=True))
    expect(fact.get_by_role("definition")).to_contain_text(value)


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("Tab does not reach it")
