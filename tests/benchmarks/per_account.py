"""Conditions as one asks about them account by account in Django: a query for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Aggregate, Count, Q, QuerySet, Sum

from integrations_posthog.models import AccountDay, AccountEventDay, UsageEvent, UsageSource


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A condition as of a day.

    Attributes:
        event_ids: of its events; None for all.
    """

    condition: dict[str, Any]
    event_ids: Sequence[int] | None
    last: date

    def meets(self, account_id: int) -> bool:
        found = self._numbers(account_id)
        return _met(self.condition["compare"], value=found["value"], past=found["past"])

    def _numbers(self, account_id: int) -> dict[str, int]:
        length, compare = self.condition["days"], self.condition["compare"]
        if self.condition["measure"] == "active_people":
            return _people(account_id, length=length, last=self.last)
        before = {"own_past": length, "first_time": compare.get("silent_days", 0)}
        begins = self.last - timedelta(days=length - 1)
        since = begins - timedelta(days=before.get(compare["to"], 0))
        return (
            self._rows()
            .filter(account_id=account_id, day__range=(since, self.last), events__gt=0)
            .aggregate(
                value=_measure(self.condition["measure"], Q(day__gte=begins)),
                past=_measure(self.condition["measure"], Q(day__lt=begins)),
            )
        )

    def _rows(self) -> QuerySet[Any]:
        if self.event_ids is not None:
            return AccountEventDay.objects.filter(event_id__in=self.event_ids)
        if self.condition["measure"] == "distinct_events":
            return AccountEventDay.objects.all()
        return AccountDay.objects.all()


def detector(condition: dict[str, Any], source: UsageSource, last: date) -> Detector:
    """The detector of a condition, with its events looked up."""
    ids = None
    if condition["events"] is not None:
        names = UsageEvent.objects.filter(source=source, name__in=condition["events"])
        ids = list(names.values_list("id", flat=True))
    return Detector(condition=condition, event_ids=ids, last=last)


def _people(account_id: int, *, length: int, last: date) -> dict[str, int]:
    before, column = last - timedelta(days=length), f"people_{length}d"
    days = AccountDay.objects.filter(account_id=account_id, day__in=(before, last))
    return days.aggregate(
        value=Sum(column, filter=Q(day=last), default=0),
        past=Sum(column, filter=Q(day=before), default=0),
    )


def _measure(measure: str, when: Q) -> Aggregate:
    if measure == "events":
        return Sum("events", filter=when, default=0)
    counted = "event_id" if measure == "distinct_events" else "day"
    return Count(counted, filter=when, distinct=True)


def _met(compare: dict[str, Any], *, value: int, past: int) -> bool:
    if compare["to"] == "value":
        return bool(value >= compare["at_least"])
    if compare["to"] == "first_time":
        return value > 0 and past == 0
    if past == 0 or max(value, past) < compare["min_volume"]:
        return False
    if "ratio_at_most" in compare:
        return value <= Decimal(str(compare["ratio_at_most"])) * past
    return value >= Decimal(str(compare["ratio_at_least"])) * past
