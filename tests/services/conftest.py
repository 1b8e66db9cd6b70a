"""One workspace's use cases, and a check on its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from beton.models import Workspace
from integrations_posthog.sandbox import Sandbox
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import operator_network

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> list[datetime]:
    """The time, as the service sees it: change the one item to change the time."""
    return [NOW]


@pytest.fixture
def service_of(
    now: list[datetime], posthog: Sandbox
) -> Callable[[Workspace], PostHogValidatorService]:
    def of(workspace: Workspace) -> PostHogValidatorService:
        return PostHogValidatorService(
            workspace=workspace,
            actor=Actor(name="alice"),
            clock=lambda: now[0],
            network=operator_network(),
        )

    return of


@pytest.fixture
def service(
    acme: Workspace, service_of: Callable[[Workspace], PostHogValidatorService]
) -> PostHogValidatorService:
    """Acme's connection, acted upon by Alice."""
    return service_of(acme)
