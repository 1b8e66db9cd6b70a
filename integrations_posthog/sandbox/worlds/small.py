"""A small history: the same at every hour of the day, with an exact number of events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from ..data.store import Store

# Weights: a product's usual mixture of many page views and few payments.
EVENT_NAMES = {
    "$pageview": 60,
    "$autocapture": 20,
    "report_created": 9,
    "team_member_invited": 4,
    "signup": 4,
    "subscription_started": 3,
}
PEOPLE = 24
COMPANIES = ("initech", "globex", "soylent", "hooli", "vandelay", "")

# The month's events lie 1 to 28 days back and the older ones 32 to 59, whole days of UTC: so
# "the last 30 days" holds the same number at every hour of every day.
RECENT_DAYS = range(1, 29)
OLDER_DAYS = range(32, 60)

EXPAND = """
INSERT INTO events (uuid, event, timestamp, created_at, distinct_id, person_id, properties,
    "$group_0", "$group_1", "$group_2", "$group_3", "$group_4")
SELECT CAST(md5(concat_ws('/', seed, burst, number)) AS UUID), event, moment,
    moment + to_seconds(2), distinct_id, person_id, '{}', company, '', '', '', ''
FROM (
    SELECT $1 AS seed, unnest($2::VARCHAR[]) AS event, unnest($3::TIMESTAMP[]) AS moment,
        unnest($4::VARCHAR[]) AS distinct_id, unnest($5::UUID[]) AS person_id,
        unnest($6::VARCHAR[]) AS company, unnest($7::INTEGER[]) AS count,
        unnest(range($8)) AS burst
), unnest(range(count)) AS numbers(number)
"""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody of a company; '' is none."""

    id: UUID
    distinct_id: str
    company: str

    @property
    def properties(self) -> dict[str, str]:
        if not self.company:
            return {}
        return {"email": f"{self.distinct_id}@{self.company}.example", "company": self.company}


@dataclass(frozen=True, kw_only=True)
class Burst:
    """So many events that share every column but the uuid."""

    event: str
    moment: datetime
    person: Person
    count: int


@dataclass(frozen=True, kw_only=True)
class SmallWorld:
    """``recent_events`` in the last 30 days, half as many before; ``seed`` decides which.

    The days are counted back from the day, in UTC, on which the data are first used.
    """

    seed: str
    recent_events: int
    timezone: str = "UTC"
    group_types: tuple[str, ...] = ("company",)

    @property
    def has_events(self) -> bool:
        return self.recent_events > 0

    def load(self, store: Store, *, now: datetime) -> None:
        people = [self._person(number) for number in range(PEOPLE)]
        _insert_people(store, people, since=now - timedelta(days=90))
        _insert_companies(store, since=now - timedelta(days=90))
        bursts = list(self._bursts(people, now.astimezone(UTC).date()))
        columns = [
            [burst.event for burst in bursts],
            [burst.moment for burst in bursts],
            [burst.person.distinct_id for burst in bursts],
            [burst.person.id for burst in bursts],
            [burst.person.company for burst in bursts],
            [burst.count for burst in bursts],
        ]
        store.execute(EXPAND, [self.seed, *columns, len(bursts)])

    def _person(self, number: int) -> Person:
        return Person(
            id=uuid5(NAMESPACE_URL, f"posthog-sandbox/{self.seed}/person/{number}"),
            distinct_id=f"user-{number:02d}",
            company=COMPANIES[number % len(COMPANIES)],
        )

    def _bursts(self, people: list[Person], today: date) -> Iterable[Burst]:
        generator = random.Random(self.seed)  # noqa: S311 (made-up data)
        for days, total in (
            (RECENT_DAYS, self.recent_events),
            (OLDER_DAYS, self.recent_events // 2),
        ):
            slots = [(day, name) for day in days for name in EVENT_NAMES]
            counts = _split(total, [EVENT_NAMES[name] for _, name in slots])
            for (day, name), count in zip(slots, counts, strict=True):
                person = generator.choice(people)
                seconds = generator.randrange(86400)
                midnight = datetime.combine(today - timedelta(days=day), time())
                moment = midnight + timedelta(seconds=seconds)
                yield Burst(event=name, moment=moment, person=person, count=count)


def _insert_people(store: Store, people: list[Person], *, since: datetime) -> None:
    rows = [
        {"id": person.id, "created_at": _naive(since), "properties": json.dumps(person.properties)}
        for person in people
    ]
    store.insert("persons", rows)


def _insert_companies(store: Store, *, since: datetime) -> None:
    created_at = _naive(since)
    rows: list[dict[str, Any]] = [
        {
            "index": 0,
            "key": company,
            "created_at": created_at,
            "updated_at": created_at,
            "properties": json.dumps({"name": company.title()}),
        }
        for company in COMPANIES
        if company
    ]
    store.insert("groups", rows)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


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
