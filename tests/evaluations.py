"""Histories to evaluate signals by: what each account did on which day, held and proven."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinition,
    SyncDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.signals.definitions import DefinitionService
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.signals.signals import SignalService
from tests.connections import actor
from tests.usage import store_source

FIRST, LAST = date(2026, 10, 1), date(2026, 11, 21)
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def day(number: int) -> date:
    """A day of the history, counted from its first."""
    return FIRST + timedelta(days=number)


def morning_after(last: date) -> datetime:
    """When all of a day has been read."""
    return datetime.combine(last + timedelta(days=1), time(8), tzinfo=UTC)


def store_history(workspace: Workspace, **columns: Any) -> UsageSource:
    """A source all days of which are held and proven, and nobody's usage yet."""
    source = store_source(workspace, **columns)
    hold(source)
    return source


def hold(source: UsageSource, *, first: date = FIRST, last: date = LAST, **columns: Any) -> None:
    """Days that are held and proven, each since the morning after it."""
    for number in range((last - first).days + 1):
        one = first + timedelta(days=number)
        read = {"verified_at": morning_after(one), "horizon": morning_after(one)}
        facts = {"state": "green", "events_posthog": 0} | read | columns
        SyncDay.objects.update_or_create(source=source, day=one, defaults=facts)


def use(
    source: UsageSource,
    name: str,
    usage: Mapping[date, int],
    *,
    event: str = "report viewed",
    people: int = 1,
) -> Account:
    """An account that did an event so many times on each of some days, in place of what it did
    on them before."""
    account, _ = Account.objects.get_or_create(
        source=source, key=f"{name.lower()}.example", defaults={"name": name}
    )
    named, _ = UsageEvent.objects.get_or_create(source=source, name=event)
    for one, count in usage.items():
        counts = {"events": count, "people": people}
        AccountDay.objects.update_or_create(
            account=account,
            day=one,
            defaults=counts | {"people_7d": people, "people_28d": people},
        )
        AccountEventDay.objects.update_or_create(
            account=account, day=one, event=named, defaults=counts
        )
    seen = account.days.filter(events__gt=0).order_by("day")
    account.first_seen = seen.values_list("day", flat=True).first()
    account.last_seen = seen.values_list("day", flat=True).last()
    account.events_28d = sum(usage.values())
    account.save()
    return account


def at_least(number: int, *, days: int = 1, events: list[str] | None = None) -> dict[str, Any]:
    """The rule of so many events within some days."""
    compare = {"to": "value", "at_least": number}
    return {"all": [{"measure": "events", "events": events, "days": days, "compare": compare}]}


def definitions_of(workspace: Workspace, *, now: datetime = NOW) -> DefinitionService:
    """A workspace's definitions, acted upon by Alice."""
    return DefinitionService(workspace=workspace, actor=actor(), clock=lambda: now)


def signals_of(workspace: Workspace, *, now: datetime = NOW) -> SignalService:
    """A workspace's signals, acted upon by Alice."""
    return SignalService(workspace=workspace, actor=actor(), clock=lambda: now)


def define(
    workspace: Workspace,
    rule: dict[str, Any],
    *,
    name: str = "Busy",
    state: str = "active",
    weight: int = 40,
    cooldown_days: int = 0,
) -> SignalDefinition:
    """A definition that nobody has evaluated yet."""
    made = definitions_of(workspace).create(
        name=name, weight=weight, cooldown_days=cooldown_days, rule=rule
    )
    SignalDefinition.objects.filter(pk=made.pk).update(state=state)
    return SignalDefinition.objects.get(pk=made.pk)


def evaluate_as_of(source: UsageSource, last: date) -> list[Signal]:
    """Evaluate as on the morning after a day, when that day has just been read."""
    return evaluate(source, now=morning_after(last) + timedelta(minutes=5))


def fired(workspace: Workspace) -> list[tuple[str, date, bool]]:
    """All signals: the account's name, the day, and whether it is late."""
    found = Signal.objects.filter(version__definition__workspace=workspace)
    ordered = found.order_by("fired_on", "account__name")
    return list(ordered.values_list("account__name", "fired_on", "late"))
