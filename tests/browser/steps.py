"""What people do on the settings page."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Route, expect

from beton.models import Workspace
from integrations_posthog.sandbox import Key
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import connection_service

AUDIT = (Path(__file__).parent / "audit.js").read_text()
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)


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


def audit(page: Page, address: str) -> None:
    """Nothing is wrong with the page in either colour scheme, on a small screen or a large one."""
    page.goto(address)
    for scheme in ("light", "dark"):
        for width in (375, 800, 1280):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(AUDIT) == [], f"{scheme}, {width}px"


def enforce_policy(page: Page) -> None:
    """From now on the pages have a content security policy that allows no inline code."""

    def with_policy(route: Route) -> None:
        response = route.fetch()
        headers = response.headers | {"content-security-policy": POLICY}
        route.fulfill(response=response, headers=headers)

    page.route("**/settings/posthog/**", with_policy)
