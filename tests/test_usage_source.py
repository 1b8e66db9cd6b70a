"""The project's day, whatever PostHog calls its time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from integrations_posthog.models import UsageSource

LATE = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", 22), ("Europe/Berlin", 23), ("America/Sao_Paulo", 22), ("Pacific/Auckland", 23)],
)
def test_it_is_that_of_the_project_s_time_zone(zone: str, day: int) -> None:
    assert UsageSource(project_timezone=zone).day_at(LATE) == date(2026, 11, day)


@pytest.mark.parametrize(
    "zone",
    ["", "Nowhere/At_All", "Europe", "../../etc/passwd", "posix", "X" * 64, "/etc/hosts", "a//b"],
)
def test_one_that_we_do_not_know_is_taken_for_utc(zone: str) -> None:
    assert UsageSource(project_timezone=zone).day_at(LATE) == date(2026, 11, 22)
