"""What a definition would have been worth: how well its signals told who converts.

Days are numbers; 0 is the first one of the period, which ends with the day ``days - 1``. An account
converts on the first day on which it did what is the goal, once; one that had done so before the
period is no part of it.

- **Exposed** is an account by its first signal in the period, unless it has converted by the end of
  that day. It is followed over the ``horizon_days`` days after that day; the ones whose horizon
  reaches beyond the period are not counted, for nobody knows how they end.
- **Precision** is the share of the exposed that converts within the horizon.
- **Goals** are the conversions that a signal could have told in time: those with a whole horizon of
  the period before them. **Recall** is the share of them that came within the horizon after a
  signal, the day of the signal not included.
- **Lift** is precision by the share that would have converted within the same days without a
  signal; ``lift`` has how that is found.
- **Lead** is the time to a goal from the first signal within the horizon before it.
- **Caught by the N best a week**: the period is cut into weeks from its first day on. Signals of
  one definition are all worth the same when they fire, so those of a week are ranked by the
  accounts' size, the most active people first; an account stands there by its first signal of the
  week. A goal is caught if its account stood among the N first of a week by a signal that came
  before the goal, within the horizon. It is a share of all goals, so it cannot exceed recall.

With fewer than ``LEAST_EXPOSED`` or ``LEAST_GOALS`` nothing is told but the counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import median
from typing import Literal, NamedTuple

from .lift import Course, Interval, LiftEstimate

LEAST_EXPOSED = 10
LEAST_GOALS = 10
WEEKLY_TOPS = (5, 10, 25, 50)

_SURENESS = 1.959963984540054
"""Of a standard normal number, 95 % lie within so much of 0."""


@dataclass(frozen=True, kw_only=True)
class Fired:
    """A replayed signal: its day, and how many people were active in the account's 28 days."""

    day: int
    people: int


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An account in a backtest.

    Attributes:
        seen: its first day.
        goal: the first day on which it converted, be it before the period; None for never.
        signals: those of the period, in the order of their days.
        had_one_before: whether it had a signal before the period.
    """

    seen: int
    goal: int | None
    signals: tuple[Fired, ...] = ()
    had_one_before: bool = False

    @property
    def course(self) -> Course:
        first = self.signals[0].day if self.signals else None
        return Course(
            seen=self.seen, goal=self.goal, signal=first, had_one_before=self.had_one_before
        )

    def leading(self, horizon_days: int) -> list[Fired]:
        """The signals that came before its goal, within the horizon."""
        goal = self.goal
        if goal is None:
            return []
        return [signal for signal in self.signals if 1 <= goal - signal.day <= horizon_days]

    def lead(self, horizon_days: int) -> int | None:
        """Days from the first of them to its goal; None where there is none."""
        leading = self.leading(horizon_days)
        return self.goal - leading[0].day if leading and self.goal is not None else None


class Caught(NamedTuple):
    """Which share of the goals, 0 to 1, the ``n`` best accounts of each week would have caught."""

    n: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What the signals of a period were worth. Shares are from 0 to 1.

    Attributes:
        accounts: that were there by the end of the period.
        lift: None as well where too few accounts converted, with signals or without.
        caught_by_weekly_top: of several N; empty of too few.
    """

    sample: Literal["ok", "too_few"]
    accounts: int
    exposed: int
    goals: int
    signals_per_week: float
    precision: Interval | None = None
    recall: Interval | None = None
    lift: Interval | None = None
    median_lead_days: float | None = None
    caught_by_weekly_top: tuple[Caught, ...] = ()


def statistics_of(
    accounts: Sequence[Tried], *, days: int, horizon_days: int, seed: int = 0
) -> Statistics:
    """What the signals of a period were worth.

    Args:
        days: the period's length.
        seed: of the bootstrap; the same seed gives the same interval.
    """
    courses = [account.course for account in accounts]
    exposed = [one for one in courses if one.is_exposed and (one.signal or 0) + horizon_days < days]
    goals = {
        number: account
        for number, account in enumerate(accounts)
        if account.goal is not None and horizon_days <= account.goal < days
    }
    fired = sum(len(account.signals) for account in accounts)
    counts = Statistics(
        sample="too_few",
        accounts=len(accounts),
        exposed=len(exposed),
        goals=len(goals),
        signals_per_week=7 * fired / days if days else 0.0,
    )
    if len(exposed) < LEAST_EXPOSED or len(goals) < LEAST_GOALS:
        return counts
    hits = sum(one.converts_within(horizon_days) for one in exposed)
    leads = [lead for one in goals.values() if (lead := one.lead(horizon_days)) is not None]
    return replace(
        counts,
        sample="ok",
        precision=wilson(hits, of=len(exposed)),
        recall=wilson(len(leads), of=len(goals)),
        lift=LiftEstimate(courses, days=days, horizon=horizon_days).interval(seed=seed),
        median_lead_days=float(median(leads)) if leads else None,
        caught_by_weekly_top=_caught(accounts, goals, horizon_days),
    )


def wilson(hits: int, *, of: int) -> Interval:
    """A share with its 95 % interval after Wilson (1927), without a correction of continuity.

    Args:
        of: how many there are; at least 1.
    """
    share, z2 = hits / of, _SURENESS**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = _SURENESS * sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    # Rounding must not leave the share outside.
    low, high = max(min(middle - reach, share), 0.0), min(max(middle + reach, share), 1.0)
    return Interval(value=share, low=low, high=high)


def _caught(
    accounts: Sequence[Tried], goals: Collection[int], horizon_days: int
) -> tuple[Caught, ...]:
    """For each N the share of the goals, which are places of accounts in the sequence."""
    places = _weekly_places(accounts)
    best = []
    for number in goals:
        weeks = {signal.day // 7 for signal in accounts[number].leading(horizon_days)}
        best.append(min((places[week, number] for week in weeks), default=max(WEEKLY_TOPS) + 1))
    return tuple(
        Caught(n=top, share=sum(place <= top for place in best) / len(goals)) for top in WEEKLY_TOPS
    )


def _weekly_places(accounts: Sequence[Tried]) -> dict[tuple[int, int], int]:
    """Where each account stands in a week, from 1 on, by the week and the account's number."""
    weeks: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for number, account in enumerate(accounts):
        for signal in account.signals:
            weeks[signal.day // 7].setdefault(number, signal.people)
    places: dict[tuple[int, int], int] = {}
    for week, sizes in weeks.items():
        ranked = sorted(sizes, key=lambda number: (-sizes[number], number))
        places |= {(week, number): place for place, number in enumerate(ranked, start=1)}
    return places
