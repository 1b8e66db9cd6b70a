"""Several connections tested beside each other: each gets its own outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from beton.models import Workspace
from integrations_posthog.errors import PostHogIntegrationError, Unauthorized
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.check import ConnectionCheck, Validation
from integrations_posthog.services.recheck import recheck_connections
from integrations_posthog.services.validator import PostHogValidatorService

ServiceOf = Callable[[Workspace], PostHogValidatorService]


@pytest.fixture
def services(
    acme: Workspace, globex: Workspace, service_of: ServiceOf
) -> list[PostHogValidatorService]:
    """Acme's and Globex's connections, both good."""
    both = [service_of(acme), service_of(globex)]
    for service, key in zip(both, (KEYS.full, KEYS.several), strict=True):
        service.validate_and_store_config(api_key=key.value)
    return both


def test_outcomes_come_in_the_order_of_the_connections(
    services: list[PostHogValidatorService], posthog: Sandbox
) -> None:
    posthog.us.revoke(KEYS.full)
    refused, good = recheck_connections(services)
    assert isinstance(refused, Unauthorized)
    assert isinstance(good, Validation)
    assert good.project_id == "201"


def test_a_mistake_of_ours_in_one_check_leaves_the_others_their_outcomes(
    services: list[PostHogValidatorService], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ConnectionCheck.outcome

    def broken(check: ConnectionCheck) -> Validation | PostHogIntegrationError:
        if check.api_key == KEYS.full.value:
            raise RuntimeError("disk on fire")
        return real(check)

    monkeypatch.setattr(ConnectionCheck, "outcome", broken)
    failed, good = recheck_connections(services)
    assert isinstance(failed, PostHogIntegrationError)
    assert failed.error_type == "internal_error"
    assert isinstance(good, Validation)
