"""Which session requests need a CSRF token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import path
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from beton.authentication import SessionAuthentication, comes_from_us

OWN = "https://inspector.example.com"
TRUSTED = "https://app.example.com"


def verdict(
    site: str | None,
    origin: str | None,
    *,
    host: str = "inspector.example.com",
    secure: bool = True,
) -> bool:
    headers = {"Sec-Fetch-Site": site, "Origin": origin, "Host": host}
    sent = {name: value for name, value in headers.items() if value is not None}
    return comes_from_us(APIRequestFactory().post("/", headers=sent, secure=secure))


@pytest.fixture(autouse=True)
def _deployment(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = [".example.com", "testserver", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = [
        TRUSTED,
        "https://*.preview.example.com",
        "https://x.test:8443",
    ]


@pytest.mark.parametrize(
    ("site", "origin", "passes"),
    [
        ("same-origin", OWN, True),
        ("same-origin", None, True),
        ("same-origin", "null", True),
        ("same-site", TRUSTED, True),
        ("same-site", "https://pr-7.preview.example.com", True),
        ("same-site", OWN, False),
        ("same-site", "https://blog.example.com", False),
        ("same-site", "null", False),
        ("same-site", None, False),
        ("cross-site", TRUSTED, False),
        ("cross-site", OWN, False),
        ("cross-site", "https://evil.test", False),
        ("cross-site", None, False),
        ("none", OWN, False),
        ("none", None, False),
        ("", None, False),
        ("Same-Origin", OWN, False),
        (None, None, True),
        (None, OWN, True),
        (None, f"{OWN}:443", True),
        (None, TRUSTED, True),
        (None, "https://x.test:8443", True),
        (None, "https://pr-7.preview.example.com", True),
        (None, "null", False),
        (None, "", False),
        (None, "https://evil.test", False),
        (None, "http://inspector.example.com", False),
        (None, f"{OWN}:8443", False),
        (None, f"{OWN}.evil.test", False),
        (None, f"{OWN}@evil.test", False),
        (None, f"{OWN}/", False),
        (None, "https://x.test", False),
        (None, "http://app.example.com", False),
        (None, "https://preview.example.com.evil.test", False),
        (None, "inspector.example.com", False),
    ],
)
def test_the_headers_decide_whether_a_token_is_needed(
    site: str | None, origin: str | None, passes: bool
) -> None:
    assert verdict(site, origin) is passes


@pytest.mark.parametrize(
    ("host", "secure", "origin", "passes"),
    [
        ("inspector.example.com:8000", False, "http://inspector.example.com:8000", True),
        ("inspector.example.com:8000", False, "http://inspector.example.com", False),
        ("inspector.example.com:443", True, OWN, True),
        ("inspector.example.com:80", False, "http://inspector.example.com", True),
        ("INSPECTOR.example.com", True, OWN, True),
        ("[::1]:8000", False, "http://[::1]:8000", True),
    ],
)
def test_ports_count_as_they_are_meant(host: str, secure: bool, origin: str, passes: bool) -> None:
    assert verdict(None, origin, host=host, secure=secure) is passes


class Echo(APIView):
    authentication_classes = [SessionAuthentication]

    def get(self, request: object) -> Response:
        return Response("read")

    def post(self, request: object) -> Response:
        return Response("written")


urlpatterns = [path("", Echo.as_view())]


@pytest.fixture
def browser(alice: User, session_client: Callable[[User], APIClient]) -> APIClient:
    return session_client(alice)


@pytest.mark.urls(__name__)
class TestTheRuleInAView:
    def test_reading_never_needs_a_token(self, browser: APIClient) -> None:
        answer = browser.get("/", headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 200

    def test_writing_from_our_own_page_needs_none(self, browser: APIClient) -> None:
        answer = browser.post("/", headers={"Sec-Fetch-Site": "same-origin"})

        assert answer.status_code == 200

    def test_writing_by_curl_needs_none(self, browser: APIClient) -> None:
        assert browser.post("/").status_code == 200

    def test_writing_from_elsewhere_is_refused_without_a_token(self, browser: APIClient) -> None:
        answer = browser.post("/", headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 403
        assert "CSRF" in str(answer.data)

    def test_writing_with_djangos_token_passes(self, browser: APIClient) -> None:
        token = "a" * 32
        browser.cookies["csrftoken"] = token

        answer = browser.post("/", headers={"Sec-Fetch-Site": "none", "X-CSRFToken": token})

        assert answer.status_code == 200
