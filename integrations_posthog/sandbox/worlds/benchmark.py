"""A history of a given size, made in DuckDB, for benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..data.store import Store
from .product import EVENT_NAMES

EVENTS_PER_SESSION, SESSIONS_AT_A_TIME = 3, 64
PERSON_SKEW, NAME_SKEW = 1.8, 3
OTHER_NAMES = 0.15

# In the order of time, as PostHog keeps its table, with as many events on every day.
EVENTS = f"""
INSERT INTO events (uuid, event, timestamp, created_at, distinct_id, person_id, properties,
    "$group_0", "$group_1", "$group_2", "$group_3", "$group_4")
SELECT CAST(md5('benchmark/event/' || number) AS UUID),
    $names[1 + CAST(floor(len($names) * pow(dice / 1000000.0, {NAME_SKEW})) AS INTEGER)],
    moment, moment + to_seconds(1 + dice % 100), 'user-' || person,
    CAST(md5('benchmark/person/' || person) AS UUID), NULL,
    'account-' || (person % $accounts), '', '', '', ''
FROM (
    SELECT number, moment,
        CAST(if(hash(number) % 100 < {100 * OTHER_NAMES}, hash(number + 3), hash(session))
            % 1000000 AS BIGINT) AS dice,
        CAST(floor($people * pow((hash(session + 7) % 1000000) / 1000000.0, {PERSON_SKEW}))
            AS BIGINT) AS person
    FROM (
        SELECT number, number // {SESSIONS_AT_A_TIME * EVENTS_PER_SESSION} * {SESSIONS_AT_A_TIME}
                + number % {SESSIONS_AT_A_TIME} AS session,
            $first + to_microseconds(CAST(number * $step AS BIGINT)) AS moment
        FROM range($events) AS numbers(number)
    )
)
"""  # noqa: S608
PERSONS = """
INSERT INTO persons (id, created_at, properties)
SELECT CAST(md5('benchmark/person/' || number) AS UUID), $first, json_object(
    'email', 'user' || number || '@account' || (number % $accounts) || '.example',
    'company', 'Account ' || (number % $accounts))
FROM range($people) AS numbers(number)
"""
GROUPS = """
INSERT INTO groups ("index", key, created_at, updated_at, properties)
SELECT 0, 'account-' || number, $first, $first, json_object('name', 'Account ' || number)
FROM range($accounts) AS numbers(number)
"""


@dataclass(frozen=True, kw_only=True)
class BenchmarkWorld:
    """``events`` over the whole ``days`` before now, in equal steps.

    People work in sessions of three events, most of them of one name; people, accounts and names
    are of very different activity. The numbers are set so that a million events of 2,000 accounts
    in 90 days make about 376,000 rows of account, event and day, and 153,000 of account and day,
    which is what a product's usage is taken to be like.

    Each event's properties are JSON of about ``property_bytes``; they are made when they are read,
    so that memory holds large histories.
    """

    events: int
    days: int = 90
    accounts: int = 2_000
    people: int = 20_000
    property_bytes: int = 600
    timezone: str = "UTC"
    group_types: tuple[str, ...] = ("company",)
    has_events: bool = True

    def load(self, store: Store, *, now: datetime) -> None:
        length = timedelta(days=self.days)
        first = now.astimezone(UTC).replace(tzinfo=None) - length
        sizes = {"accounts": self.accounts, "people": self.people, "first": first}
        step = length / timedelta(microseconds=1) / self.events
        store.execute(PERSONS, sizes)
        store.execute(GROUPS, {name: sizes[name] for name in ("accounts", "first")})
        names = list(EVENT_NAMES)
        store.execute(EVENTS, sizes | {"events": self.events, "step": step, "names": names})
        padding = max(0, self.property_bytes - 60)
        store.properties_sql = (
            '\'{"workspace_id": "ws_\' || "$group_0" || \'", "padding": "\' '
            f"|| repeat(right(CAST(uuid AS VARCHAR), 8), {padding // 8}) || '\"}}'"
        )
