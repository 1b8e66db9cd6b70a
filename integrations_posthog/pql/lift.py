"""How much more often accounts convert after a signal than those without one, at the same time.

The baseline is what the accounts without a signal did on the very days on which those with one were
followed: of each day, the share that converted of those that were there, had not converted and had
no signal yet (a Kaplan-Meier estimate by the calendar). An account counts for it up to the day of
its signal, and never after. To leave out whoever gets a signal some day instead would look into the
future: it would leave out the late ones that did not convert, and keep those that did.

The interval is of a bootstrap over accounts, by percentiles (Efron and Tibshirani, An Introduction
to the Bootstrap, chapter 13).

numpy is loaded where it is needed first: it takes 11 MB, which no sync has a use for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Numbers = NDArray[numpy.int64]
    Shares = NDArray[numpy.float64]

RESAMPLES = 1_000
LEAST_CONVERSIONS = 5
"""After signals and without them, each; below this a bootstrap tells nothing."""

_PERCENTILES = (2.5, 97.5)
_SURE = 1 - 1e-12
"""Stands for a day on which everybody converted, whose logarithm is to be finite."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """What became of an account. Days are numbers; 0 is the first one of the period.

    Attributes:
        seen: its first day.
        goal: the first day on which it converted, be it before the period; None for never.
        signal: the day of its first signal in the period; None for none.
        had_one_before: whether it had a signal before the period; then it is no part of the
            baseline.
    """

    seen: int
    goal: int | None
    signal: int | None
    had_one_before: bool = False

    @property
    def is_exposed(self) -> bool:
        """Whether it had a signal before it converted."""
        return self.signal is not None and (self.goal is None or self.signal < self.goal)

    def converts_within(self, days: int) -> bool:
        """Whether it converted on one of so many days after its signal."""
        if self.signal is None or self.goal is None:
            return False
        return 1 <= self.goal - self.signal <= days


class LiftEstimate:
    """The lift of a period.

    Args:
        days: the period's length.
        horizon: for how many days after its signal an account is followed.
    """

    def __init__(self, courses: Sequence[Course], *, days: int, horizon: int) -> None:
        import numpy

        self._days, self._horizon = days, horizon
        self._never = days  # A day that never comes.
        facts = [self._facts(course) for course in courses]
        columns = numpy.array(facts, dtype=numpy.int64).reshape(-1, 5)
        # Accounts that fare alike are counted together; in whatever order they come.
        kinds, kind_of_each = numpy.unique(columns, axis=0, return_inverse=True)
        self._kinds = numpy.sort(kind_of_each)
        self._begins, self._ends, self._converted, self._followed, self._hits = kinds.T.copy()

    def _facts(self, course: Course) -> tuple[int, int, int, int, int]:
        """When it begins and ceases to count for the baseline, the day on which it converts as a
        part of it, the day of its signal where that is followed to the end, whether it converts."""
        never, begins = self._never, max(course.seen, 0) + 1
        goal = never if course.goal is None else course.goal
        signal = course.signal if course.is_exposed and course.signal is not None else never
        ends = min(goal, signal, never - 1) + 1
        if ends <= begins or course.had_one_before:
            begins = ends = never
        converted = goal if begins <= goal < ends else never
        followed = signal if signal + self._horizon < self._days else never
        hits = followed < never and course.converts_within(self._horizon)
        return min(begins, never), min(ends, never), converted, followed, int(hits)

    def interval(self, *, seed: int) -> Interval | None:
        """The lift; None where there are too few conversions to tell, or to set a limit.

        Args:
            seed: decides which accounts the resamples draw.
        """
        import numpy

        counts = numpy.bincount(self._kinds)
        without = int(counts[self._converted < self._never].sum()) if len(counts) else 0
        if min(int(counts @ self._hits), without) < LEAST_CONVERSIONS:
            return None
        generator, size = numpy.random.default_rng(seed), len(self._kinds)
        lifts = []
        for _ in range(RESAMPLES):
            drawn = self._kinds[generator.integers(size, size=size, dtype=numpy.int32)]
            lifts.append(self._lift(numpy.bincount(drawn, minlength=len(counts))))
        # Of values that were drawn, not between them: a lift may be infinite.
        low, high = numpy.percentile(lifts, _PERCENTILES, method="inverted_cdf")
        if not math.isfinite(high):
            return None
        return Interval(value=self._lift(counts), low=float(low), high=float(high))

    def _lift(self, counts: Numbers) -> float:
        """The lift of so many accounts of each kind."""
        followed = self._by_day(self._followed, counts)
        signals, expected = followed.sum(), followed @ self._baseline(counts)
        if not expected:
            return math.inf if signals else 1.0
        return float(counts @ self._hits / expected)

    def _baseline(self, counts: Numbers) -> Shares:
        """For each day: what share of the accounts without a signal converts within the horizon."""
        import numpy

        comes, goes = self._by_day(self._begins, counts), self._by_day(self._ends, counts)
        there = numpy.cumsum(comes - goes)
        rates = self._by_day(self._converted, counts) / numpy.maximum(there, 1)
        lasting = numpy.cumsum(numpy.log1p(-numpy.minimum(rates, _SURE)))
        shares = numpy.zeros(self._days)
        last = self._days - self._horizon
        if last > 0:
            shares[:last] = -numpy.expm1(lasting[self._horizon :] - lasting[:last])
        return shares

    def _by_day(self, days: Numbers, counts: Numbers) -> Shares:
        """How many accounts have each day of the period for theirs."""
        import numpy

        found = numpy.bincount(days, weights=counts, minlength=self._days + 1)
        return found[: self._days].astype("float64", copy=False)
