"""Usage to arrange a test by, as a sync would have stored it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    PosthogWorkspaceConfig,
    SyncDay,
    SyncRun,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.sync.figures import refresh

from .connections import store_connection

CREATED_AT = datetime(2025, 11, 22, 9, 0, tzinfo=UTC)
"""When a source came to be: before any test's clock, or what was evaluated would count for that of
another source before it, and be evaluated anew each time."""

AS_OF = date(2026, 11, 22)
VERIFIED_AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
EVENTS = ("$pageview", "report viewed", "invite sent", "export run")
LAUNCHER = f"{__name__}.note_launch"
COVERAGE = [
    {"strategy": "email_domain", "value": "", "events": 930, "share": 0.93, "accounts": 1985},
    {"strategy": "group", "value": "0", "events": 410, "share": 0.41, "accounts": 620},
    {
        "strategy": "person_property",
        "value": "company",
        "events": 8,
        "share": 0.008,
        "accounts": 1,
    },
]

launched: list[int] = []


def note_launch(run_id: int) -> None:
    """A launcher that has nobody perform the run."""
    launched.append(run_id)


def store_usage(
    workspace: Workspace,
    *,
    accounts: Sequence[str] | int = 3,
    days: int = 60,
    seed: int = 1,
    red: Sequence[date] = (),
    pending: Sequence[date] = (),
    first_id: int | None = None,
    **columns: Any,
) -> UsageSource:
    """A connection, the days of its ledger, and its accounts with their usage.

    The earlier an account's name, the more it does.

    Args:
        accounts: their names, or how many there are.
        red: days that do not add up; of these, and of the pending ones, nothing is held.
        first_id: the first account's; the others' follow.
        columns: of the source.
    """
    source = store_source(workspace, as_of=AS_OF, **columns)
    shown = accounts if not isinstance(accounts, int) else _names(accounts)
    span = [AS_OF - timedelta(days=number) for number in range(days)]
    held = [day for day in span if day not in {*red, *pending}]
    ids: Iterator[int | None] = itertools.repeat(None)
    if first_id is not None:
        ids = itertools.count(first_id)
    _store_accounts(
        source, names=dict(zip(shown, ids, strict=False)), days=held, chance=random.Random(seed)
    )
    _store_ledger(source, days=span, red=red, pending=pending)
    refresh(source, as_of=AS_OF)
    return source


def store_source(workspace: Workspace, **columns: Any) -> UsageSource:
    """A connection whose usage is that of a project with a time zone, and of no day yet."""
    config = PosthogWorkspaceConfig.objects.filter(workspace=workspace).first()
    config = config or store_connection(workspace)
    facts = {
        "posthog_host": config.posthog_host,
        "posthog_project_id": config.posthog_project_id,
        "project_timezone": "Europe/Berlin",
        "strategy": "email_domain",
        "coverage": COVERAGE,
        "created_at": CREATED_AT,
    }
    return UsageSource.objects.create(connection=config, **facts | columns)


def store_run(source: UsageSource, **columns: Any) -> SyncRun:
    """A run that has come a third of its way, or that is as these columns say."""
    facts = {
        "kind": "recent",
        "state": "running",
        "days_back": 90,
        "actor_name": "alice",
        "started_at": VERIFIED_AT,
        "is_planned": True,
        "days_total": 90,
        "days_done": 30,
        "events": 14_118,
        "requests": 6,
        "bytes_read": 1_234_567,
    }
    if columns.get("state", "running") == "running":
        facts |= {"lease_holder": "w", "lease_expires_at": timezone.now() + timedelta(hours=1)}
    return SyncRun.objects.create(source=source, **facts | columns)


def _names(count: int) -> list[str]:
    return [f"company-{number:04}.example" for number in range(count)]


def _store_accounts(
    source: UsageSource,
    *,
    names: Mapping[str, int | None],
    days: Sequence[date],
    chance: random.Random,
) -> None:
    events = UsageEvent.objects.bulk_create(UsageEvent(source=source, name=name) for name in EVENTS)
    accounts = [
        Account.objects.create(pk=account_id, source=source, key=name.lower(), name=name)
        for name, account_id in names.items()
    ]
    sizes = {account.pk: 400 // (number + 1) + 3 for number, account in enumerate(accounts)}
    daily = {
        (pk, day): _busy(day, size=size, chance=chance)
        for pk, size in sizes.items()
        for day in days
    }
    AccountDay.objects.bulk_create(
        AccountDay(
            account_id=pk,
            day=day,
            events=sum(counts),
            people=min(sum(counts), sizes[pk] // 5 + 1),
            people_7d=sizes[pk] // 4 + 2,
            people_28d=sizes[pk] // 3 + 3,
        )
        for (pk, day), counts in daily.items()
    )
    AccountEventDay.objects.bulk_create(
        AccountEventDay(account_id=pk, day=day, event_id=event.pk, events=count, people=1)
        for (pk, day), counts in daily.items()
        for event, count in zip(events, counts, strict=True)
        if count
    )
    AccountEvent.objects.bulk_create(
        AccountEvent(account_id=pk, event_id=event.pk, events=100 - at, people=7 - at)
        for pk in sizes
        for at, event in enumerate(events)
    )


def _busy(day: date, *, size: int, chance: random.Random) -> list[int]:
    """How often each event happened: less at weekends, the later ones less often."""
    pace = 0.2 if day.weekday() > 4 else 1.0
    return [round(size * pace * chance.uniform(0.5, 1.5) / (at + 1)) for at in range(len(EVENTS))]


def _store_ledger(
    source: UsageSource, *, days: Sequence[date], red: Sequence[date], pending: Sequence[date]
) -> None:
    rows = AccountDay.objects.filter(account__source=source).values("day")
    held = dict(rows.annotate(events_of_all=Sum("events")).values_list("day", "events_of_all"))
    ledger = []
    for day in days:
        stored = held.get(day, 0)
        state = "red" if day in red else "pending" if day in pending else "green"
        is_held = state == "green"
        reasons = {"no_account": 7, "public_email_provider": 5} if is_held else {}
        ledger.append(
            SyncDay(
                source=source,
                day=day,
                state=state,
                events_posthog=stored + 12,
                events_stored=stored,
                events_unattributed=sum(reasons.values()),
                unattributed=reasons,
                verified_at=VERIFIED_AT if is_held else None,
                horizon=VERIFIED_AT if is_held else None,
            )
        )
    SyncDay.objects.bulk_create(ledger)
