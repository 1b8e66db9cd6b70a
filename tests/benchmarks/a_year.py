"""A year of usage of many accounts, made where it is stored.

Each account is at work on some 30 % of the days, in phases of eight weeks in which it does more or
less; it does each of the events on some of these days. Twice a year its people double for four
weeks. There is a row for every day of an account, and rows lie by the day, as syncs store them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from beton.models import Workspace
from integrations_posthog.models import SyncDay, UsageEvent, UsageSource
from tests.usage import store_source

SERIES = {
    "postgresql": "SELECT n FROM generate_series(0, {last}) AS series(n)",
    "sqlite": (
        "WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series "
        "WHERE n < {last}) SELECT n FROM series"
    ),
}
DICE = {"postgresql": "random()", "sqlite": "(abs(random()) / 9223372036854775808.0)"}
DAY = {"postgresql": "DATE '{first}' + n", "sqlite": "date('{first}', n || ' days')"}

ACCOUNTS = """
INSERT INTO posthog_account (source_id, key, name, first_seen)
SELECT {source}, 'account-' || n, 'Account ' || n, '{first}' FROM ({accounts}) AS numbers
"""
EVENT_DAYS = """
INSERT INTO posthog_account_event_day (account_id, day, event_id, events, people)
SELECT account_id, day, e.id, 1 + CAST({dice} * 4 AS INTEGER), 1
FROM (
    SELECT a.id AS account_id, d.n, {day} AS day FROM posthog_account a, ({days}) AS d
    WHERE a.source_id = {source} AND {dice} < 0.2 + 0.2 * ((d.n + a.id * 13) / 56 % 2)
) AS active JOIN posthog_usage_event e ON e.source_id = {source}
WHERE {dice} < 0.3 ORDER BY day
"""
DAYS = """
INSERT INTO posthog_account_day (account_id, day, events, people, people_7d, people_28d)
SELECT account_id, day, COALESCE(events, 0), COALESCE(people, 0), week, week + 2 + account_id % 3
FROM (
    SELECT a.id AS account_id, {day} AS day,
        3 + a.id % 9 + (CASE WHEN (d.n + a.id * 11) % 196 < 28 THEN 3 + a.id % 9 ELSE 0 END) AS week
    FROM posthog_account a, ({days}) AS d WHERE a.source_id = {source}
) AS every LEFT JOIN (
    SELECT account_id, day, SUM(events) AS events, 1 AS people
    FROM posthog_account_event_day GROUP BY account_id, day
) AS done USING (account_id, day) ORDER BY day
"""


def store_year(
    workspace: Workspace,
    *,
    accounts: int,
    events: Sequence[str],
    first: date,
    days: int,
    now: datetime,
) -> UsageSource:
    """A connection with this usage, read and verified; all of it committed, and its tables in the
    state in which a database keeps them."""
    with transaction.atomic():
        source = store_source(
            workspace, project_timezone="UTC", as_of=first + timedelta(days - 1), created_at=now
        )
        UsageEvent.objects.bulk_create(UsageEvent(source=source, name=name) for name in events)
        SyncDay.objects.bulk_create(
            SyncDay(
                source=source,
                day=first + timedelta(number),
                state=SyncDay.State.GREEN,
                events_posthog=0,
                horizon=now,
                verified_at=now - timedelta(minutes=1),
            )
            for number in range(days)
        )
        _fill(source, accounts=accounts, first=first, days=days)
    with connection.cursor() as cursor:
        for command in _tidy():
            cursor.execute(command)
    return source


def _fill(source: UsageSource, *, accounts: int, first: date, days: int) -> None:
    vendor = connection.vendor
    parts = {
        "source": source.pk,
        "first": first,
        "dice": DICE[vendor],
        "day": DAY[vendor].format(first=first),
        "accounts": SERIES[vendor].format(last=accounts - 1),
        "days": SERIES[vendor].format(last=days - 1),
    }
    with connection.cursor() as cursor:
        if vendor == "postgresql":
            cursor.execute("SELECT setseed(0.5)")
        for text in (ACCOUNTS, EVENT_DAYS, DAYS):
            cursor.execute(text.format(**parts))


def _tidy() -> list[str]:
    if connection.vendor == "postgresql":
        return [
            "VACUUM ANALYZE posthog_account",
            "VACUUM ANALYZE posthog_account_day",
            "VACUUM ANALYZE posthog_account_event_day",
        ]
    return ["ANALYZE"]
