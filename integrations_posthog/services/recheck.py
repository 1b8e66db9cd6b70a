"""Re-check several connections beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import PostHogIntegrationError
from .check import ConnectionCheck, Validation
from .validator import PostHogValidatorService


def recheck_connections(
    services: Sequence[PostHogValidatorService],
) -> list[Validation | PostHogIntegrationError]:
    """Re-check the connections of several workspaces, in about the time of the slowest.

    Args:
        services: one for each workspace; keep them to about ten, each gets a thread.

    Returns:
        What each check found, or the error that it ended with, in the same order.
    """
    checks = [_prepared(service) for service in services]
    with ThreadPoolExecutor(max_workers=max(1, len(checks))) as threads:
        outcomes = threads.map(_outcome, checks)
    return [
        _concluded(service, check, outcome)
        for service, check, outcome in zip(services, checks, outcomes, strict=True)
    ]


def _prepared(service: PostHogValidatorService) -> ConnectionCheck | PostHogIntegrationError:
    try:
        return service.prepare_recheck()
    except PostHogIntegrationError as exc:
        return exc


def _outcome(
    check: ConnectionCheck | PostHogIntegrationError,
) -> Validation | PostHogIntegrationError:
    return check.outcome() if isinstance(check, ConnectionCheck) else check


def _concluded(
    service: PostHogValidatorService,
    check: ConnectionCheck | PostHogIntegrationError,
    outcome: Validation | PostHogIntegrationError,
) -> Validation | PostHogIntegrationError:
    if not isinstance(check, ConnectionCheck):
        return check
    try:
        return service.conclude(check, outcome, reactivate=False)
    except PostHogIntegrationError as exc:
        return exc
