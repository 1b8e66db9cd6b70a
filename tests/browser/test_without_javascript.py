"""The settings page in a browser whose JavaScript is off."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from beton.models import Workspace
from integrations_posthog.sandbox import KEYS, Sandbox

from .conftest import PAGE, Visit
from .steps import connect, expect_fact, expect_heading, recheck, service_of

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Visit, alice: User) -> Page:
    return visit(alice, java_script_enabled=False)


def test_connects(page: Page) -> None:
    connect(page, KEYS.full)
    expect_heading(page, "Connected to Acme Corp")
    assert page.url.endswith(PAGE)


def test_a_wrong_key_is_told_and_the_alert_has_the_focus(page: Page) -> None:
    connect(page, KEYS.revoked)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Invalid or unauthorized API key")
    expect(alert).to_be_focused()
    expect(page).to_have_title("PostHog · Acme · Beton Inspector")


def test_a_self_hosted_posthog_can_be_chosen(page: Page, posthog: Sandbox) -> None:
    expect(page.get_by_label("Its address")).to_be_hidden()
    page.get_by_label("Self-hosted PostHog").check()
    page.get_by_label("Its address").fill(posthog.eu.url)
    connect(page, KEYS.eu)
    expect_heading(page, "Connected to Nordwind GmbH")


def test_rechecks(page: Page, posthog: Sandbox) -> None:
    connect(page, KEYS.full)
    expect_heading(page, "Connected to Acme Corp")
    posthog.us.revoke(KEYS.full)
    recheck(page)
    expect_heading(page, "The connection does not work")
    posthog.us.heal()
    recheck(page)
    expect_heading(page, "Connected to Acme Corp")


def test_another_project_is_chosen(page: Page, acme: Workspace, alice: User) -> None:
    service_of(acme, alice).validate_and_store_config(api_key=KEYS.several.value)
    page.goto(PAGE)
    page.get_by_label("Project", exact=True).select_option("203")
    page.get_by_role("button", name="Switch").click()
    expect_fact(page, "Project", "Back Office 203")


def test_disconnecting_asks_first_and_can_be_undone(page: Page) -> None:
    connect(page, KEYS.full)
    page.get_by_role("link", name="Disconnect").click()
    expect_heading(page, "Disconnect PostHog?")
    page.get_by_role("button", name="Disconnect").click()
    expect_heading(page, "Disconnected")
    page.get_by_role("button", name="Reconnect with the stored key").click()
    expect_heading(page, "Connected to Acme Corp")
