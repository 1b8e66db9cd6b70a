"""Dates and times: the project's zone decides on days, whatever the clocks do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from integrations_posthog.sandbox.grammar import HogQLError

from .conftest import Project, event

InZone = Callable[[str], Project]

DAYS = "select toDate(timestamp) as day, count() from events group by day"
MOMENT = "toDateTime64('2026-10-07 12:00:00.000000', 6, 'UTC')"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("now()", "2026-10-09T12:00:00Z"),
        ("NOW()", "2026-10-09T12:00:00Z"),
        ("today()", "2026-10-09"),
        (MOMENT, "2026-10-07T12:00:00Z"),
        ("toDateTime64('2026-10-07 12:00:00.120000', 6, 'UTC')", "2026-10-07T12:00:00.120000Z"),
        ("toDateTime('2026-10-07 12:00:00', 'Europe/Berlin')", "2026-10-07T12:00:00+02:00"),
        ("toDateTime('2026-10-07T12:00:00+02:00')", "2026-10-07T10:00:00Z"),
        ("toDateTime(0)", "1970-01-01T00:00:00Z"),
        ("toDateTime('tomorrow')", None),
        ("toDate('2026-10-07')", "2026-10-07"),
        ("toDate('soon')", None),
        (f"toDate({MOMENT})", "2026-10-07"),
        (f"toTimeZone({MOMENT}, 'Asia/Kolkata')", "2026-10-07T17:30:00+05:30"),
        (f"toDate(toTimeZone({MOMENT}, 'Pacific/Auckland'))", "2026-10-08"),
        (f"toStartOfDay({MOMENT})", "2026-10-07T00:00:00Z"),
        (f"toStartOfDay({MOMENT}, 'Asia/Kolkata')", "2026-10-07T00:00:00+05:30"),
        (f"toStartOfHour({MOMENT} + interval 59 minute)", "2026-10-07T12:00:00Z"),
        ("toStartOfWeek(toDate('2026-10-07'))", "2026-10-04"),
        ("toStartOfWeek(toDate('2026-10-04'))", "2026-10-04"),
        ("toStartOfWeek(toDate('2026-10-04'), 1)", "2026-09-28"),
        ("toMonday(toDate('2026-10-07'))", "2026-10-05"),
        ("dateDiff('day', toDate('2026-02-27'), toDate('2026-03-01'))", 2),
        ("dateDiff('day', toDate('2026-03-01'), toDate('2026-02-27'))", -2),
        ("dateDiff('week', toDate('2026-10-04'), toDate('2026-10-05'))", 1),
        ("dateDiff('month', toDate('2026-01-31'), toDate('2026-02-01'))", 1),
        (f"dateDiff('hour', {MOMENT}, {MOMENT} + interval 61 minute)", 1),
        (f"dateDiff('day', {MOMENT}, {MOMENT} + interval 12 hour)", 1),
        ("addDays(toDate('2026-02-28'), 1)", "2026-03-01"),
        (f"subtractDays({MOMENT}, 7)", "2026-09-30T12:00:00Z"),
        (f"{MOMENT} - toIntervalMonth(1)", "2026-09-07T12:00:00Z"),
        (f"interval 1 week + {MOMENT}", "2026-10-14T12:00:00Z"),
        ("toDate('2026-10-07') + 3", "2026-10-10"),
        ("toUnixTimestamp(toDateTime('1970-01-02 00:00:00'))", 86400),
        ("toUnixTimestamp('1970-01-02 00:00:00', 'Asia/Kolkata')", 86400 - 19800),
        (f"formatDateTime({MOMENT}, '%Y-%m-%d %H:%i:%S')", "2026-10-07 12:00:00"),
        (f"formatDateTime({MOMENT}, '%F %T', 'Asia/Kolkata')", "2026-10-07 17:30:00"),
        (f"{MOMENT} = '2026-10-07 12:00:00'", 1),
        (f"{MOMENT} > toDate('2026-10-07')", 1),
        ("toDate('2026-10-07') = '2026-10-07'", 1),
    ],
)
def test_a_function_gives_what_clickhouse_documents(
    constants: Project, expression: str, value: Any
) -> None:
    assert constants.value(expression) == value


def test_a_time_is_cut_to_a_day_in_the_projects_zone(in_zone: InZone) -> None:
    auckland = in_zone("Pacific/Auckland")
    moments = ("2026-10-08T10:59:59", "2026-10-08T11:00:00")
    auckland.data.add_events([event(moment=moment) for moment in moments])
    assert auckland.rows(f"{DAYS} order by day") == [["2026-10-08", 1], ["2026-10-09", 1]]


def test_text_without_an_offset_is_read_in_the_projects_zone(in_zone: InZone) -> None:
    kolkata = in_zone("Asia/Kolkata")
    kolkata.data.add_events([event(moment="2026-10-07T18:30:00")])
    count = "select count() from events where timestamp"
    assert kolkata.rows(f"{count} >= '2026-10-08 00:00:00'") == [[1]]
    assert kolkata.rows(f"{count} > '2026-10-08 00:00:00'") == [[0]]
    assert kolkata.rows(f"{count} >= toDateTime64('2026-10-07 18:30:00', 6, 'UTC')") == [[1]]
    assert kolkata.rows(f"{count} >= {{at}}", at="2026-10-07T18:30:00+00:00") == [[1]]


def test_times_come_out_in_the_projects_zone_inside_arrays_and_tuples_too(in_zone: InZone) -> None:
    berlin = in_zone("Europe/Berlin")
    berlin.data.add_events([event(moment="2026-10-07T10:00:00.000001")])
    shown = "2026-10-07T12:00:00.000001+02:00"
    columns = "timestamp, (1, timestamp), groupArray((timestamp, 1))"
    assert berlin.rows(f"select {columns} from events group by timestamp") == [
        [shown, [1, shown], [[shown, 1]]]
    ]


@pytest.mark.parametrize(
    ("zone", "day", "moments"),
    [
        # 23 hours in Berlin, 25 in Auckland; in São Paulo the day begins at one o'clock.
        ("Europe/Berlin", "2026-03-29", ("2026-03-28T23:00:00", "2026-03-29T21:59:59")),
        ("Pacific/Auckland", "2026-04-05", ("2026-04-04T11:00:00", "2026-04-05T11:59:59")),
        ("America/Sao_Paulo", "2018-11-04", ("2018-11-04T03:00:00", "2018-11-05T01:59:59")),
    ],
)
def test_a_day_on_which_the_clocks_change_has_its_own_length(
    in_zone: InZone, zone: str, day: str, moments: tuple[str, str]
) -> None:
    project = in_zone(zone)
    first, last = (event(moment=moment) for moment in moments)
    second = timedelta(seconds=1)
    outside = [first.timestamp - second, last.timestamp + second]
    project.data.add_events([event(moment=each.isoformat()) for each in outside])
    project.data.add_events([first, last])
    assert [day, 2] in project.rows(DAYS)
    starts = project.rows(
        f"select toStartOfDay(timestamp) from events where toDate(timestamp) = '{day}'"
    )
    assert {datetime.fromisoformat(start) for [start] in starts} == {first.timestamp}


def test_days_are_added_by_the_calendar_and_hours_by_the_clock(in_zone: InZone) -> None:
    berlin = in_zone("Europe/Berlin")
    before = "toDateTime('2026-10-24 12:00:00')"
    assert berlin.value(f"{before} + interval 1 day") == "2026-10-25T12:00:00+01:00"
    assert berlin.value(f"{before} + interval 24 hour") == "2026-10-25T11:00:00+01:00"
    assert berlin.value(f"dateDiff('day', {before}, {before} + interval 1 day)") == 1


def test_today_is_the_projects(in_zone: InZone) -> None:
    assert in_zone("Pacific/Auckland").value("today()") == "2026-10-10"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("toTimeZone(now(), 'Mars')", "Unknown timezone: 'Mars'"),
        ("now() > 'next week'", "Cannot parse DateTime: 'next week'"),
        ("now() > 5", "There is no supertype for types DateTime64(6, 'UTC'), UInt8"),
    ],
)
def test_what_cannot_be_a_time_is_refused(
    constants: Project, expression: str, message: str
) -> None:
    with pytest.raises(HogQLError, match=re.escape(message)):
        constants.value(expression)
