"""Every answer is as ``openapi.yaml`` says, whatever is sent.

Schemathesis makes up requests from the document. The stand-in PostHog is healthy and no request
leaves this machine, so any answer of 500 or above would be a fault of ours. Where PostHog or the
cache fails, 502 and 503 are the documented answers; those are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, strategies
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken
from schemathesis import BaseSchema, Case
from schemathesis.checks import (
    content_type_conformance,
    ignored_auth,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from beton import limits
from beton.models import Workspace
from integrations_posthog import limits as app_limits
from integrations_posthog.client.hosts import canonical_origin
from integrations_posthog.errors import InvalidHost
from integrations_posthog.models import Signal, UsageEvent, Webhook
from integrations_posthog.pql.examples import example_rules
from integrations_posthog.sandbox import KEYS, Key, Sandbox
from integrations_posthog.services.signals import webhooks
from tests.webhooks import store_webhook

from ..conftest import PASSWORD
from ..evaluations import LAST, at_least, define, evaluate_as_of, store_history, use

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"
VALIDATE = "/api/posthog/validate"
CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS = [*CONFORMANCE, not_a_server_error, ignored_auth]
PHASES = ("examples", "coverage", "fuzzing")
WORKING_KEYS = [KEYS.full, KEYS.phc, KEYS.minimal, KEYS.one_project, KEYS.several, KEYS.eu]


def document(*, mode: str, phases: tuple[str, ...], max_examples: int) -> BaseSchema:
    """``openapi.yaml`` as a source of requests: the same ones each time, nothing is kept."""
    config = {
        "seed": 1,
        "generation": {
            "mode": mode,
            "max-examples": max_examples,
            "deterministic": True,
            "database": "none",
            "with-security-parameters": False,  # The tests log in by themselves.
        },
        "phases": {name: {"enabled": name in phases} for name in PHASES},
    }
    return schemathesis.openapi.from_path(DOCUMENT, config=schemathesis.Config.from_dict(config))


ANYTHING = document(mode="all", phases=PHASES, max_examples=20)
WELL_FORMED = document(mode="positive", phases=("fuzzing",), max_examples=10)

# One test's fixtures serve all of its examples; that is meant.
with_shared_fixtures = hypothesis.settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture(autouse=True)
def _no_limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1000000/m"
    settings.INTEGRATIONS_POSTHOG_SYNC_RATE = "1000000/m"
    monkeypatch.setattr(limits, "LOGIN_RATE", "1000000/m")
    monkeypatch.setattr(app_limits, "WEBHOOK_TEST_RATE", "1000000/m")
    monkeypatch.setattr(app_limits, "BACKTEST_RATE", "1000000/m")
    monkeypatch.setattr(webhooks, "MOST_WEBHOOKS", 1_000_000)


@pytest.fixture(autouse=True)
def _nobody_performs_syncs(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = "builtins.int"


@pytest.fixture
def session(alice: User, session_client: Callable[[User], APIClient]) -> dict[str, str]:
    """The session of an owner, as a header."""
    return {"Cookie": f"beton_session={session_client(alice).cookies['beton_session'].value}"}


@pytest.fixture
def connected(
    acme: Workspace,
    alice: User,
    session_client: Callable[[User], APIClient],
    posthog: Sandbox,
) -> Workspace:
    """Alice's workspace, connected."""
    body = {"api_key": KEYS.full.value}
    assert session_client(alice).post(VALIDATE, body, format="json").status_code == 200
    return acme


@ANYTHING.parametrize()
@with_shared_fixtures
def test_whatever_is_sent_the_answer_is_a_documented_one(
    case: Case[Any], live_server: LiveServer, session: dict[str, str], posthog: Sandbox
) -> None:
    for name in ("host", "url"):
        if isinstance(case.body, dict) and leads_to_a_host(case.body.get(name)):
            case.body[name] = posthog.us.url
    case.call_and_validate(base_url=live_server.url, headers=session, checks=CHECKS)


@WELL_FORMED.parametrize()
@WELL_FORMED.given(key=strategies.sampled_from(WORKING_KEYS))
@with_shared_fixtures
def test_what_ought_to_work_works_for_who_is_logged_in_and_for_nobody_else(
    case: Case[Any],
    key: Key,
    live_server: LiveServer,
    session: dict[str, str],
    connected: Workspace,
    alice: User,
    posthog: Sandbox,
) -> None:
    region = posthog.eu if key.region == "eu" else posthog.us
    works = {
        "api_key": key.value,
        "host": region.url,
        "project_id": None,
        "username": alice.username,
        "password": PASSWORD,
        "refresh": str(RefreshToken.for_user(alice)),
        "strategy": "event_property",
        "value": "company",
        "confirm": connected.slug,
        "url": f"{region.url}/hook",
        "rule": example_rules()["All of these"],
        "name": "Busy",
        "reason": "Because",
        "goal_event": "upgraded",
    }
    if isinstance(case.body, dict):
        case.body |= {name: works[name] for name in case.body.keys() & works.keys()}
        if "strategy" in case.body:
            case.body["value"] = "company"
        for name in ("from", "to"):
            case.body.pop(name, None)
    for name in ("cursor", "from", "to", "as_of"):
        case.query.pop(name, None)
    if "webhook_id" in case.path_parameters:
        case.path_parameters["webhook_id"] = a_webhook_of(connected, url=region.url).pk
    if {"account_id", "definition_id", "signal_id"} & case.path_parameters.keys():
        signal = a_signal_of(connected)
        rows = {"account_id": signal.account, "definition_id": signal.version.definition}
        ids = {name: str(row.pk) for name, row in {**rows, "signal_id": signal}.items()}
        case.path_parameters |= {name: ids[name] for name in case.path_parameters.keys() & ids}
        if "definition" in case.query:
            case.query["definition"] = ids["definition_id"]
    if "X-Workspace-Id" in case.headers:
        case.headers["X-Workspace-Id"] = connected.slug
    response = case.call_and_validate(base_url=live_server.url, headers=session, checks=CHECKS)
    sync_runs_already = case.path.endswith("/sync") and response.status_code == 409
    assert response.status_code in (200, 201, 202, 204) or sync_runs_already


def a_signal_of(workspace: Workspace) -> Signal:
    """A signal with its receipt, as it is really written, of a definition and an account."""
    found = Signal.objects.filter(version__definition__workspace=workspace).first()
    if found is not None:
        return found
    source = store_history(workspace)
    use(source, "Initech", {LAST: 7})
    UsageEvent.objects.create(source=source, name="upgraded")  # A goal for backtests.
    define(workspace, at_least(5))
    [signal] = evaluate_as_of(source, LAST)
    return signal


def a_webhook_of(workspace: Workspace, *, url: str) -> Webhook:
    webhook = Webhook.objects.filter(workspace=workspace).first()
    return webhook or store_webhook(workspace, url=f"{url}/hook")


@pytest.mark.parametrize(
    ("fault", "status"),
    [("drop", 502), ("500", 502), ("html", 502), ("429", 429), ("429_concurrency", 429)],
)
def test_what_posthog_does_wrong_is_a_documented_answer(
    fault: str, status: int, live_server: LiveServer, session: dict[str, str], posthog: Sandbox
) -> None:
    posthog.us.fail(fault)
    response = validation().call_and_validate(
        base_url=live_server.url, headers=session, checks=CONFORMANCE
    )
    assert response.status_code == status


def test_a_cache_that_is_down_is_a_documented_answer(
    live_server: LiveServer, session: dict[str, str], settings: Settings
) -> None:
    settings.CACHES = {"default": settings.REDIS | {"LOCATION": "redis://127.0.0.1:1/0"}}
    response = validation().call_and_validate(
        base_url=live_server.url, headers=session, checks=CONFORMANCE
    )
    assert response.status_code == 503


def validation() -> Case[Any]:
    case: Case[Any] = ANYTHING[VALIDATE]["POST"].Case(
        body={"api_key": KEYS.full.value}, media_type="application/json"
    )
    return case


def leads_to_a_host(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(canonical_origin(text))
    except InvalidHost:
        return False
