"""The browsable API: the same calls, for a person in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.sandbox import KEYS, Sandbox
from tests.usage import store_usage
from tests.webhooks import store_delivery, store_webhook

HTML = {"accept": "text/html"}

As = Callable[[User], APIClient]


@pytest.fixture
def api(alice: User, session_client: As) -> APIClient:
    return session_client(alice)


def fields(page: str) -> dict[str, str]:
    """The input fields of the form, by name, with their tags."""
    return {
        match[1]: match[0]
        for match in re.finditer(r'<input[^>]*?name="([a-z_]+)"[^>]*>', page, re.DOTALL)
    }


def test_validate_shows_a_form_for_a_key(api: APIClient) -> None:
    page = api.get("/api/posthog/validate", headers=HTML).content.decode()
    form = fields(page)
    assert {"api_key", "host", "project_id"} <= form.keys()
    assert 'type="password"' in form["api_key"]
    assert 'action="/api/posthog/validate"' in page


def test_the_form_connects(api: APIClient, posthog: Sandbox) -> None:
    body = {"api_key": KEYS.full.value, "host": "", "project_id": ""}
    response = api.post("/api/posthog/validate", body, format="multipart", headers=HTML)
    assert response.status_code == 200
    assert "Acme Corp" in response.content.decode()


def test_an_error_is_shown_with_its_status(api: APIClient, posthog: Sandbox) -> None:
    body = {"api_key": KEYS.revoked.value}
    response = api.post("/api/posthog/validate", body, format="multipart", headers=HTML)
    assert response.status_code == 401
    page = response.content.decode()
    assert "unauthorized" in page
    assert KEYS.revoked.value not in page


@pytest.mark.parametrize(
    "path",
    [
        "status",
        "disconnect",
        "nothing",
        "",
        "sync",
        "sync/days",
        "accounts",
        "accounts/1",
        "account-mapping",
        "purge",
        "webhooks",
        "webhooks/c1",
        "webhooks/c1/test",
        "webhooks/c1/deliveries",
    ],
)
def test_every_path_has_its_page(api: APIClient, acme: Workspace, path: str) -> None:
    store_delivery(store_webhook(acme, id="c1"))
    page = api.get(f"/api/posthog/{path}", headers=HTML)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Django REST framework" in page.content.decode()


@pytest.mark.parametrize("address", ["sync", "sync/days", "accounts", "account", "account-mapping"])
@pytest.mark.parametrize("asked", [{"headers": HTML}, {"query_params": {"format": "api"}}])
def test_usage_has_its_pages_too(
    acme: Workspace,
    carol: User,
    alice: User,
    session_client: As,
    address: str,
    asked: dict[str, Any],
) -> None:
    source = store_usage(acme, accounts=["Initech"], days=2)
    path = f"accounts/{source.accounts.get().pk}" if address == "account" else address
    for user in (carol, alice):
        response = session_client(user).get(f"/api/posthog/{path}", **asked)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/html")
        page = unescape(response.content.decode())
        assert {"accounts": "Initech", "sync/days": "2026-11-22"}.get(address, "") in page


def test_someone_who_is_not_logged_in_gets_a_page_too(db: None) -> None:
    response = APIClient().get("/api/posthog/status", headers=HTML)
    assert response.status_code == 401
    assert "not_authenticated" in response.content.decode()
