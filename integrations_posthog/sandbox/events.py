"""A small, deterministic history of events for each project."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from .world import Project, identifier

# Weights: a product's usual mixture of many page views and few payments.
EVENT_NAMES = {
    "$pageview": 60,
    "$autocapture": 20,
    "report_created": 9,
    "team_member_invited": 4,
    "signup": 4,
    "subscription_started": 3,
}
PEOPLE_PER_PROJECT = 24
COMPANIES = ("initech", "globex", "soylent", "hooli", "vandelay", "")

# The month's events lie 1 to 28 days back and the older ones 32 to 59, whole days of UTC: so
# "the last 30 days" holds the same number at every hour of every day.
RECENT_DAYS = range(1, 29)
OLDER_DAYS = range(32, 60)


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """``count`` events that share every column: one row stands for a burst."""

    event: str
    timestamp: datetime
    distinct_id: str
    person_id: str
    company: str
    count: int


@lru_cache(maxsize=32)
def events_of(project: Project, today: date) -> tuple[EventRow, ...]:
    """The project's events of the 60 days before ``today`` (UTC), newest first.

    A few hundred rows; those of the last 30 days add up to ``project.recent_events``, the older
    ones to half as many.
    """
    generator = random.Random(project.uuid)  # noqa: S311 (made-up data)
    recent = _bursts(generator, project, today, RECENT_DAYS, project.recent_events)
    older = _bursts(generator, project, today, OLDER_DAYS, project.recent_events // 2)
    return tuple(sorted(recent + older, key=lambda row: row.timestamp, reverse=True))


def _bursts(
    generator: random.Random, project: Project, today: date, days: range, total: int
) -> list[EventRow]:
    slots = [(day, name) for day in days for name in EVENT_NAMES]
    counts = _split(total, [EVENT_NAMES[name] for _, name in slots])
    return [
        _burst(generator, project, today - timedelta(days=day), name, count)
        for (day, name), count in zip(slots, counts, strict=True)
        if count
    ]


def _burst(
    generator: random.Random, project: Project, day: date, name: str, count: int
) -> EventRow:
    person = generator.randrange(PEOPLE_PER_PROJECT)
    moment = datetime.combine(day, time(tzinfo=UTC)) + timedelta(seconds=generator.randrange(86400))
    return EventRow(
        event=name,
        timestamp=moment,
        distinct_id=f"user-{person:02d}",
        person_id=identifier(project.uuid, "person", person),
        company=COMPANIES[person % len(COMPANIES)],
        count=count,
    )


def _split(total: int, weights: list[int]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to exactly ``total``."""
    whole = sum(weights)
    shares, reached, given = [], 0, 0
    for weight in weights:
        reached += weight
        share = total * reached // whole - given
        shares.append(share)
        given += share
    return shares
