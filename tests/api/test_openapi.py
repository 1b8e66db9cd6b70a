"""``openapi.yaml`` is what the API serves, and says all of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from integrations_posthog.api.exceptions import STATUSES

FILE = Path(__file__).parents[2] / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
POSTHOG = [name for name in OPERATIONS if "/posthog/" in name]
TOKENS = [name for name in OPERATIONS if "/auth/" in name]


def test_the_committed_file_is_up_to_date(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(made))
    assert made.read_text() == FILE.read_text(), "Run `make openapi`."


def test_everyone_may_read_it() -> None:
    response = Client().get("/api/schema")
    assert response.status_code == 200
    assert yaml.safe_load(response.content) == DOCUMENT


def test_it_names_the_addresses_as_callers_write_them() -> None:
    assert set(OPERATIONS) == {
        "POST /api/posthog/validate",
        "GET /api/posthog/status",
        "POST /api/posthog/disconnect",
        "GET /api/posthog/sync",
        "POST /api/posthog/sync",
        "GET /api/posthog/sync/days",
        "GET /api/posthog/accounts",
        "GET /api/posthog/accounts/{account_id}",
        "GET /api/posthog/account-mapping",
        "PUT /api/posthog/account-mapping",
        "POST /api/posthog/purge",
        "GET /api/posthog/webhooks",
        "POST /api/posthog/webhooks",
        "GET /api/posthog/webhooks/{webhook_id}",
        "PATCH /api/posthog/webhooks/{webhook_id}",
        "DELETE /api/posthog/webhooks/{webhook_id}",
        "POST /api/posthog/webhooks/{webhook_id}/test",
        "GET /api/posthog/webhooks/{webhook_id}/deliveries",
        "GET /api/posthog/accounts/{account_id}/why-not",
        "GET /api/posthog/signal-definitions",
        "POST /api/posthog/signal-definitions",
        "POST /api/posthog/signal-definitions/preview",
        "GET /api/posthog/signal-definitions/{definition_id}",
        "PUT /api/posthog/signal-definitions/{definition_id}",
        "PATCH /api/posthog/signal-definitions/{definition_id}",
        "POST /api/posthog/signal-definitions/{definition_id}/pause",
        "POST /api/posthog/signal-definitions/{definition_id}/activate",
        "GET /api/posthog/signal-definitions/{definition_id}/preview",
        "GET /api/posthog/signal-templates",
        "GET /api/posthog/signals",
        "GET /api/posthog/signals/{signal_id}",
        "POST /api/posthog/signals/{signal_id}/acknowledge",
        "POST /api/posthog/signals/{signal_id}/dismiss",
        "GET /api/posthog/fit-criteria",
        "PUT /api/posthog/fit-criteria",
        "POST /api/posthog/signal-definitions/{definition_id}/backtest",
        "POST /api/auth/token",
        "POST /api/auth/token/refresh",
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_has_the_envelope_and_a_reason(name: str) -> None:
    errors = {code: text for code, text in OPERATIONS[name]["responses"].items() if code >= "400"}

    assert {"401", "405", "406", "500"} <= errors.keys()
    for error in errors.values():
        assert error["content"].keys() == {"application/json"}
        schema = error["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
        assert error["description"].startswith(tuple(STATUSES))


def test_the_envelope_knows_every_error_type_and_a_validation_every_status() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    documented = OPERATIONS["POST /api/posthog/validate"]["responses"].keys()

    assert set(schemas["ErrorTypeEnum"]["enum"]) == set(STATUSES)
    assert schemas["ErrorAnswer"]["required"] == ["error", "error_type"]
    assert documented == {"200"} | {str(status) for status in STATUSES.values()}


@pytest.mark.parametrize(
    "name",
    [
        "POST /api/posthog/validate",
        "POST /api/posthog/webhooks/{webhook_id}/test",
        *TOKENS,
    ],
)
def test_where_there_is_a_limit_it_says_how_long_to_wait(name: str) -> None:
    headers = OPERATIONS[name]["responses"]["429"]["headers"]
    assert headers["Retry-After"]["schema"] == {"type": "integer"}


@pytest.mark.parametrize("name", POSTHOG)
def test_a_call_takes_the_session_cookie_or_a_token_and_may_name_a_workspace(name: str) -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    [header] = [p for p in OPERATIONS[name]["parameters"] if p["in"] == "header"]

    assert OPERATIONS[name]["security"] == [{"jwtAuth": []}, {"cookieAuth": []}]
    assert schemes["cookieAuth"] == {"type": "apiKey", "in": "cookie", "name": "beton_session"}
    assert (schemes["jwtAuth"]["type"], schemes["jwtAuth"]["scheme"]) == ("http", "bearer")
    assert (header["name"], header.get("required", False)) == ("X-Workspace-Id", False)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "/webhooks" in name])
def test_a_secret_is_told_where_one_is_made_and_nowhere_else(name: str) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    [answer] = [text for code, text in OPERATIONS[name]["responses"].items() if code < "300"]
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    fields = schemas.get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    makes_one = name in {
        "POST /api/posthog/webhooks",
        "PATCH /api/posthog/webhooks/{webhook_id}",
    }
    assert ("secret" in fields) == makes_one
    assert not makes_one or "never" in fields["secret"]["description"]


@pytest.mark.parametrize("name", TOKENS)
def test_getting_a_token_takes_no_log_in(name: str) -> None:
    assert "security" not in OPERATIONS[name]


def test_the_pages_about_it_load_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs")
    html = page.content.decode()
    assets = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', html)

    assert page.status_code == 200
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/static/")
        assert finders.find(asset.removeprefix("/static/"))
    assert "//" not in re.sub(r"^\s*//.*$", "", html, flags=re.MULTILINE)
    assert 'url: "/api/schema"' in html
