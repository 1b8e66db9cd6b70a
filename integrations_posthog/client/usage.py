"""Usage, counted by PostHog: each method is one question and returns a typed answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import hogql, usage_replies
from .transport import Transport
from .usage_replies import AccountUsage, ChoiceCount, DayCount, GroupRow, QueryAnswer

TOO_LONG = "-" * (hogql.LONGEST_KEY + 1)
"""What PostHog is told to answer for every key that is too long; itself too long for one."""


@dataclass(frozen=True, kw_only=True)
class UsageRange:
    """Which usage is asked for.

    Attributes:
        days: which days are wanted.
        last_day: ends the 28 days whose top events are wanted; None where they are not.
        horizon: nothing that PostHog took in later is counted.
        part, parts: read one part of so many, by a hash of the account.
    """

    days: tuple[date, ...]
    last_day: date | None
    horizon: datetime
    part: int = 0
    parts: int = 1


class PostHogUsageClient:
    """Usage of one project.

    Every method raises the errors of ``replies`` and of ``Transport.post``.

    Args:
        origin: such as ``https://eu.posthog.com``.
        project_id: digits.
        new_transport: a transport with its own deadline, for each query.
        turn: within which each query is made.
        on_answer: told of every answer and its size in bytes.
    """

    def __init__(
        self,
        *,
        origin: str,
        project_id: str,
        new_transport: Callable[[], Transport],
        turn: Callable[[], AbstractContextManager[None]],
        on_answer: Callable[[QueryAnswer, int], None],
    ) -> None:
        self._url = f"{origin}/api/projects/{project_id}/query/"
        self._new_transport = new_transport
        self._turn = turn
        self._on_answer = on_answer

    def day_counts(self, *, first: date, last: date, horizon: datetime) -> list[DayCount]:
        """The days from first to last that have events, and how many each has."""
        values = _range(first, last) | {
            "origin": _text(first),
            "last_day": (last - first).days,
            "horizon": _moment(horizon),
        }
        answer = self._ask("days", hogql.DAY_COUNTS, values)
        return usage_replies.read_day_counts(answer, origin=first)

    def usage_page(self, *, key: str, asked: UsageRange, after: str | None) -> list[AccountUsage]:
        """Usage of up to 50,000 accounts, in the order of their keys; none is the end.

        Args:
            key: the expression of ``hogql`` for an account's key.
            asked: which days.
            after: the last account of the page before; None for the first page.
        """
        origin = min(asked.days)
        text = hogql.usage(
            key=key,
            is_first_page=after is None,
            parts=asked.parts,
            with_last_28_days=asked.last_day is not None,
        )
        answer = self._ask("usage", text, _usage_values(asked, origin=origin, after=after))
        return usage_replies.read_usage(answer, origin=origin, after=after)

    def coverage(
        self, *, choices: dict[str, str], first: date, last: date, horizon: datetime
    ) -> list[ChoiceCount]:
        """Events and accounts of each choice of an account's key, about the days given."""
        values = _range(first, last) | {"horizon": _moment(horizon)}
        return usage_replies.read_coverage(self._ask("coverage", hogql.coverage(choices), values))

    def groups(
        self, *, index: int, since: datetime, keys: list[str], after: str, longest: int
    ) -> list[GroupRow]:
        """Up to 1,000 groups of a type that changed or are named, in the order of their keys.

        Args:
            index: of the group type, 0 to 4.
            since: those that changed then or later.
            keys: of those that are wanted besides.
            after: the last key of the page before; '' for the first page.
            longest: bytes of a group's properties, as JSON; longer ones are left out.
        """
        values = {
            "index": index,
            "since": _moment(since),
            "keys": keys,
            "after": after,
            "longest": longest,
        }
        answer = self._ask("groups", hogql.GROUPS, values)
        return usage_replies.read_groups(answer, after=after)

    def _ask(self, name: str, text: str, values: dict[str, Any]) -> QueryAnswer:
        # PostHog serves an equal text from a cache for hours, unless it is made to compute.
        body = {
            "query": {"kind": "HogQLQuery", "query": text, "values": values},
            "refresh": "force_blocking",
            "name": f"beton: {name}",
        }
        with self._turn():
            transport = self._new_transport()
            try:
                reply = transport.post(self._url, json=body)
            finally:
                transport.close()
        answer = usage_replies.read_answer(reply)
        self._on_answer(answer, len(reply.body))
        return answer


def _usage_values(asked: UsageRange, *, origin: date, after: str | None) -> dict[str, Any]:
    before = timedelta(days=hogql.WINDOW_DAYS - 1)
    values: dict[str, Any] = {
        "origin": _text(origin),
        "days": _offsets(asked.days, origin),
        "horizon": _moment(asked.horizon),
        "too_long": TOO_LONG,
        "after": after,
        "part": asked.part,
    }
    values |= _range(min(asked.days), max(asked.days))
    values |= _range(min(asked.days) - before, max(asked.days), prefix="window_")
    if asked.last_day is not None:
        values |= _range(asked.last_day - before, asked.last_day, prefix="last_")
        values["last_day"] = (asked.last_day - origin).days
    return values


def _range(first: date, last: date, *, prefix: str = "") -> dict[str, str]:
    """Times that surely enclose the days, in whatever time zone."""
    day = timedelta(days=1)
    return {
        f"{prefix}from": f"{_text(first - day)} 00:00:00.000000",
        f"{prefix}to": f"{_text(last + 2 * day)} 00:00:00.000000",
    }


def _offsets(days: Iterable[date], origin: date) -> list[int]:
    return sorted((day - origin).days for day in days)


def _text(day: date) -> str:
    return day.isoformat()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
