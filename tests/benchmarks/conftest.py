"""The table of measures, and the people and servers of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from integrations_posthog.sandbox import KEYS

from .processes import StandIn, standin_process

VALIDATE, STATUS = "/api/posthog/validate", "/api/posthog/status"

_rows: list[tuple[str, str, str, str]] = []


class Table:
    """Collects measures. One that misses its limit fails its test."""

    def add(
        self,
        measure: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Note a measure; without a limit it is just printed."""
        ok = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        limit = f"≤ {at_most:g}" if at_most is not None else f"≥ {at_least:g}" if at_least else ""
        verdict = ("yes" if ok else "NO") if limit else ""
        name = f"{measure} ({connection.vendor})"
        _rows.append((name, f"{value:.4g} {unit}", f"{limit} {unit}" if limit else "", verdict))
        assert ok, f"{name}: {value:.4g} {unit} is not {limit}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, if anything was measured."""
    if not _rows:
        return
    rows = [("measure", "value", "limit", "ok"), *_rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("measures")
    for row in rows:
        cells = (cell.strip().ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(" | ".join(cells).rstrip())


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture(scope="session")
def _running_standin() -> Iterator[StandIn]:
    with standin_process() as standin:
        yield standin


@pytest.fixture
def standin(_running_standin: StandIn, settings: Settings) -> StandIn:
    """The stand-in PostHog, healthy, as the operator's PostHog Cloud; no limit on validations."""
    _running_standin.reset()
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = _running_standin.regions
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = _running_standin.regions
    settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1000000/m"
    return _running_standin


@pytest.fixture
def owner(
    transactional_db: None,
    alice: User,
    session_client: Callable[[User], APIClient],
    standin: StandIn,
) -> APIClient:
    """Alice's session, in a workspace that is connected; all of it committed."""
    client = session_client(alice)
    validate(client)
    return client


def validate(client: APIClient, key: str = KEYS.full.value) -> None:
    """Validate a key that works."""
    response = client.post(VALIDATE, {"api_key": key}, format="json")
    assert response.status_code == 200, response.json()
