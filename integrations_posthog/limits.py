"""The rate limits: counted in Django's cache by django-ratelimit, in fixed windows."""

from __future__ import annotations

import logging

from django_ratelimit.core import get_usage

from .conf import app_settings
from .errors import RateLimited, ServiceUnavailable, TooManyRequests

logger = logging.getLogger(__name__)

WEBHOOK_TEST_RATE = "10/m"
"""Tests of webhooks that a workspace may send."""

BACKTEST_RATE = "10/m"
"""Backtests that a workspace may ask for."""


def count_validation(*, workspace_pk: object) -> None:
    """Count one validation of a workspace, whoever of its members asks and by whichever way.

    Raises:
        RateLimited: the workspace has used up this minute's validations.
        ServiceUnavailable: the cache that counts is down.
    """
    count_attempt(
        group="integrations_posthog.validate",
        key=str(workspace_pk),
        rate=app_settings.VALIDATION_RATE,
    )


def count_webhook_test(*, workspace_pk: object) -> None:
    """Count one test of a workspace's webhooks, whichever of them it is.

    Raises:
        TooManyRequests: the workspace has used up this minute's tests.
        ServiceUnavailable: the cache that counts is down.
    """
    _count(group="integrations_posthog.webhook_test", of=workspace_pk, rate=WEBHOOK_TEST_RATE)


def count_backtest(*, workspace_pk: object) -> None:
    """Count one backtest of a workspace, whoever asks: each reads all that is held.

    Raises:
        TooManyRequests: the workspace has used up this minute's backtests.
        ServiceUnavailable: the cache that counts is down.
    """
    _count(group="integrations_posthog.backtest", of=workspace_pk, rate=BACKTEST_RATE)


def count_sync(*, workspace_pk: object) -> None:
    """Count one sync of a workspace, or what leads to one: each takes a worker.

    Raises:
        TooManyRequests: the workspace has used up this minute's.
        ServiceUnavailable: the cache that counts is down.
    """
    _count(group="integrations_posthog.sync", of=workspace_pk, rate=app_settings.SYNC_RATE)


def _count(*, group: str, of: object, rate: str) -> None:
    """Count what is no attempt to validate a key; the refusal says nothing of PostHog."""
    try:
        count_attempt(group=group, key=str(of), rate=rate)
    except RateLimited as exc:
        raise TooManyRequests(retry_after=exc.retry_after) from exc


def count_attempt(*, group: str, key: str, rate: str) -> None:
    """Count one attempt under ``key``, and refuse it when there were too many.

    Args:
        group: what is limited.
        key: who is limited.
        rate: ``count/period`` with a period of s, m, h or d.

    Raises:
        RateLimited: too many in this window; ``retry_after`` is the rest of it in seconds.
        ServiceUnavailable: the cache that counts is down.
    """
    try:
        usage = get_usage(None, group=group, key=lambda *_: key, rate=rate, increment=True)
    except Exception as exc:  # Each cache backend has errors of its own.
        logger.exception("The cache that counts attempts is down")
        raise ServiceUnavailable from exc
    if usage is None:
        return
    if usage["limit"] == 0:
        logger.error("The cache that counts attempts lost a count")
        raise ServiceUnavailable
    if usage["should_limit"]:
        raise RateLimited(retry_after=max(1, usage["time_left"]))
