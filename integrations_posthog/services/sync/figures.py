"""The figures of each account, computed anew from what is stored of its days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, Sum

from ...models import Account, AccountDay, AccountEvent, AccountEventDay, UsageSource

TREND_WEEKS = 12
TOP_EVENTS = 5

_ACCOUNTS_AT_A_TIME = 1_000
FIGURES = (
    "first_seen",
    "last_seen",
    "events_7d",
    "events_7d_before",
    "events_28d",
    "events_28d_before",
    "people_1d",
    "people_7d",
    "people_28d",
    "active_days_28d",
    "distinct_events_28d",
    "top_events",
    "trend",
)


def refresh(
    source: UsageSource,
    *,
    as_of: date,
    step: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Compute the figures of all accounts, every window ending with ``as_of``.

    Accounts of which nothing is stored any more are removed.

    Args:
        step: within which some of the accounts are done at a time.
    """
    usage = AccountDay.objects.filter(account_id=OuterRef("pk"))
    with step():
        source.accounts.filter(~Exists(usage)).delete()
    last = 0
    while some := list(source.accounts.filter(pk__gt=last).order_by("pk")[:_ACCOUNTS_AT_A_TIME]):
        with step():
            _refresh(some, as_of)
        last = some[-1].pk


def _refresh(accounts: list[Account], as_of: date) -> None:
    first, last = accounts[0], accounts[-1]
    mine = Q(account_id__gte=first.pk, account_id__lte=last.pk, account__source=first.source_id)
    seen, sums = _seen(mine), _sums(mine, as_of)
    people, top = _people(mine, as_of), _top_events(mine, as_of)
    for account in accounts:
        first_seen, last_seen = seen.get(account.pk, (None, None))
        figures: dict[str, Any] = {"first_seen": first_seen, "last_seen": last_seen}
        figures |= sums.get(account.pk) or _sums_of_nothing()
        figures |= people.get(account.pk) or dict.fromkeys(_PEOPLE.values(), 0)
        events = top.get(account.pk, [])
        figures |= {"distinct_events_28d": len(events), "top_events": events[:TOP_EVENTS]}
        for name, value in figures.items():
            setattr(account, name, value)
    Account.objects.bulk_create(
        accounts, update_conflicts=True, unique_fields=["id"], update_fields=FIGURES
    )


def _seen(mine: Q) -> dict[int, tuple[date, date]]:
    rows = AccountDay.objects.filter(mine, events__gt=0).values("account_id")
    found = rows.annotate(first=Min("day"), last=Max("day"))
    return {row["account_id"]: (row["first"], row["last"]) for row in found}


def _sums(mine: Q, as_of: date) -> dict[int, dict[str, Any]]:
    def events(*, days: int, before: int = 0) -> Sum:
        return Sum("events", filter=_days(as_of, days=days, before=before), default=0)

    weeks = {f"week_{n}": events(days=7, before=7 * n) for n in reversed(range(TREND_WEEKS))}
    active = _days(as_of, days=28) & Q(events__gt=0)
    all_weeks = _days(as_of, days=7 * TREND_WEEKS)
    rows: Iterable[Mapping[str, Any]] = (
        AccountDay.objects.filter(mine & all_weeks)
        .values("account_id")
        .annotate(
            events_28d=events(days=28),
            events_28d_before=events(days=28, before=28),
            active_days_28d=Count("day", filter=active),
            **weeks,
        )
    )
    return {row["account_id"]: _with_trend(row, [row[week] for week in weeks]) for row in rows}


def _with_trend(row: Mapping[str, Any], trend: list[int]) -> dict[str, Any]:
    names = ("events_28d", "events_28d_before", "active_days_28d")
    sums = {name: row[name] for name in names}
    return sums | {"trend": trend, "events_7d": trend[-1], "events_7d_before": trend[-2]}


def _sums_of_nothing() -> dict[str, Any]:
    names = ("events_7d", "events_7d_before", "events_28d", "events_28d_before", "active_days_28d")
    return dict.fromkeys(names, 0) | {"trend": [0] * TREND_WEEKS}


def _days(as_of: date, *, days: int, before: int = 0) -> Q:
    """So many days, the last of which is ``before`` days before the last one held."""
    last = as_of - timedelta(days=before)
    return Q(day__range=(last - timedelta(days=days - 1), last))


_PEOPLE = {"people": "people_1d", "people_7d": "people_7d", "people_28d": "people_28d"}


def _people(mine: Q, as_of: date) -> dict[int, dict[str, Any]]:
    rows = AccountDay.objects.filter(mine, day=as_of).values("account_id", *_PEOPLE)
    return {row["account_id"]: {_PEOPLE[name]: row[name] for name in _PEOPLE} for row in rows}


def _top_events(mine: Q, as_of: date) -> dict[int, list[dict[str, Any]]]:
    """What each account did in the last 28 days, the most first. Events are added up by day; people
    cannot be, and are those of the last reading of all 28 days."""
    rows = AccountEvent.objects.filter(mine).values_list("account_id", "event_id", "people")
    people = {(account_id, event_id): count for account_id, event_id, count in rows}
    found = defaultdict(list)
    sums = (
        AccountEventDay.objects.filter(mine & _days(as_of, days=28))
        .values_list("account_id", "event_id", "event__name")
        .annotate(total=Sum("events"), most=Max("people"))
        .order_by("account_id", "-total", "event__name")
    )
    for account_id, event_id, event, total, most in sums:
        who = max(people.get((account_id, event_id), 0), most)
        found[account_id].append({"event": event, "events": total, "people": who})
    return found
