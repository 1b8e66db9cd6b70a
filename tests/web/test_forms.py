"""What the settings page's forms answer, seen without a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from integrations_posthog.models import PosthogConnectionEvent
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.validator import PostHogValidatorService

from .conftest import CONNECT, DISCONNECT, HTMX, PAGE, PROJECT, RECHECK, As, post_key, text_of

FRAGMENT = re.compile(r'\s*<div id="posthog-connection"')

pytestmark = pytest.mark.usefixtures("posthog")


def validate_by_api(client: Client) -> Any:
    return client.post(
        "/api/posthog/validate",
        {"api_key": KEYS.full.value},
        content_type="application/json",
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def test_without_htmx_a_form_that_succeeds_leads_to_the_page(logged_in: As, alice: User) -> None:
    client = logged_in(alice)
    assert post_key(client, KEYS.full)["Location"] == PAGE
    assert client.post(RECHECK)["Location"] == PAGE
    assert client.post(PROJECT, {"project_id": "12345"})["Location"] == PAGE
    assert client.post(DISCONNECT)["Location"] == PAGE
    outcomes = PosthogConnectionEvent.objects.newest_first().values_list("action", flat=True)
    assert list(outcomes) == ["disconnect", "recheck", "recheck", "connect"]


def test_with_htmx_a_form_gets_the_panel_alone(logged_in: As, alice: User) -> None:
    client = logged_in(alice)
    for response, words in (
        (post_key(client, KEYS.full, headers=HTMX), "Connected to Acme Corp"),
        (client.post(RECHECK, headers=HTMX), "Connected to Acme Corp"),
        (client.get(DISCONNECT, headers=HTMX), "Disconnect PostHog?"),
        (client.post(DISCONNECT, headers=HTMX), "Disconnected"),
    ):
        assert response.status_code == 200
        assert FRAGMENT.match(response.content.decode())
        assert words in text_of(response)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_form_that_fails_says_why_with_status_422(
    logged_in: As, alice: User, headers: dict[str, str]
) -> None:
    response = post_key(logged_in(alice), KEYS.no_query, headers=headers)
    assert response.status_code == 422
    assert bool(FRAGMENT.match(response.content.decode())) == bool(headers)
    text = text_of(response)
    assert "Invalid or unauthorized API key" in text
    assert "Scopes granted Failed Missing: query:read" in text
    assert "Project reached Not reached" in text
    assert "Nothing was stored." in text


def test_nothing_of_the_page_is_cached(logged_in: As, alice: User) -> None:
    client = logged_in(alice)
    for response in (client.get(PAGE), post_key(client, KEYS.revoked)):
        assert "no-store" in response["Cache-Control"]


def test_page_and_api_share_one_limit_and_malformed_attempts_count(
    logged_in: As, alice: User, bob: User
) -> None:
    page, api = logged_in(alice), logged_in(bob)
    for _ in range(2):
        assert post_key(page, KEYS.full).status_code == 302
        assert page.post(CONNECT, {"api_key": "no key"}).status_code == 422
    assert validate_by_api(api).status_code == 200
    assert validate_by_api(api).status_code == 429
    refused = page.post(RECHECK)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 60
    assert "Maximum 5 validation requests per minute." in text_of(refused)
    assert re.search(r"Try again in [1-6]?[0-9] seconds?\.", text_of(refused))
    assert page.post(DISCONNECT).status_code == 302


def test_while_the_cache_that_counts_is_down_the_page_says_that_it_is_our_fault(
    logged_in: As, alice: User, settings: Settings
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    client = logged_in(alice)
    response = post_key(client, KEYS.full)
    assert response.status_code == 422
    assert "The service is not available at the moment" in text_of(response)
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (CONNECT, "api_key"),
        (CONNECT, "where"),
        (CONNECT, "host"),
        (PROJECT, "project_id"),
    ],
)
@pytest.mark.parametrize("pasted", [KEYS.revoked.value, f"https://{KEYS.revoked.value}/x", "<b>&"])
def test_nothing_that_was_pasted_is_shown_again(
    logged_in: As,
    alice: User,
    service: PostHogValidatorService,
    place: str,
    field: str,
    pasted: str,
) -> None:
    service.validate_and_store_config(api_key=KEYS.full.value)
    posted = {"where": "other", "api_key": "no key"} | {field: pasted}
    response = logged_in(alice).post(place, posted)
    assert response.status_code == 422
    assert pasted not in response.content.decode()
    assert KEYS.revoked.value.lower() not in response.content.decode().lower()


def test_a_self_hosted_posthog_without_its_address_is_tried_nowhere(
    logged_in: As, alice: User, posthog: Sandbox
) -> None:
    response = logged_in(alice).post(
        CONNECT, {"api_key": KEYS.full.value, "where": "other", "host": " "}
    )
    assert response.status_code == 422
    assert "Invalid PostHog host" in text_of(response)
    assert posthog.us.requests == posthog.eu.requests == []


def test_posthogs_own_rate_limit_has_the_status_of_ours(
    logged_in: As, alice: User, posthog: Sandbox
) -> None:
    posthog.us.fail("429")
    response = post_key(logged_in(alice), KEYS.full)
    assert response.status_code == 429
    assert "PostHog's rate limit exceeded" in text_of(response)


@pytest.mark.parametrize(
    ("host", "regions", "labels"),
    [
        ("app", ["us", "eu"], ["PostHog Cloud, US or EU", "US Cloud only", "EU Cloud only"]),
        ("us", ["us", "eu"], ["US Cloud only", "EU Cloud only"]),
        ("eu", ["eu"], ["EU Cloud only"]),
    ],
)
def test_each_place_is_offered_once_by_its_name(
    logged_in: As,
    alice: User,
    settings: Settings,
    host: str,
    regions: list[str],
    labels: list[str],
) -> None:
    settings.INTEGRATIONS_POSTHOG_HOST = f"https://{host}.posthog.com"
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = [
        f"https://{name}.posthog.com" for name in regions
    ]
    html = logged_in(alice).get(PAGE).content.decode()
    offered = re.findall(r'<input type="radio"[^>]*>\s*(.*?)\s*</label>', html)
    assert offered == [*labels, "Self-hosted PostHog"]


def test_a_project_that_is_none_leaves_the_connection_as_it_was(
    logged_in: As, alice: User, service: PostHogValidatorService
) -> None:
    service.validate_and_store_config(api_key=KEYS.several.value)
    response = logged_in(alice).post(PROJECT, {"project_id": "12345"})
    assert response.status_code == 422
    assert "Project/workspace not found" in text_of(response)
    assert "Your connection is unchanged and keeps working." in text_of(response)
