"""Small histories with everything in them that a real project may have, drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from ..data.project import as_json, naive
from ..data.store import Store
from .product import EVENT_NAMES, PUBLIC_DOMAINS

MEGABYTE = 1024 * 1024

# Days on which the clocks change, or that are as good as any other. In São Paulo they changed at
# midnight, so that a day began at one o'clock.
ZONES: dict[str, tuple[date, ...]] = {
    "UTC": (date(2026, 3, 1), date(2024, 2, 29)),
    "America/Sao_Paulo": (date(2018, 11, 4), date(2018, 2, 18)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "Asia/Kolkata": (date(2026, 1, 1), date(2026, 6, 30)),
    "Pacific/Auckland": (date(2026, 4, 5), date(2026, 9, 27)),
}

ODD_KEYS = (
    *("Acme", "acme", "ACME", " acme ", "0", "null", "{}", "a\nb", "'; DROP TABLE", '"', "\\", "%"),
    *(
        "Ünïcødé GmbH",
        "株式会社",
        "🦔 & Söhne",
        "e\u0301",
        "\u200b",
        "שלום",
        "nul\0key",
        "\0",
        "\x7f",
    ),
    *("x" * 200, "x" * 201, "ü" * 200, "ü" * 201, "🦔" * 200, "-" * 201),
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    "",
    " ",
    0,
    1,
    -1.5,
    True,
    False,
    [],
    ["a"],
    {"a": 1},
    "null",
    "NaN",
    "\0",
)
ODD_EMAILS = (
    *("", " ", "nobody", "@", "a@", "@acme.example", "a@b@acme.example", " a@acme.example "),
    *(
        "A.B+C@ACME.example",
        "a@bücher.example",
        "a@ACME.EXAMPLE.",
        "a@127.0.0.1",
        "nul\0@acme.example",
    ),
    *("a@sub.acme.example", "a@" + "d" * 201 + ".example", "a\n@acme.example"),
)
ODD_EVENTS = ("", " ", "Ünïcødé", "nul\0event", "e" * 200, "'", "🦔")


@dataclass(frozen=True)
class RandomWorld:
    """A history of 20 to 60 accounts over 40 to 60 days; the same for the same seed.

    It is told backwards from the time that it is loaded at. At ``now`` its days have a change of
    the clocks among them, where its time zone has any: give a sandbox such a clock.
    """

    seed: int
    has_events: bool = True
    group_types: tuple[str, ...] = ("company", "project")

    @cached_property
    def timezone(self) -> str:
        return Random(f"zone {self.seed}").choice(list(ZONES))  # noqa: S311 (made-up data)

    @cached_property
    def now(self) -> datetime:
        """The moment after the last event."""
        random = Random(f"now {self.seed}")  # noqa: S311 (made-up data)
        day = random.choice(ZONES[self.timezone]) + timedelta(days=random.randrange(3, 36))
        moment = datetime.combine(day, time(), tzinfo=UTC)
        return moment + timedelta(seconds=random.randrange(86_400))

    def load(self, store: Store, *, now: datetime) -> None:
        history = _History(seed=self.seed, zone=ZoneInfo(self.timezone), now=now)
        store.insert("persons", list(history.persons()))
        store.insert("groups", list(history.groups()))
        store.insert("events", list(history.events()))


class _History:
    def __init__(self, *, seed: int, zone: ZoneInfo, now: datetime) -> None:
        self._random = Random(f"history {seed}")  # noqa: S311 (made-up data)
        self._zone, self._now = zone, now
        self._days = self._random.randrange(40, 61)
        count = self._random.randrange(20, 61)
        plain = [f"account-{number:02d}" for number in range(count)]
        odd = self._random.sample(ODD_KEYS, min(len(ODD_KEYS), count // 2))
        self._keys = plain[: count - len(odd)] + odd
        self._people = [self._uuid() for _ in range(self._random.randrange(100, 301))]
        # A property a megabyte long is in one event only, or the whole would not be small.
        self._huge = iter(["k" * MEGABYTE, "ü" * (MEGABYTE // 2)])

    def persons(self) -> Iterator[dict[str, Any]]:
        for person in self._people[: -max(1, len(self._people) // 50)]:
            properties = {} if self._one_in(12) else {"email": self._email()}
            if not self._one_in(5):
                properties["company"] = self._value()
            yield {
                "id": person,
                "created_at": naive(self._now - timedelta(days=self._days)),
                "properties": as_json(properties),
            }

    def groups(self) -> Iterator[dict[str, Any]]:
        for index, key in [(0, key) for key in self._keys if key] + [(1, "account-00")]:
            if self._one_in(6):
                continue
            created_at = self._moment()
            properties: dict[str, Any] = {"name": self._value(), "plan": "team", "employees": 7}
            if self._one_in(9):
                properties["notes"] = "n" * 30_000
            yield {
                "index": index,
                "key": key,
                "created_at": naive(created_at),
                "updated_at": naive(min(self._now, created_at + timedelta(days=3))),
                "properties": as_json({} if self._one_in(9) else properties),
            }

    def events(self) -> Iterator[dict[str, Any]]:
        rows = [self._event() for _ in range(self._random.randrange(500, 3001))]
        for key in self._huge:
            rows.append(self._event() | {"$group_0": key})
            rows.append(self._event() | {"properties": as_json({"workspace_id": key})})
        again = self._random.sample(rows, len(rows) // 100)
        yield from rows
        yield from (row | {"created_at": naive(self._now)} for row in again)

    def _event(self) -> dict[str, Any]:
        person = self._random.choice(self._people)
        moment = self._moment()
        properties = {} if self._one_in(8) else {"workspace_id": self._value(), "org id": "o"}
        keys = {f"$group_{index}": "" for index in range(5)}
        if not self._one_in(6):
            keys["$group_0"] = self._random.choice(self._keys)
        names = ODD_EVENTS if self._one_in(15) else EVENT_NAMES
        return keys | {
            "uuid": self._uuid(),
            "event": self._random.choice(names),
            "timestamp": naive(moment),
            "created_at": naive(min(self._now, moment + self._delay())),
            "distinct_id": str(person)[: self._random.randrange(1, 37)],
            "person_id": person,
            "properties": as_json(properties),
        }

    def _moment(self) -> datetime:
        """Some time of the days: at a midnight or just before it, in the future, long ago."""
        today = self._now.astimezone(self._zone).date()
        day = today - timedelta(days=self._random.randrange(self._days))
        midnight = datetime.combine(day, time(), tzinfo=self._zone).astimezone(UTC)
        kind = self._random.randrange(100)
        if kind < 10:
            return midnight
        if kind < 15:
            return midnight - timedelta(microseconds=1)
        if kind < 18:
            return self._now + timedelta(seconds=self._random.randrange(1, 40 * 86_400))
        if kind < 20:
            return midnight - timedelta(days=self._random.randrange(60, 4_000))
        return min(
            self._now, midnight + timedelta(microseconds=self._random.randrange(86_400 * 10**6))
        )

    def _delay(self) -> timedelta:
        if self._one_in(20):
            return timedelta(hours=self._random.randrange(1, 24 * 60))
        return timedelta(milliseconds=self._random.randrange(120_000))

    def _email(self) -> Any:
        if self._one_in(8):
            return self._random.choice(ODD_VALUES)
        if self._one_in(4):
            return self._random.choice(ODD_EMAILS)
        if self._one_in(5):
            return f"somebody{self._random.randrange(99)}@{self._random.choice(PUBLIC_DOMAINS)}"
        return f"user{self._random.randrange(999)}@account{self._random.randrange(20)}.example"

    def _value(self) -> Any:
        return self._random.choice(ODD_VALUES if self._one_in(8) else self._keys)

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128))

    def _one_in(self, count: int) -> bool:
        return self._random.randrange(count) == 0
