"""How much a query reads: the ranges of its timestamps."""

from __future__ import annotations

from typing import Any

import pytest

from integrations_posthog.sandbox.engine import Scan, scanned
from integrations_posthog.sandbox.grammar import parse_select
from integrations_posthog.sandbox.hogql import fill_placeholders

from .conftest import NOON, Project


def scan(project: Project, text: str, **values: Any) -> Scan:
    select = fill_placeholders(parse_select(text), values=values)
    return scanned(select=select, data=project.data.as_of(), now=NOON)


@pytest.mark.parametrize(
    ("where", "events", "days"),
    [
        ("timestamp >= '2026-10-08' and timestamp < '2026-10-10'", 2, 2),
        ("timestamp >= toDateTime64({from}, 6, 'UTC') and timestamp < now()", 2, 1.5),
        ("timestamp > now() - interval 30 day and timestamp <= now()", 4, 30),
        ("timestamp >= '2026-10-08' and timestamp < '2026-10-10' and event = 'none'", 2, 2),
        ("event = 'view'", 4, 25 / 24),
        ("timestamp < '2026-10-08'", 2, 15 / 24),
    ],
)
def test_the_events_and_the_days_of_the_range_count_whatever_else_is_asked(
    project: Project, where: str, events: int, days: float
) -> None:
    text = f"select event, count() from events where {where} group by event"
    read = scan(project, text, **{"from": "2026-10-08 00:00:00"})
    assert read.events == events
    assert read.days == pytest.approx(days)


def test_all_parts_of_a_query_count(project: Project) -> None:
    part = "select count() from events where timestamp >= '{0}' and timestamp < '2026-10-09'"
    first, second = part.format("2026-10-07"), part.format("2026-10-08")
    text = f"select * from ({first} union all select 1 from ({second}))"
    assert scan(project, text) == Scan(events=6, days=2)


def test_other_tables_do_not(project: Project) -> None:
    assert scan(project, "select count() from persons") == Scan(events=0, days=0)
