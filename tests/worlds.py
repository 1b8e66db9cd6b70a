"""Usage of a whole world, as a sync by its companies would have stored it, put straight into the
tables: whoever wants many worlds has no time for requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from beton.models import Workspace
from integrations_posthog.models import Account, SyncDay, UsageEvent, UsageSource
from integrations_posthog.sandbox import ProjectData, World

from .usage import store_source

USED = """
CREATE TEMP TABLE used AS
SELECT "$group_0" AS key, event, person_id AS person, created_at,
    CAST(timezone('{zone}', timezone('UTC', timestamp)) AS DATE) AS day
FROM events WHERE "$group_0" <> ''
"""
LEDGER = "SELECT day, count(*), max(created_at) FROM used GROUP BY day ORDER BY day"
ACCOUNTS = "SELECT key, min(day) FROM used GROUP BY key ORDER BY key"
EVENTS = "SELECT DISTINCT event FROM used ORDER BY event"
EVENT_DAYS = """
SELECT a.id, CAST(day AS VARCHAR), e.id, count(*), count(DISTINCT person)
FROM used JOIN accounts a ON a.name = used.key JOIN names e ON e.name = used.event GROUP BY ALL
"""
# A person counts for an account until the window has passed, or until the next time.
DAYS = """
WITH active AS (
    SELECT a.id, day, person, count(*) AS events,
        lead(day) OVER (PARTITION BY a.id, person ORDER BY day) AS next
    FROM used JOIN accounts a ON a.name = used.key GROUP BY a.id, day, person
), changes AS (
    SELECT id, day, events, 1 AS one, 1 AS week, 1 AS month FROM active
    UNION ALL SELECT id, least(day + 7, coalesce(next, day + 7)), 0, 0, -1, 0 FROM active
    UNION ALL SELECT id, least(day + 28, coalesce(next, day + 28)), 0, 0, 0, -1 FROM active
), summed AS (
    SELECT id, day, sum(events) AS events, sum(one) AS one, sum(week) AS week, sum(month) AS month
    FROM changes GROUP BY id, day
), grid AS (
    SELECT accounts.id, CAST(days.day AS DATE) AS day FROM accounts, range(
        (SELECT min(day) FROM used)::TIMESTAMP, (SELECT max(day) + 1 FROM used)::TIMESTAMP,
        INTERVAL 1 DAY) AS days(day)
)
SELECT id, CAST(day AS VARCHAR), CAST(coalesce(events, 0) AS BIGINT),
    CAST(coalesce(one, 0) AS BIGINT), CAST(sum(week) OVER past AS BIGINT),
    CAST(sum(month) OVER past AS BIGINT) AS people
FROM grid LEFT JOIN summed USING (id, day)
WINDOW past AS (PARTITION BY id ORDER BY day) QUALIFY people > 0
"""
DAY_COLUMNS = ("account_id", "day", "events", "people", "people_7d", "people_28d")
EVENT_DAY_COLUMNS = ("account_id", "day", "event_id", "events", "people")


def store_world(
    workspace: Workspace, world: World, *, now: datetime, by_event: Sequence[str] | None = None
) -> UsageSource:
    """A connection with all usage of the days before today, by the accounts of the first group.

    Args:
        by_event: the events to be stored one by one; None for all.
    """
    data = ProjectData(
        load=lambda store: world.load(store, now=now), zone=world.timezone, clock=lambda: now
    )
    try:
        data.execute(USED.format(zone=world.timezone))
        with transaction.atomic():
            return _store(workspace, data, zone=world.timezone, now=now, by_event=by_event)
    finally:
        data.forget()


def forget_usage() -> None:
    """Empty the tables of usage, with what hangs on them: for worlds that come one after another in
    one test, in which rows that are only marked as removed would be in the way of the next."""
    source, accounts = UsageSource._meta.db_table, Account._meta.db_table
    days = ["posthog_account_event_day", "posthog_account_day", "posthog_signal", accounts]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {source} CASCADE")
            return
        for table in (*days, source):
            cursor.execute(f"DELETE FROM {table}")


def _store(
    workspace: Workspace,
    data: ProjectData,
    *,
    zone: str,
    now: datetime,
    by_event: Sequence[str] | None,
) -> UsageSource:
    ledger = data.execute(LEDGER)
    last = ledger[-1][0]
    source = store_source(workspace, project_timezone=zone, strategy="group", value="0", as_of=last)
    _store_ledger(source, ledger, now=now)
    accounts = Account.objects.bulk_create(
        Account(source=source, key=key, name=key, first_seen=day)
        for key, day in data.execute(ACCOUNTS)
    )
    events = UsageEvent.objects.bulk_create(
        UsageEvent(source=source, name=name)
        for (name,) in data.execute(EVENTS)
        if by_event is None or name in by_event
    )
    _tell_ids(data, "accounts", {account.key: account.pk for account in accounts})
    _tell_ids(data, "names", {event.name: event.pk for event in events})
    _copy("posthog_account_day", DAY_COLUMNS, data.execute(DAYS))
    _copy("posthog_account_event_day", EVENT_DAY_COLUMNS, data.execute(EVENT_DAYS))
    return source


def _store_ledger(
    source: UsageSource, ledger: list[tuple[date, int, datetime]], *, now: datetime
) -> None:
    counted = {day: (count, change) for day, count, change in ledger}
    first, last = ledger[0][0], ledger[-1][0]
    rows = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        count, change = counted.get(day, (0, None))
        rows.append(
            SyncDay(
                source=source,
                day=day,
                state=SyncDay.State.GREEN,
                events_posthog=count,
                events_stored=count,
                last_created_at=change.replace(tzinfo=UTC) if change else None,
                horizon=now,
                verified_at=now,
            )
        )
    SyncDay.objects.bulk_create(rows)


def _tell_ids(data: ProjectData, table: str, ids: dict[str, int]) -> None:
    data.execute(
        f"CREATE TEMP TABLE {table} AS SELECT unnest($1::VARCHAR[]) AS name, "
        "unnest($2::BIGINT[]) AS id",
        [list(ids), list(ids.values())],
    )


def _copy(table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                copy.write(text)
            return
        places = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)
