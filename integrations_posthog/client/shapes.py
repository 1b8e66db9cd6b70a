"""Values of a query's answer, as far as they have the shape that was asked for.

Each of these raises ``ApiError`` for what has another one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ..errors import ApiError

_MAX_COUNT = 10**13
"""So that sums of counts stay integers of the database's."""

_FARTHEST_DAY = 40_000


class Days(dict[Any, date]):
    """Days by their distance from the origin, each made once: a reply names each very often."""

    def __init__(self, origin: date) -> None:
        super().__init__()
        self._origin = origin

    def __missing__(self, offset: object) -> date:
        self[offset] = day(self._origin, offset)
        return self[offset]


def integers(values: object) -> list[int]:
    if type(values) is not list or not set(map(type, values)) <= {int}:
        raise misshapen()
    return values


def misshapen() -> ApiError:
    return ApiError(status=200)


def tuples(value: object, length: int) -> list[list[Any]]:
    if type(value) is not list:
        raise misshapen()
    for item in value:
        if type(item) is not list or len(item) != length:
            raise misshapen()
    return value


def day(origin: date, offset: object) -> date:
    if type(offset) is not int or not -_FARTHEST_DAY < offset < _FARTHEST_DAY:
        raise misshapen()
    return origin + timedelta(days=offset)


def counts(values: object) -> list[int]:
    numbers = integers(values)
    if numbers and (min(numbers) < 0 or max(numbers) > _MAX_COUNT):
        raise misshapen()
    return numbers


def count(value: object) -> int:
    return counts([value])[0]


def string(value: object) -> str:
    if type(value) is not str:
        raise misshapen()
    return value


def moment(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(string(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as exc:
        raise misshapen() from exc
