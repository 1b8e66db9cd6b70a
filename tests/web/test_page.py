"""The settings page as far as it can be seen without a browser: who gets in, what it shows."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.validator import PostHogValidatorService
from tests.connections import lose_encryption_key, store_connection

from .conftest import (
    CONNECT,
    DISCONNECT,
    FORMS,
    HTMX,
    PAGE,
    PROJECT,
    RECHECK,
    As,
    post_key,
    text_of,
)

pytestmark = pytest.mark.usefixtures("posthog")


@pytest.mark.parametrize("address", [PAGE, DISCONNECT])
def test_a_page_asked_for_without_logging_in_is_shown_after_it(
    client: Client, db: None, address: str
) -> None:
    response = client.get(address)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")


@pytest.mark.parametrize("address", FORMS)
def test_a_form_sent_without_logging_in_leads_back_to_the_page(
    client: Client, db: None, address: str
) -> None:
    response = client.post(address)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={PAGE}")


def test_htmx_is_told_to_load_the_log_in_page_itself(client: Client, db: None) -> None:
    response = client.post(RECHECK, headers=HTMX)
    assert response["HX-Redirect"] == f"/login/?next={PAGE}"
    assert response.content == b""


@pytest.mark.parametrize("address", [CONNECT, RECHECK, PROJECT])
def test_the_address_of_a_form_opened_by_itself_leads_to_the_page(
    logged_in: As, alice: User, address: str
) -> None:
    response = logged_in(alice).get(address)
    assert (response.status_code, response["Location"]) == (302, PAGE)


@pytest.mark.parametrize("address", [PAGE, *FORMS])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_allowed(
    logged_in: As, alice: User, address: str, method: str
) -> None:
    assert getattr(logged_in(alice), method)(address).status_code == 405


@pytest.mark.parametrize("address", FORMS)
def test_a_form_without_its_token_is_refused(alice: User, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(address).status_code == 403


@pytest.mark.parametrize("address", FORMS)
def test_a_member_s_form_is_refused_in_words_and_changes_nothing(
    logged_in: As, carol: User, service: PostHogValidatorService, address: str
) -> None:
    service.validate_and_store_config(api_key=KEYS.several.value)
    response = logged_in(carol).post(address, {"api_key": KEYS.full.value, "project_id": "202"})
    assert response.status_code == 403
    assert "You do not have permission to do this in this workspace" in text_of(response)
    assert "Ask someone who manages the workspace." in text_of(response)
    config = PosthogWorkspaceConfig.objects.get()
    assert (config.posthog_project_id, config.is_active) == ("201", True)
    assert PosthogConnectionEvent.objects.count() == 1


def test_a_member_is_shown_no_form(
    logged_in: As, carol: User, service: PostHogValidatorService
) -> None:
    client = logged_in(carol)
    not_connected = client.get(PAGE)
    service.validate_and_store_config(api_key=KEYS.several.value)
    connected, asked = client.get(PAGE), client.get(DISCONNECT)
    service.disconnect()
    for response in (not_connected, connected, asked, client.get(PAGE)):
        main = response.content.decode().partition("<main")[2]
        assert "You can look, but not change this. Ask someone who manages Acme." in text_of(
            response
        )
        assert "<form" not in main
        assert "<input" not in main


def test_a_stranger_sees_the_own_workspace_alone(
    logged_in: As, charlie: User, service: PostHogValidatorService, acme: Workspace
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    client = logged_in(charlie)
    assert "Not connected" in text_of(client.get(PAGE))
    assert client.get(PAGE, headers={"X-Workspace-Id": acme.pk}).status_code == 404


def test_events_that_could_not_be_counted_are_said_to_be_so_and_why(
    logged_in: As, alice: User, service: PostHogValidatorService, posthog: Sandbox
) -> None:
    posthog.us.fail("512", path="/query/")
    service.validate_and_store_config(api_key=KEYS.full.value)
    text = text_of(logged_in(alice).get(PAGE))
    assert "Events in 30 days Could not be counted PostHog expects" in text
    assert "Query answered Unknown" in text


def test_no_project_passes_for_the_organization(
    logged_in: As, alice: User, service: PostHogValidatorService
) -> None:
    service.validate_and_store_config(api_key=KEYS.minimal.value)
    response = logged_in(alice).get(PAGE)
    assert "Project Acme Production 12345" in text_of(response)
    assert "<dt>Organization</dt>" not in response.content.decode()


def test_projects_whose_names_the_key_may_not_read_are_listed_by_their_ids(
    logged_in: As, alice: User, service: PostHogValidatorService
) -> None:
    service.validate_and_store_config(api_key=KEYS.one_project.value)
    projects = [{"id": "202", "name": "Mobile App"}, {"id": "203", "name": None}]
    PosthogWorkspaceConfig.objects.update(projects=projects)
    response = logged_in(alice).get(PAGE)
    options = re.findall(r"<option.*?</option>", response.content.decode())
    assert options == [
        '<option value="202" selected>Mobile App (202)</option>',
        '<option value="203">Project (203)</option>',
    ]


def test_a_disconnected_connection_says_since_when_and_what_is_kept(
    logged_in: As, alice: User, bob: User, service: PostHogValidatorService
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    client = logged_in(bob)
    client.post(DISCONNECT)
    text = text_of(client.get(PAGE))
    assert re.search(r"Disconnected Since \d+ \w+ \d{4}, \d\d:\d\d UTC, by bob", text)
    assert "It is kept, encrypted, with the project and the history." in text
    assert "phx_…Full" in text


def test_a_reconnection_that_fails_says_why_once(
    logged_in: As, alice: User, service: PostHogValidatorService, posthog: Sandbox
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    service.disconnect()
    posthog.us.revoke(KEYS.full)
    response = logged_in(alice).post(PROJECT, {"project_id": "12345"})
    html = response.content.decode()
    assert "Disconnected" in text_of(response)
    assert html.count("Invalid or unauthorized API key") == 1
    assert html.count('role="alert"') == 2  # The other one waits, hidden, for the network's.


def test_a_scope_missed_on_the_way_to_another_project_is_named_with_where_to_mend_it(
    logged_in: As, alice: User, service: PostHogValidatorService, posthog: Sandbox
) -> None:
    service.validate_and_store_config(api_key=KEYS.several.value)
    posthog.us.remove_scope(KEYS.several, "query:read")
    response = logged_in(alice).post(PROJECT, {"project_id": "203"})
    assert response.status_code == 422
    assert "Scopes granted Failed Missing: query:read" in text_of(response)
    assert f'href="{posthog.us.url}/settings/user-api-keys' in response.content.decode()


def test_another_key_that_is_refused_is_told_apart_from_the_stored_one(
    logged_in: As, alice: User, service: PostHogValidatorService, posthog: Sandbox
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    posthog.us.revoke(KEYS.full)
    client = logged_in(alice)
    stored = client.post(RECHECK).content.decode()
    other = post_key(client, KEYS.revoked).content.decode()
    said = "<strong>Invalid or unauthorized API key</strong>"
    alert = '<p class="ph-state ph-state-danger">Invalid or unauthorized API key</p>'
    assert (stored.count(said), stored.count(alert)) == (1, 0)
    assert (other.count(said), other.count(alert)) == (1, 1)


def test_a_stored_key_that_cannot_be_decrypted_is_told_once(
    logged_in: As, alice: User, service: PostHogValidatorService
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    lose_encryption_key(PosthogWorkspaceConfig.objects.get())
    html = logged_in(alice).post(RECHECK).content.decode()
    assert html.count("The stored API key cannot be decrypted") == 1


@pytest.mark.parametrize("validated", [True, False])
def test_a_connection_that_was_never_checked_can_be_checked(
    logged_in: As, alice: User, carol: User, acme: Workspace, posthog: Sandbox, validated: bool
) -> None:
    store_connection(acme, is_validated=validated, posthog_host="")
    PosthogWorkspaceConfig.objects.update(api_key_hint="")
    form = f'action="{RECHECK}"'
    client = logged_in(alice)
    page = client.get(PAGE)
    assert "Last check None yet" in text_of(page)
    assert form in page.content.decode()
    assert form not in logged_in(carol).get(PAGE).content.decode()

    posthog.us.fail("500")
    failed = client.post(RECHECK)
    assert "Region found Failed PostHog API returned an error" in text_of(failed)
    assert re.search(r"Since \d+ \w+ \d{4}", text_of(failed))
    assert form in failed.content.decode()


def test_there_is_nothing_to_confirm_where_nothing_is_connected(
    logged_in: As, alice: User, service: PostHogValidatorService
) -> None:
    client = logged_in(alice)
    assert "Not connected" in text_of(client.get(DISCONNECT))
    service.validate_and_store_config(api_key=KEYS.full.value)
    service.disconnect()
    assert "Disconnect PostHog?" not in text_of(client.get(DISCONNECT))


def test_the_form_for_another_key_starts_at_the_place_of_the_stored_one(
    logged_in: As, alice: User, service: PostHogValidatorService, settings: Settings
) -> None:
    client = logged_in(alice)
    chosen = re.compile(r'name="where" value="([^"]*)" checked')
    assert chosen.findall(client.get(PAGE).content.decode()) == [""]
    found = service.validate_and_store_config(api_key=KEYS.full.value)
    assert chosen.findall(client.get(PAGE).content.decode()) == [found.host]
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = ["https://us.posthog.com"]
    html = client.get(PAGE).content.decode()
    assert chosen.findall(html) == ["other"]
    assert f'value="{found.host}"' in html
    settings.INTEGRATIONS_POSTHOG_HOST = found.host
    assert chosen.findall(client.get(PAGE).content.decode()) == [""]


def test_no_state_needs_inline_code_or_another_host(
    logged_in: As, alice: User, service: PostHogValidatorService, posthog: Sandbox
) -> None:
    client = logged_in(alice)
    states = [client.get(PAGE), post_key(client, KEYS.no_query)]
    service.validate_and_store_config(api_key=KEYS.several.value)
    states += [client.get(PAGE), client.get(DISCONNECT)]
    posthog.us.revoke(KEYS.several)
    states.append(client.post(RECHECK))
    service.disconnect()
    states.append(client.get(PAGE))
    for response in states:
        html = response.content.decode()
        assert not re.search(r"<style|<[^>]* (style|on[a-z]+|hx-on[^=]*)=", html)
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert not re.search(r"<(script|link|img)[^>]* (src|href)=\"(https?:)?//", html)
