"""What a translation is given, and the functions that it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..grammar import HogQLError
from .sql import Expr


@dataclass(frozen=True, kw_only=True)
class Context:
    """``zone`` is the project's; ``relation`` gives the SQL that a table is read from."""

    zone: str
    now: datetime
    relation: Callable[[str], str]


Build = Callable[[Context, Sequence[Expr]], Expr]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of ``least`` to ``most`` arguments, any number where ``most`` is None."""

    least: int
    most: int | None
    build: Build


def check_count(name: str, count: int, *, least: int, most: int | None, term: str) -> None:
    """PostHog's words for too few or too many (posthog/hogql/functions/core.py).

    Raises:
        HogQLError: there are.
    """
    few, many = count < least, most is not None and count > most
    if least == most and (few or many):
        expected = f"{least} argument{'s' if least != 1 else ''}"
    elif few:
        expected = f"at least {least} argument{'s' if least != 1 else ''}"
    elif many:
        expected = f"at most {most} argument{'s' if most != 1 else ''}"
    else:
        return
    raise HogQLError(f"{term} '{name}' expects {expected}, found {count}")


def zone_of(expr: Expr) -> str:
    """The time zone that a constant names.

    Raises:
        HogQLError: it names none.
    """
    name = expr.text or ""
    try:
        return str(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError):
        raise HogQLError(f"Unknown timezone: '{name}'") from None
