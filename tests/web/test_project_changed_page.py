"""Connecting another project while usage of the old one is stored, on the settings page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from beton.models import Workspace
from integrations_posthog.models import PosthogWorkspaceConfig, UsageSource
from integrations_posthog.sandbox import KEYS
from integrations_posthog.services.validator import PostHogValidatorService
from tests.usage import store_usage

from .conftest import CONNECT, PROJECT, As, post_key, text_of


@pytest.fixture(autouse=True)
def _usage_of_web_shop(acme: Workspace, service: PostHogValidatorService) -> None:
    """Acme holds sixty days of project 201."""
    service.validate_and_store_config(api_key=KEYS.several.value)
    store_usage(acme, days=60)


def project() -> str:
    return PosthogWorkspaceConfig.objects.get().posthog_project_id


def test_switching_tells_what_would_be_removed_and_does_it_only_when_confirmed(
    logged_in: As, alice: User
) -> None:
    client = logged_in(alice)
    asked = client.post(PROJECT, {"project_id": "202"})
    html = asked.content.decode()
    assert asked.status_code == 422
    assert "60 days of usage of project 201 would be removed for good" in text_of(asked)
    assert '<input type="hidden" name="project_id" value="202">' in html
    assert '<input type="hidden" name="replace" value="true">' in html
    assert "replace: true" not in text_of(asked)
    assert (project(), UsageSource.objects.count()) == ("201", 1)

    client.post(PROJECT, {"project_id": "202", "replace": "true"})
    assert (project(), UsageSource.objects.count()) == ("202", 0)


def test_another_key_is_pasted_again_with_the_consent_beside_it(logged_in: As, alice: User) -> None:
    client = logged_in(alice)
    asked = post_key(client, KEYS.full)
    html = asked.content.decode()
    assert asked.status_code == 422
    assert "paste the key again below" in text_of(asked)
    assert '<input type="checkbox" name="replace" value="true">' in html
    assert '<details class="ph-row ph-details" open>' in html
    assert KEYS.full.value not in html
    assert (project(), UsageSource.objects.count()) == ("201", 1)

    client.post(CONNECT, {"api_key": KEYS.full.value, "where": "", "replace": "true"})
    assert (project(), UsageSource.objects.count()) == ("12345", 0)


def test_nobody_is_asked_for_consent_before_it_is_needed(logged_in: As, alice: User) -> None:
    client = logged_in(alice)
    refused = post_key(client, KEYS.revoked)
    assert 'name="replace"' not in refused.content.decode()
    again = client.post(PROJECT, {"project_id": "201"})
    assert (again.status_code, project()) == (302, "201")
