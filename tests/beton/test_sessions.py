"""Session cookies that no session can have."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "cookie",
    [r'"aaaaaaaaaa\000aaaaaaaaaa"', "short", "x" * 41, "x" * 4000, "ABCDEFGHIJKLMNOP", "..%2f"],
)
@pytest.mark.parametrize(
    "path", ["/api/posthog/status", "/settings/posthog/", "/login/", "/admin/"]
)
def test_they_are_as_good_as_none(client: Client, cookie: str, path: str) -> None:
    answer = client.get(path, headers={"cookie": f"beton_session={cookie}"})
    assert answer.status_code == client.get(path).status_code


def test_a_real_one_works(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get("/api/posthog/status").status_code == 200


@pytest.mark.parametrize("address", ["/admin/auth/user/?q=%00", "/healthz?a=%00", "/api%00/x"])
def test_an_address_with_a_nul_character_is_refused(client: Client, address: str) -> None:
    assert client.get(address).status_code == 400
