"""Usage on its way into the tables: loaded into them, or staged and moved into place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model

from ...client.replies import storable_text
from ...errors import ApiError
from ...models import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    StagedUsage,
    SyncRun,
    UsageEvent,
    UsageSource,
)

_ROWS_AT_A_TIME = 10_000
_KEYS_AT_A_TIME = 500
"""SQLite takes no more than 999 parameters where it is old."""
_LONGEST_EVENT_NAME = 200
MOST_EVENT_NAMES = 20_000


class StagedRow(NamedTuple):
    """The columns of ``StagedUsage``, in the order of the table."""

    run_id: int
    account_id: int
    event_id: int | None
    day: date | None
    events: int
    people: int
    people_7d: int = 0
    people_28d: int = 0


COLUMNS: Mapping[type[Model], tuple[str, ...]] = {
    StagedUsage: StagedRow._fields,
    AccountEventDay: ("account_id", "day", "event_id", "events", "people"),
    AccountDay: ("account_id", "day", "events", "people", "people_7d", "people_28d"),
    AccountEvent: ("account_id", "event_id", "events", "people"),
}
"""Of each table's rows, in the order in which they are given."""

Rows = Iterable[tuple[Any, ...]]


def load(rows: Rows, *, into: type[Model] = StagedUsage) -> None:
    """Write rows into one of these tables, in the fastest way that the database has."""
    LOADERS.get(connection.vendor, load_by_orm)(rows, into)


def load_by_orm(rows: Rows, into: type[Model] = StagedUsage) -> None:
    """Write rows on any database."""
    columns = COLUMNS[into]
    for some in _some_at_a_time(rows):
        made = (into(**dict(zip(columns, row, strict=True))) for row in some)
        into._base_manager.bulk_create(made)


def load_by_copy(rows: Rows, into: type[Model] = StagedUsage) -> None:
    """Write rows by PostgreSQL's COPY. They hold numbers and dates: nothing needs escaping."""
    columns = COLUMNS[into]
    line = "\t".join(["%s"] * len(columns)) + "\n"
    statement = f"COPY {into._meta.db_table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for some in _some_at_a_time(rows):
            copy.write("".join(map(line.__mod__, some)).replace("None", "\\N"))


def _some_at_a_time(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
    """In lists that are short enough to be held in memory."""
    remaining = iter(rows)
    while some := list(islice(remaining, _ROWS_AT_A_TIME)):
        yield some


LOADERS: dict[str, Callable[[Rows, type[Model]], None]] = {"postgresql": load_by_copy}


def clear(run_id: int) -> None:
    """Remove what a run has staged."""
    StagedUsage.objects.filter(run_id=run_id).delete()


def sweep() -> None:
    """Remove what runs have staged that have ended since, or are no more."""
    unfinished = SyncRun.objects.unfinished().values("pk")
    StagedUsage.objects.exclude(run_id__in=unfinished).delete()


def place(*, run_id: int, days: Iterable[date]) -> None:
    """Move the staged rows of some days into their tables, where nothing of them stands."""
    wanted = [day.isoformat() for day in days]
    if not wanted:
        return
    in_days = f"day IN ({', '.join(['%s'] * len(wanted))})"
    _insert(AccountEventDay, f"event_id IS NOT NULL AND {in_days}", [run_id, *wanted])
    _insert(AccountDay, f"event_id IS NULL AND {in_days}", [run_id, *wanted])


def place_last_28_days(*, run_id: int) -> None:
    """Move the staged rows of the last 28 days into their table, where nothing stands."""
    _insert(AccountEvent, "day IS NULL", [run_id])


def _insert(into: type[Model], which: str, params: list[Any]) -> None:
    columns = ", ".join(COLUMNS[into])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {into._meta.db_table} ({columns}) "  # noqa: S608
            f"SELECT {columns} FROM posthog_staged_usage WHERE run_id = %s AND {which}",
            params,
        )


def account_ids(source: UsageSource, keys: Sequence[str]) -> dict[str, int]:
    """The ids of the accounts with these keys; those that are new are made."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), _KEYS_AT_A_TIME):
        some = keys[start : start + _KEYS_AT_A_TIME]
        found |= _ids(source, some)
        new = [Account(source=source, key=key, name=key) for key in some if key not in found]
        if new:
            Account.objects.bulk_create(new, ignore_conflicts=True)
            found |= _ids(source, [account.key for account in new])
    return found


def _ids(source: UsageSource, keys: Sequence[str]) -> dict[str, int]:
    accounts = Account.objects.filter(source=source, key__in=keys)
    return dict(accounts.values_list("key", "id"))


class EventNames:
    """The ids of a source's events by their names; those that are new are made."""

    def __init__(self, source: UsageSource) -> None:
        self._source = source
        self._ids: dict[str, int] = {}

    def learn(self, names: Iterable[str]) -> None:
        """Find the ids of these names, or make them, to be asked for afterwards.

        Raises:
            ApiError: the project has more names than any product's.
        """
        stored = {name: storable_event_name(name) for name in set(names) - self._ids.keys()}
        if len(self._ids) + len(stored) > MOST_EVENT_NAMES:
            raise ApiError(hint=f"The project has more than {MOST_EVENT_NAMES:,} event names.")
        wanted = sorted(set(stored.values()))
        for start in range(0, len(wanted), _KEYS_AT_A_TIME):
            some = wanted[start : start + _KEYS_AT_A_TIME]
            ids = self._known(some)
            new = [UsageEvent(source=self._source, name=name) for name in some if name not in ids]
            if new:
                UsageEvent.objects.bulk_create(new, ignore_conflicts=True)
                ids = self._known(some)
            self._ids |= {name: ids[kept] for name, kept in stored.items() if kept in ids}

    def _known(self, names: Sequence[str]) -> dict[str, int]:
        known = UsageEvent.objects.filter(source=self._source, name__in=names)
        return dict(known.values_list("name", "id"))

    def __getitem__(self, name: str) -> int:
        return self._ids[name]


def storable_event_name(name: str) -> str:
    """The name itself, or where a column cannot hold it, one made from it that is as unique."""
    clean = storable_text(name)
    if clean == name and len(name) <= _LONGEST_EVENT_NAME:
        return name
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{clean[: _LONGEST_EVENT_NAME - 13]}#{digest}"
