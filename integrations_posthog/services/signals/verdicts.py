"""Whether a rule's conditions are met, as SQL over their numbers."""

from __future__ import annotations

from ...pql.facts import exact
from ...pql.rules import Condition, FirstTime, OwnPast, Percentile, Value


def verdict_of(condition: Condition, *, value: str, before: str, bar: str) -> str:
    """Whether a condition is met.

    Args:
        value: what it measures.
        before: the same of the time before, for the conditions that compare with it.
        bar: what a percentile stands for.
    """
    compare = condition.compare
    if isinstance(compare, Value):
        if compare.at_most is not None:
            return f"({value} <= {compare.at_most})"
        return f"({value} >= {compare.at_least})"
    if isinstance(compare, Percentile):
        return f"({value} > 0 AND {value} >= {bar})"
    if isinstance(compare, FirstTime):
        return f"({value} > 0 AND {before} = 0)"
    return _verdict_on_past(compare, value=value, before=before)


def _verdict_on_past(compare: OwnPast, *, value: str, before: str) -> str:
    volume = f"({value} >= {compare.min_volume} OR {before} >= {compare.min_volume})"
    if compare.ratio_at_most is not None:
        ratio = compared(value, "<=", compare.ratio_at_most, before)
    else:
        ratio = compared(value, ">=", compare.ratio_at_least or 0, before)
    return f"({before} > 0 AND {volume} AND {ratio})"


def compared(value: str, sign: str, ratio: float, other: str) -> str:
    """A whole number compared with so many times another one, without any rounding."""
    above, below = exact(ratio).as_integer_ratio()
    return f"CAST({value} AS NUMERIC) * {below} {sign} CAST({other} AS NUMERIC) * {above}"
