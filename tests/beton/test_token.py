"""JSON web tokens: getting them, renewing them, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

TOKEN = "/api/auth/token"
REFRESH = "/api/auth/token/refresh"


@pytest.fixture
def api() -> APIClient:
    return APIClient()


def test_name_and_password_buy_a_token_that_the_api_accepts(api: APIClient, alice: User) -> None:
    answer = api.post(TOKEN, {"username": "alice", "password": PASSWORD}, format="json")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert api.get("/api/posthog/status").status_code == 200


def test_a_refresh_token_buys_the_next_access_token(api: APIClient, alice: User) -> None:
    answer = api.post(REFRESH, {"refresh": str(RefreshToken.for_user(alice))}, format="json")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")

    assert answer.status_code == 200
    assert api.get("/api/posthog/status").status_code == 200


def test_a_wrong_password_is_not_authenticated(api: APIClient, alice: User) -> None:
    answer = api.post(TOKEN, {"username": "alice", "password": "wrong"}, format="json")

    assert answer.status_code == 401
    assert answer.json()["error_type"] == "not_authenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '"alice"',
        "{}",
        '{"username": "alice"}',
        '{"username": ["alice"], "password": {}}',
        '{"username": "\\u0000", "password": "x"}',
        '{"username": "\\ud800", "password": "x"}',
        "\xff",
    ],
)
def test_a_malformed_body_is_invalid_format(body: str, api: APIClient, alice: User) -> None:
    for address in (TOKEN, REFRESH):
        answer = api.post(address, body.encode("latin-1"), content_type="application/json")

        assert answer.status_code == 400, answer.content
        assert answer.json()["error_type"] == "invalid_format"
        assert "as JSON" in answer.json()["hint"]


def test_a_huge_body_is_refused_unread(api: APIClient, db: None) -> None:
    answer = api.post(TOKEN, {"username": "a" * 100_000, "password": "x"}, format="json")

    assert answer.status_code == 400
    assert answer.json()["error_type"] == "invalid_format"


def test_other_methods_and_media_types_are_refused_in_the_same_envelope(
    api: APIClient, db: None
) -> None:
    by_get = api.get(TOKEN)
    as_xml = api.post(TOKEN, b"<x/>", content_type="application/xml")

    assert (by_get.status_code, by_get.json()["error_type"]) == (405, "method_not_allowed")
    assert (as_xml.status_code, as_xml.json()["error_type"]) == (415, "unsupported_media_type")


def test_expired_forged_and_misused_tokens_are_not_authenticated(
    api: APIClient, alice: User
) -> None:
    expired = RefreshToken.for_user(alice)
    expired.set_exp(lifetime=timedelta(seconds=-1))
    for token in (str(expired), "x.y.z", "", str(AccessToken.for_user(alice))):
        answer = api.post(REFRESH, {"refresh": token or "-"}, format="json")

        assert answer.status_code == 401
        assert answer.json()["error_type"] == "not_authenticated"


@pytest.mark.parametrize("gone", ["inactive", "deleted"])
def test_a_user_who_is_gone_gets_nothing_for_old_tokens(
    gone: str, api: APIClient, alice: User
) -> None:
    refresh = RefreshToken.for_user(alice)
    users = User.objects.filter(pk=alice.pk)
    if gone == "deleted":
        users.delete()
    else:
        users.update(is_active=False)
    renewed = api.post(REFRESH, {"refresh": str(refresh)}, format="json")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {refresh.access_token}")
    used = api.get("/api/posthog/status")

    assert (renewed.status_code, renewed.json()["error_type"]) == (401, "not_authenticated")
    assert (used.status_code, used.json()["error_type"]) == (401, "not_authenticated")


def test_an_eleventh_try_is_rate_limited(api: APIClient, alice: User) -> None:
    def attempt(password: str) -> Any:
        return api.post(TOKEN, {"username": "alice", "password": password}, format="json")

    tries = [attempt("wrong").status_code for _ in range(10)]
    answer = attempt(PASSWORD)

    assert tries == [401] * 10
    assert answer.status_code == 429
    assert answer.json()["error_type"] == "rate_limited"
    assert "log in" in answer.json()["error"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_trying_other_names_from_one_address_is_limited_too(api: APIClient, alice: User) -> None:
    def attempt(name: str) -> Any:
        return api.post(TOKEN, {"username": name, "password": PASSWORD}, format="json")

    tries = [attempt(f"guess{number}").status_code for number in range(10)]

    assert tries == [401] * 10
    assert attempt("alice").status_code == 429


def test_refreshing_is_limited_too_but_does_not_lock_one_out(api: APIClient, alice: User) -> None:
    tries = [api.post(REFRESH, {"refresh": "-"}, format="json").status_code for _ in range(11)]
    answer = api.post(TOKEN, {"username": "alice", "password": PASSWORD}, format="json")

    assert tries == [401] * 10 + [429]
    assert answer.status_code == 200


def test_while_the_cache_is_down_it_is_unavailable(
    api: APIClient, alice: User, dead_cache: None
) -> None:
    answer = api.post(TOKEN, {"username": "alice", "password": PASSWORD}, format="json")

    assert (answer.status_code, answer.json()["error_type"]) == (503, "service_unavailable")
