"""Values of DuckDB as PostHog's renderer sends them (posthog/renderers.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .kinds import Kind, Type

Convert = Callable[[Any], Any]


def converted(rows: list[tuple[Any, ...]], types: Sequence[Type]) -> list[list[Any]]:
    """The rows with every value as JSON has it."""
    converts = [_converter(type_) for type_ in types]
    if not any(converts):
        return [list(row) for row in rows]
    return [_row(row, converts) for row in rows]


def _row(row: Sequence[Any], converts: Sequence[Convert | None]) -> list[Any]:
    return [
        value if value is None or convert is None else convert(value)
        for value, convert in zip(row, converts, strict=True)
    ]


def _converter(type_: Type) -> Convert | None:
    """What makes JSON of a value of the type that is not NULL; None where it is JSON already."""
    if type_.kind is Kind.TIME:
        return _iso_in(type_.zone)
    if type_.kind is Kind.FLOAT:
        return lambda value: value if math.isfinite(value) else None
    if type_.kind is Kind.BOOL and type_.name:
        return int
    if type_.kind in (Kind.UUID, Kind.DATE):
        return str
    if type_.kind is Kind.ARRAY:
        return _array(_converter(type_.items[0]))
    if type_.kind is Kind.TUPLE:
        converts = [_converter(item) for item in type_.items]
        return (lambda value: _row(value, converts)) if any(converts) else None
    return None


def _array(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values: [each if each is None else convert(each) for each in values]


def _iso_in(zone: str) -> Convert:
    """ISO 8601 in the zone: ``Z`` in UTC, microseconds only where they are not zero."""
    if zone == "UTC":
        return lambda moment: f"{moment.isoformat()}Z"
    home = ZoneInfo(zone)

    def iso(moment: datetime) -> str:
        return moment.replace(tzinfo=UTC).astimezone(home).isoformat().replace("+00:00", "Z")

    return iso
