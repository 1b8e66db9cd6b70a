"""The browsable API: the same calls, for a person in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from integrations_posthog.sandbox import KEYS, Sandbox

HTML = {"accept": "text/html"}


@pytest.fixture
def api(alice: User, session_client: Callable[[User], APIClient]) -> APIClient:
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


@pytest.mark.parametrize("path", ["status", "disconnect", "nothing", ""])
def test_every_path_has_its_page(api: APIClient, path: str) -> None:
    page = api.get(f"/api/posthog/{path}", headers=HTML)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Django REST framework" in page.content.decode()


def test_someone_who_is_not_logged_in_gets_a_page_too(db: None) -> None:
    response = APIClient().get("/api/posthog/status", headers=HTML)
    assert response.status_code == 401
    assert "not_authenticated" in response.content.decode()
