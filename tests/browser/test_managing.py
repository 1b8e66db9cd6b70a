"""What becomes of a connection on the settings page, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from beton.models import Workspace
from integrations_posthog.encryption import SealedText
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox

from .conftest import PAGE, Visit
from .steps import connect, expect_fact, expect_heading, key_field, recheck, service_of

pytestmark = pytest.mark.browser


@pytest.fixture
def connected(acme: Workspace, alice: User, posthog: Sandbox) -> None:
    """Acme is connected, by a key that reaches several projects."""
    service_of(acme, alice).validate_and_store_config(api_key=KEYS.several.value)


@pytest.mark.usefixtures("connected")
def test_another_of_several_projects_is_chosen(visit: Visit, alice: User) -> None:
    page = visit(alice)
    expect_fact(page, "Project", "Web Shop 201")
    projects = page.get_by_label("Project", exact=True)
    expect(projects.get_by_role("option")).to_have_text(
        ["Web Shop (201)", "Mobile App (202)", "Back Office (203)"]
    )
    projects.select_option("202")
    page.get_by_role("button", name="Switch").click()
    expect_fact(page, "Project", "Mobile App 202")
    expect_fact(page, "Events in 30 days", "460")
    expect(projects).to_have_value("202")


@pytest.mark.usefixtures("connected")
def test_disconnecting_asks_first(visit: Visit, alice: User) -> None:
    page = visit(alice)
    page.get_by_role("link", name="Disconnect").click()
    expect(expect_heading(page, "Disconnect PostHog?")).to_be_focused()
    expect(page.get_by_text("history are kept")).to_be_visible()
    page.get_by_role("link", name="Keep connected").click()
    expect_heading(page, "Connected to Umbrella Retail")
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(expect_heading(page, "Disconnected")).to_be_focused()
    expect(page.get_by_text("by alice").first).to_be_visible()
    assert not PosthogWorkspaceConfig.objects.get().is_active


@pytest.mark.usefixtures("connected")
def test_a_disconnected_workspace_reconnects_with_the_stored_key(
    visit: Visit, alice: User, acme: Workspace
) -> None:
    service_of(acme, alice).choose_project(project_id="202")
    service_of(acme, alice).disconnect()
    page = visit(alice)
    expect_heading(page, "Disconnected")
    page.get_by_role("button", name="Reconnect with the stored key").click()
    expect_heading(page, "Connected to Umbrella Retail")
    expect_fact(page, "Project", "Mobile App 202")


@pytest.mark.usefixtures("connected")
def test_a_key_that_was_revoked_is_trouble_until_it_is_replaced(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    posthog.us.revoke(KEYS.several)
    recheck(page)
    expect_heading(page, "The connection does not work")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Invalid or unauthorized API key")
    expect(alert).to_contain_text("Since")
    expect(alert).to_be_focused()
    page.reload()
    expect_heading(page, "The connection does not work")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_text("Replace the key").click()
    connect(page, KEYS.full)
    expect_heading(page, "Connected to Acme Corp")


@pytest.mark.usefixtures("connected")
def test_a_check_that_does_not_get_through_is_told_apart_from_a_refusal(
    visit: Visit, alice: User, posthog: Sandbox
) -> None:
    page = visit(alice)
    posthog.us.fail("500")
    recheck(page)
    expect_heading(page, "The last check failed")
    posthog.us.heal()
    recheck(page)
    expect_heading(page, "Connected to Umbrella Retail")


@pytest.mark.usefixtures("connected")
def test_a_key_that_cannot_be_decrypted_is_trouble_and_can_be_replaced(
    visit: Visit, alice: User
) -> None:
    PosthogWorkspaceConfig.objects.update(posthog_api_key=SealedText("sealed by another key"))
    page = visit(alice)
    expect_heading(page, "The connection does not work")
    expect(page.get_by_text("The stored API key cannot be decrypted")).to_be_visible()
    page.get_by_text("Replace the key").click()
    connect(page, KEYS.full)
    expect_heading(page, "Connected to Acme Corp")


@pytest.mark.usefixtures("connected")
def test_a_member_sees_the_connection_and_no_form(visit: Visit, carol: User) -> None:
    page = visit(carol)
    expect_heading(page, "Connected to Umbrella Retail")
    expect(page.get_by_text("Query answered")).to_be_visible()
    expect(
        page.get_by_text("You can look, but not change this. Ask someone who manages Acme.")
    ).to_be_visible()
    expect(page.locator("main form, main button, main input, main select")).to_have_count(0)


def test_an_expired_session_leads_to_the_log_in_page_and_back(visit: Visit, alice: User) -> None:
    page = visit(alice)
    page.context.clear_cookies(name="beton_session")
    connect(page, KEYS.full)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.url.endswith(f"/login/?next={PAGE}")


def fulfil_with(page: Page, **answer: Any) -> None:
    def handle(route: Route) -> None:
        if answer:
            route.fulfill(**answer)
        else:
            route.abort()

    page.route("**/settings/posthog/connect", handle)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 500, "body": 'Traceback of <div id="posthog-connection">'}, "on our side"),
        ({"status": 502, "body": "Bad gateway"}, "Something went wrong on our side."),
        ({"status": 403, "body": "CSRF"}, "This page is out of date. Reload it"),
        ({}, "The server cannot be reached."),
    ],
    ids=["error of ours", "error of a proxy", "outdated page", "no network"],
)
def test_an_answer_that_is_none_is_told_and_the_form_stays_usable(
    visit: Visit, alice: User, answer: dict[str, Any], words: str
) -> None:
    page = visit(alice, forgiven="")
    fulfil_with(page, **answer)
    connect(page, KEYS.full)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(words)
    expect(alert).to_be_focused()
    expect(key_field(page)).to_have_value(KEYS.full.value)
    page.unroute_all()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect_heading(page, "Connected to Acme Corp")
    expect(alert).to_have_count(0)


def test_the_page_works_under_a_strict_content_security_policy(visit: Visit, alice: User) -> None:
    page = visit(alice)

    def with_policy(route: Route) -> None:
        response = route.fetch()
        own = "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
        policy = f"default-src 'none'; {own}; form-action 'self'; base-uri 'none'"
        headers = response.headers | {"content-security-policy": policy}
        route.fulfill(response=response, headers=headers)

    page.route(f"**{PAGE}", with_policy)
    page.reload()
    connect(page, KEYS.revoked)
    expect(page.get_by_role("alert")).to_be_focused()
    connect(page, KEYS.several)
    expect_heading(page, "Connected to Umbrella Retail")
    page.get_by_role("link", name="Disconnect").click()
    expect_heading(page, "Disconnect PostHog?")
