"""The API, for a host with sessions first, then passwords, and a transaction round each request."""

from __future__ import annotations

import re

import pytest
from calls import DISCONNECT, STATUS, VALIDATE, basic_client, validate
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox

# In a transaction around the test, DRF would take a failed request for one that rolls back.
committing = pytest.mark.django_db(transaction=True)


def test_a_good_key_connects_the_team(api: APIClient, posthog: Sandbox) -> None:
    response = validate(api)
    assert response.status_code == 200, response.json()
    assert response.json()["workspace_name"] == "Acme Corp"
    assert response.json()["projects"] == [{"id": "12345", "name": "Acme Production"}]


def test_the_status_tells_times_in_utc_whatever_the_hosts_time_zone(
    api: APIClient, posthog: Sandbox
) -> None:
    validate(api)
    status = api.get(STATUS).json()
    validated_at = PosthogWorkspaceConfig.objects.get().validated_at
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["validated_at"])
    assert status["validated_at"] == f"{validated_at:%Y-%m-%dT%H:%M:%SZ}"
    assert status["is_active"] is True


def test_disconnecting_keeps_what_is_stored(api: APIClient, posthog: Sandbox) -> None:
    validate(api)
    response = api.post(DISCONNECT)
    assert response.json() == {"message": "PostHog integration disconnected successfully"}
    status = api.get(STATUS).json()
    assert (status["is_configured"], status["is_active"]) == (True, False)


def test_who_is_not_logged_in_is_not_authenticated() -> None:
    response = APIClient().get(STATUS)
    assert response.status_code == 401
    assert response.json()["error_type"] == "not_authenticated"


@committing
def test_a_session_of_the_host_needs_its_csrf_token(ann: User, posthog: Sandbox) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ann)
    refused = validate(client)
    assert (refused.status_code, refused.json()["error_type"]) == (403, "permission_denied")
    client.get("/settings/posthog/")
    client.credentials(HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value)
    assert validate(client).status_code == 200


@committing
def test_a_failure_is_in_the_history_though_the_host_rolls_back_failed_requests(
    api: APIClient, posthog: Sandbox
) -> None:
    assert validate(api, KEYS.revoked.value).status_code == 401
    event = PosthogConnectionEvent.objects.get()
    assert (event.action, event.outcome, event.error_type) == (
        "connect",
        "failed",
        "unauthorized",
    )


@committing
def test_the_limit_counts_each_team_for_itself(
    api: APIClient, eve: User, settings: Settings
) -> None:
    settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1/d"
    assert validate(api, "malformed").status_code == 400
    assert validate(api, "malformed").status_code == 429
    assert validate(basic_client(eve), "malformed").status_code == 400


def test_who_does_not_lead_may_only_read(ben: User) -> None:
    assert basic_client(ben).get(STATUS).status_code == 200
    assert validate(basic_client(ben)).status_code == 403


def test_each_sees_the_own_team_only(api: APIClient, eve: User, posthog: Sandbox) -> None:
    validate(api)
    assert basic_client(eve).get(STATUS).json()["is_configured"] is False


def test_the_browsable_api_shows_a_form(api: APIClient) -> None:
    page = api.get(VALIDATE, headers={"accept": "text/html"})
    assert 'name="api_key"' in page.content.decode()
