"""Re-check several connections beside each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import PostHogIntegrationError
from .check import ConnectionCheck, Validation
from .validator import PostHogValidatorService

logger = logging.getLogger(__name__)

AT_A_TIME = 10
"""Each check gets a thread, and all of them one request of support's."""


def recheck_connections(
    services: Sequence[PostHogValidatorService],
) -> list[Validation | PostHogIntegrationError]:
    """Re-check the connections of several workspaces, in about the time of the slowest.

    Args:
        services: one for each workspace, ``AT_A_TIME`` at most.

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
    if not isinstance(check, ConnectionCheck):
        return check
    try:
        return check.outcome()
    except Exception:  # It must not take the other checks' outcomes along.
        logger.exception("Unexpected error in a re-check")
        return PostHogIntegrationError()


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
