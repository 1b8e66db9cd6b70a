"""SQL of DuckDB with the type of what it yields, and literals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ..grammar import HogQLError
from .kinds import (
    BOOL,
    DATE,
    FLOAT,
    INT,
    NULL,
    STRING,
    Kind,
    Type,
    array_of,
    common_type,
    time_in,
    tuple_of,
)

UNKNOWN = object()


@dataclass(frozen=True, kw_only=True)
class Expr:
    """``value`` is what a constant is, ``UNKNOWN`` for all else; ``items`` the parts of a tuple."""

    sql: str
    type: Type
    value: Any = UNKNOWN
    items: tuple[Expr, ...] = ()

    @property
    def text(self) -> str | None:
        """The string that it is, if it is a constant one."""
        return self.value if isinstance(self.value, str) else None


def constant(value: Any) -> Expr:
    """A constant of JSON's scalar types, a date, or an aware time.

    Raises:
        HogQLError: a number beyond 64 bits, or that is not one.
    """
    if isinstance(value, str):
        return Expr(sql=quoted(value), type=STRING, value=value)
    if value is None:
        return Expr(sql="NULL", type=NULL, value=None)
    if isinstance(value, bool):
        return Expr(sql=str(value).upper(), type=BOOL, value=value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise HogQLError("A whole number beyond 64 bits", code="type_mismatch")
        return Expr(sql=str(value), type=_int_type(value), value=value)
    if isinstance(value, float):
        return Expr(sql=f"CAST('{value!r}' AS DOUBLE)", type=FLOAT, value=value)
    if isinstance(value, datetime):
        text = value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        return Expr(sql=f"TIMESTAMP '{text}'", type=time_in(str(value.tzinfo)), value=value)
    if isinstance(value, date):
        return Expr(sql=f"DATE '{value.isoformat()}'", type=DATE, value=value)
    raise TypeError(f"no constant of HogQL: {type(value).__name__}")


def _int_type(value: int) -> Type:
    """The smallest type that holds the number, as ClickHouse reads literals."""
    sign, bits = ("U", value.bit_length()) if value >= 0 else ("", (value + 1).bit_length() + 1)
    size = next(size for size in (8, 16, 32, 64) if bits <= size)
    return Type(kind=Kind.INT, name=f"{sign}Int{size}")


def quoted(text: str) -> str:
    """A string literal. DuckDB's parser ends at a NUL, which is therefore put in by a function."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"


def name_of(text: str) -> str:
    """A quoted identifier."""
    return '"' + text.replace('"', '""').replace("\0", "\\0") + '"'


def array(items: list[Expr]) -> Expr:
    """An array of items of one type.

    Raises:
        HogQLError: ``no_common_type``.
    """
    item = common_type([each.type for each in items])
    inside = ", ".join(cast(each, item).sql for each in items)
    return Expr(sql=f"[{inside}]", type=array_of(item), items=tuple(items))


def tuple_(items: list[Expr]) -> Expr:
    inside = ", ".join(each.sql for each in items)
    return Expr(
        sql=f"row({inside})", type=tuple_of([each.type for each in items]), items=tuple(items)
    )


SQL_NAMES = {
    Kind.BOOL: "BOOLEAN",
    Kind.INT: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.JSON: "VARCHAR",
    Kind.UUID: "UUID",
    Kind.DATE: "DATE",
    Kind.TIME: "TIMESTAMP",
}


def cast(expr: Expr, type_: Type) -> Expr:
    """The expression as a value of a type that ``common_type`` gave for it."""
    kinds = (expr.type.kind, type_.kind)
    if kinds in ((Kind.BOOL, Kind.INT), (Kind.BOOL, Kind.FLOAT), (Kind.INT, Kind.FLOAT)):
        return Expr(sql=f"CAST({expr.sql} AS {SQL_NAMES[type_.kind]})", type=type_)
    if kinds == (Kind.DATE, Kind.TIME):
        local = f"CAST({expr.sql} AS TIMESTAMP)"
        return Expr(sql=utc(local, type_.zone), type=type_)
    if type_.kind is Kind.TUPLE and expr.items:
        return tuple_([cast(*pair) for pair in zip(expr.items, type_.items, strict=True)])
    return Expr(sql=expr.sql, type=type_, value=expr.value, items=expr.items)


def number(expr: Expr) -> Expr:
    """The expression with a comparison's outcome as 0 or 1."""
    return cast(expr, INT.or_null(expr.type.nullable)) if expr.type.kind is Kind.BOOL else expr


def condition(expr: Expr) -> str:
    """SQL of a condition: any number but 0 is true."""
    if expr.type.kind in (Kind.INT, Kind.FLOAT):
        return f"({expr.sql} <> 0)"
    return expr.sql


def local(sql: str, zone: str) -> str:
    """A time in UTC as the clocks of the zone show it."""
    return sql if zone == "UTC" else f"timezone({quoted(zone)}, timezone('UTC', {sql}))"


def utc(sql: str, zone: str) -> str:
    """A time on the clocks of the zone as one in UTC."""
    return sql if zone == "UTC" else f"timezone('UTC', timezone({quoted(zone)}, {sql}))"


def default(type_: Type) -> str:
    """What ClickHouse has for a value that is not there and cannot be NULL."""
    if type_.nullable:
        return "NULL"
    if type_.kind is Kind.TUPLE:
        return f"row({', '.join(default(item) for item in type_.items)})"
    defaults = {
        Kind.BOOL: "FALSE",
        Kind.INT: "0",
        Kind.FLOAT: "CAST(0 AS DOUBLE)",
        Kind.STRING: "''",
        Kind.JSON: "''",
        Kind.UUID: "CAST('00000000-0000-0000-0000-000000000000' AS UUID)",
        Kind.DATE: "DATE '1970-01-01'",
        Kind.TIME: "TIMESTAMP '1970-01-01 00:00:00'",
        Kind.ARRAY: "[]",
    }
    return defaults.get(type_.kind, "NULL")
