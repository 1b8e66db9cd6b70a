"""Every answer is as the OpenAPI document says, whatever is sent.

Schemathesis makes up the requests from the document. The stand-in PostHog is healthy and no
request leaves this machine, so any answer of 500 or above would be a fault of ours. Where
PostHog fails, 502 is the documented answer: those are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, strategies
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken
from schemathesis.checks import (
    content_type_conformance,
    ignored_auth,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from beton import limits
from beton.wsgi import application
from integrations_posthog.client.hosts import canonical_origin
from integrations_posthog.errors import InvalidHost
from integrations_posthog.sandbox import KEYS, Key, Sandbox

from ..conftest import PASSWORD

CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS = [*CONFORMANCE, not_a_server_error, ignored_auth]



def document(*, examples: int, **phases: dict[str, bool]) -> Any:
    """What the app serves, and how to make requests from it: always the same, nothing kept."""
    generation = {"max-examples": examples, "deterministic": True, "database": "none"}
    config = {"seed": 1, "generation": generation, "phases": phases}
    return schemathesis.openapi.from_wsgi(
        "/api/schema", application, config=schemathesis.Config.from_dict(config)
    )


EVERYTHING = document(examples=40)
WORKING = document(examples=20, coverage={"enabled": False})
for_each_example = hypothesis.settings(suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture
def cookies(alice: User, session_client: Callable[[User], APIClient]) -> dict[str, str]:
    """The session of an owner."""
    return {"beton_session": session_client(alice).cookies["beton_session"].value}


@pytest.fixture(autouse=True)
def _no_limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1000000/m"
    monkeypatch.setattr(limits, "LOGIN_RATE", "1000000/m")


@EVERYTHING.parametrize()
@for_each_example
def test_whatever_is_sent(
    case: schemathesis.Case, cookies: dict[str, str], posthog: Sandbox
) -> None:
    if isinstance(case.body, dict) and leads_somewhere(case.body.get("host")):
        case.body["host"] = posthog.us.url
    r = case.call_and_validate(cookies=cookies, checks=CHECKS)
    print(case.operation.label, r.status_code, case.meta and case.meta.phase.name, str(case.body)[:100])


@WORKING.parametrize()
@WORKING.given(key=strategies.sampled_from(list(KEYS)))
@for_each_example
def test_what_works(
    case: schemathesis.Case, cookies: dict[str, str], posthog: Sandbox, alice: User, key: Key
) -> None:
    pass


def leads_somewhere(host: object) -> bool:
    try:
        return isinstance(host, str) and bool(canonical_origin(host))
    except InvalidHost:
        return False
