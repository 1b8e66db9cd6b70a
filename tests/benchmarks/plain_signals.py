"""Conditions as one writes them in SQL for one day: a GROUP BY over the days that they take."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import connection

from integrations_posthog.models import UsageEvent, UsageSource


def plain_sql(condition: dict[str, Any], source: UsageSource, last: date) -> str:
    """The accounts that meet a condition as of a day."""
    if condition["measure"] == "active_people":
        return _people(condition, source, last)
    length, compare = condition["days"], condition["compare"]
    before = {"own_past": length, "first_time": compare.get("silent_days", 0)}.get(compare["to"], 0)
    begins = last - timedelta(days=length - 1)
    named = condition["events"] is not None or condition["measure"] == "distinct_events"
    table = "posthog_account_event_day" if named else "posthog_account_day"
    which = f"day BETWEEN '{begins - timedelta(days=before)}' AND '{last}' AND events > 0"
    if condition["events"] is not None:
        names = UsageEvent.objects.filter(source=source, name__in=condition["events"])
        which += f" AND event_id IN ({', '.join(str(event.pk) for event in names)})"
    value = _measure(condition["measure"], f"day >= '{begins}'")
    past = _measure(condition["measure"], f"day < '{begins}'")
    return (
        f"SELECT account_id, {value}, {past} FROM {table} WHERE {which} "
        f"AND {_whose(source)} GROUP BY account_id HAVING {_met(compare, value, past)}"
    )


def fetch(text: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return list(cursor.fetchall())


def _people(condition: dict[str, Any], source: UsageSource, last: date) -> str:
    length = condition["days"]
    before = last - timedelta(days=length)
    column = f"people_{length}d"
    value = f"SUM(CASE WHEN day = '{last}' THEN {column} ELSE 0 END)"
    past = f"SUM(CASE WHEN day = '{before}' THEN {column} ELSE 0 END)"
    return (
        f"SELECT account_id, {value}, {past} FROM posthog_account_day "
        f"WHERE day IN ('{before}', '{last}') AND {_whose(source)} "
        f"GROUP BY account_id HAVING {_met(condition['compare'], value, past)}"
    )


def _whose(source: UsageSource) -> str:
    return f"account_id IN (SELECT id FROM posthog_account WHERE source_id = {source.pk})"


def _measure(measure: str, when: str) -> str:
    if measure == "events":
        return f"SUM(CASE WHEN {when} THEN events ELSE 0 END)"
    counted = "event_id" if measure == "distinct_events" else "day"
    return f"COUNT(DISTINCT CASE WHEN {when} THEN {counted} END)"


def _met(compare: dict[str, Any], value: str, past: str) -> str:
    if compare["to"] == "value":
        return f"{value} >= {compare['at_least']}"
    if compare["to"] == "first_time":
        return f"{value} > 0 AND {past} = 0"
    volume = f"({value} >= {compare['min_volume']} OR {past} >= {compare['min_volume']})"
    if "ratio_at_most" in compare:
        return f"{past} > 0 AND {volume} AND {value} <= {compare['ratio_at_most']} * {past}"
    return f"{past} > 0 AND {volume} AND {value} >= {compare['ratio_at_least']} * {past}"
