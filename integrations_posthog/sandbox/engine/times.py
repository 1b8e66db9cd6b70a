"""Dates, times and intervals.

A time is a TIMESTAMP in UTC; what depends on the calendar is done on the clocks of its zone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..grammar import HogQLError
from ..hogql import not_yet
from .context import Context, Function, zone_of
from .kinds import DATE, INT, INTERVAL, STRING, Kind, time_in
from .sql import Expr, constant, local, number, utc

CALENDAR_UNITS = {"day": 1, "week": 7, "month": 1, "quarter": 3, "year": 1}
CLOCK_UNITS = ("second", "minute", "hour")
HAS_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"

# ClickHouse's letters that mean something else to DuckDB's strftime, or nothing.
FORMAT_LETTERS = {"i": "%M", "s": "%S", "M": "%B", "F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M"}


def read_time(text: str, zone: str) -> datetime | None:
    """A time from text; without an offset it is on the clocks of the zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    home = ZoneInfo(zone)
    return moment.astimezone(home) if moment.tzinfo else moment.replace(tzinfo=home)


def as_time(expr: Expr, zone: str) -> Expr:
    """The expression as a time: a date's midnight, or text read as ``read_time`` does.

    Raises:
        HogQLError: it cannot be one.
    """
    if expr.type.kind is Kind.TIME:
        return expr
    type_ = time_in(zone).or_null(expr.type.nullable)
    if expr.type.kind is Kind.DATE:
        return Expr(sql=utc(f"CAST({expr.sql} AS TIMESTAMP)", zone), type=type_)
    if expr.text is not None:
        return constant(read_time(expr.text, zone))
    if expr.type.is_text:
        naive = utc(f"try_cast({expr.sql} AS TIMESTAMP)", zone)
        aware = f"timezone('UTC', try_cast({expr.sql} AS TIMESTAMPTZ))"
        has_offset = f"regexp_matches({expr.sql}, '{HAS_OFFSET}')"
        sql = f"CASE WHEN {has_offset} THEN {aware} ELSE {naive} END"
        return Expr(sql=sql, type=type_.or_null())
    if expr.type.kind is Kind.INT:
        return Expr(sql=f"make_timestamp({expr.sql} * 1000000)", type=type_)
    raise HogQLError(not_yet(f"a time made of {expr.type}"))


def as_date(expr: Expr) -> Expr:
    """The expression as a date; a time is cut in its zone; text that is no date is NULL."""
    type_ = DATE.or_null(expr.type.nullable)
    if expr.type.kind is Kind.DATE:
        return expr
    if expr.type.kind is Kind.TIME:
        return Expr(sql=f"CAST({local(expr.sql, expr.type.zone)} AS DATE)", type=type_)
    if expr.text is not None:
        return constant(_read_date(expr.text))
    if expr.type.is_text:
        return Expr(sql=f"try_cast({expr.sql} AS DATE)", type=type_.or_null())
    raise HogQLError(not_yet(f"a date made of {expr.type}"))


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def clocks(expr: Expr) -> str:
    """SQL of a time or date as the clocks of its zone show it."""
    if expr.type.kind is Kind.TIME:
        return local(expr.sql, expr.type.zone)
    return f"CAST({as_date(expr).sql} AS TIMESTAMP)"


def interval(unit: str) -> Function:
    def build(context: Context, args: Sequence[Expr]) -> Expr:
        # DuckDB's own INTERVAL would lose the unit, on which the calendar depends.
        return replace(number(args[0]), type=replace(INTERVAL, name=unit))

    return Function(least=1, most=1, build=build)


def shifted(moment: Expr, *, by: Expr, sign: str, zone: str) -> Expr:
    """A date or time plus or minus an interval; days and longer go by the calendar."""
    unit = by.type.name
    length = f"to_{unit}s(CAST({by.sql} AS {'BIGINT' if unit in CLOCK_UNITS else 'INTEGER'}))"
    nullable = moment.type.nullable or by.type.nullable
    if moment.type.kind is Kind.DATE and unit in CALENDAR_UNITS:
        sql = f"CAST({moment.sql} {sign} {length} AS DATE)"
        return Expr(sql=sql, type=moment.type.or_null(nullable))
    time = as_time(moment, zone)
    type_ = time.type.or_null(nullable)
    if unit in CLOCK_UNITS:
        return Expr(sql=f"({time.sql} {sign} {length})", type=type_)
    return Expr(sql=utc(f"({clocks(time)} {sign} {length})", time.type.zone), type=type_)


def _shifted_days(sign: str) -> Function:
    def build(context: Context, args: Sequence[Expr]) -> Expr:
        by = replace(args[1], type=replace(INTERVAL, name="day", nullable=args[1].type.nullable))
        return shifted(args[0], by=by, sign=sign, zone=context.zone)

    return Function(least=2, most=2, build=build)


def _now(context: Context, args: Sequence[Expr]) -> Expr:
    zone = zone_of(args[0]) if args else context.zone
    return constant(context.now.astimezone(ZoneInfo(zone)))


def _today(context: Context, args: Sequence[Expr]) -> Expr:
    return constant(context.now.astimezone(ZoneInfo(context.zone)).date())


def _to_date(context: Context, args: Sequence[Expr]) -> Expr:
    return as_date(args[0])


def _to_time(context: Context, args: Sequence[Expr]) -> Expr:
    """``toDateTime(x, zone)`` and ``toDateTime64(x, digits, zone)``."""
    zone = zone_of(args[-1]) if len(args) > 1 and args[-1].text is not None else context.zone
    time = as_time(args[0], zone)
    return replace(time, type=replace(time.type, zone=zone)) if time.type.zone else time


def _to_zone(context: Context, args: Sequence[Expr]) -> Expr:
    zone = zone_of(args[1]) if len(args) > 1 else context.zone
    time = as_time(args[0], context.zone)
    return replace(time, type=replace(time.type, zone=zone))


def _start_of(unit: str) -> Callable[[Context, Sequence[Expr]], Expr]:
    def build(context: Context, args: Sequence[Expr]) -> Expr:
        time = as_time(args[0], context.zone)
        zone = zone_of(args[1]) if len(args) > 1 else time.type.zone
        start = f"date_trunc('{unit}', {local(time.sql, zone)})"
        return Expr(sql=utc(start, zone), type=replace(time.type, zone=zone))

    return build


def _start_of_week(context: Context, args: Sequence[Expr]) -> Expr:
    """Weeks begin on Sunday (mode 0), unless the mode is an odd number: then on Monday."""
    if len(args) > 1 and isinstance(args[1].value, int) and args[1].value % 2:
        return _monday(context, args)
    day = f"CAST({clocks(args[0])} AS DATE)"
    return _date(args[0], f"{day} - CAST(dayofweek({day}) AS INTEGER)")


def _monday(context: Context, args: Sequence[Expr]) -> Expr:
    return _date(args[0], f"date_trunc('week', {clocks(args[0])})")


def _date(source: Expr, sql: str) -> Expr:
    return Expr(sql=f"CAST({sql} AS DATE)", type=DATE.or_null(source.type.nullable))


def _date_diff(context: Context, args: Sequence[Expr]) -> Expr:
    unit = args[0].text or ""
    if unit not in CALENDAR_UNITS and unit not in CLOCK_UNITS:
        raise HogQLError(not_yet(f"dateDiff in units of {args[0].sql}"))
    first, last = (_readable(arg, context.zone) for arg in args[1:])
    if unit in CLOCK_UNITS:
        first, last = as_time(first, context.zone), as_time(last, context.zone)
        sql = f"date_diff('{unit}', {first.sql}, {last.sql})"
    elif unit == "day":
        sql = f"({as_date(last).sql} - {as_date(first).sql})"
    elif unit == "week":
        mondays = [_monday(context, [each]).sql for each in (last, first)]
        sql = f"(({mondays[0]} - {mondays[1]}) // 7)"
    else:
        sql = f"date_diff('{unit}', {clocks(first)}, {clocks(last)})"
    return Expr(sql=sql, type=INT.or_null(first.type.nullable or last.type.nullable))


def _readable(expr: Expr, zone: str) -> Expr:
    return as_time(expr, zone) if expr.type.is_text else expr


def _unix_timestamp(context: Context, args: Sequence[Expr]) -> Expr:
    zone = zone_of(args[1]) if len(args) > 1 else context.zone
    time = as_time(args[0], zone)
    sql = f"CAST(floor(epoch({time.sql})) AS BIGINT)"
    return Expr(sql=sql, type=INT.or_null(time.type.nullable))


def _format(context: Context, args: Sequence[Expr]) -> Expr:
    if args[1].text is None:
        raise HogQLError(not_yet("formatDateTime by a format that is no constant"))
    time = as_time(args[0], context.zone)
    shown = local(time.sql, zone_of(args[2])) if len(args) > 2 else clocks(time)
    letters = constant(_strftime(args[1].text)).sql
    return Expr(sql=f"strftime({shown}, {letters})", type=STRING.or_null(time.type.nullable))


def _strftime(text: str) -> str:
    first, *rest = text.split("%")
    return first + "".join(FORMAT_LETTERS.get(part[:1], f"%{part[:1]}") + part[1:] for part in rest)


FUNCTIONS = {
    "now": Function(least=0, most=1, build=_now),
    "today": Function(least=0, most=0, build=_today),
    "toDate": Function(least=1, most=1, build=_to_date),
    "toDateTime": Function(least=1, most=2, build=_to_time),
    "toDateTime64": Function(least=1, most=3, build=_to_time),
    "toTimeZone": Function(least=1, most=2, build=_to_zone),
    "toStartOfDay": Function(least=1, most=2, build=_start_of("day")),
    "toStartOfHour": Function(least=1, most=1, build=_start_of("hour")),
    "toStartOfWeek": Function(least=1, most=2, build=_start_of_week),
    "toMonday": Function(least=1, most=1, build=_monday),
    "dateDiff": Function(least=3, most=3, build=_date_diff),
    "addDays": _shifted_days("+"),
    "subtractDays": _shifted_days("-"),
    "toUnixTimestamp": Function(least=1, most=2, build=_unix_timestamp),
    "formatDateTime": Function(least=2, most=3, build=_format),
    **{
        f"toInterval{unit.title()}": interval(unit)
        for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
    },
}
