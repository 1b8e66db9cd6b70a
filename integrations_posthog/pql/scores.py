"""An account's score: what its signals are worth by now, as a sum of parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

HALF_LIFE_DAYS = 14
"""After which a signal is worth half."""

LEAST_POINTS = 0.1
HIGHEST = 100.0

GRADES = ((80, "M100"), (60, "M75"), (40, "M50"), (20, "M25"))
LOWEST_GRADE = "M10"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one definition adds to a score, by its newest signal of the account; or, without a
    definition, what is taken off or added to stay between 0 and 100."""

    points: float
    definition_id: int | None = None
    name: str = ""
    signal_id: int | None = None
    fired_on: date | None = None

    def as_plain_data(self) -> dict[str, Any]:
        fired_on = self.fired_on.isoformat() if self.fired_on else None
        if self.definition_id is None:
            return {"definition": None, "signal_id": None, "fired_on": None, "points": self.points}
        return {
            "definition": {"id": str(self.definition_id), "name": self.name},
            "signal_id": str(self.signal_id),
            "fired_on": fired_on,
            "points": self.points,
        }


def points_of(*, weight: int, fired_on: date, as_of: date) -> float:
    """What a signal is worth as of a day, to a tenth of a point."""
    age = max((as_of - fired_on).days, 0)
    worth: float = weight * 0.5 ** (age / HALF_LIFE_DAYS)
    return round(worth, 1)


def score_of(parts: Iterable[Part]) -> tuple[float, list[Part]]:
    """The score, from 0 to 100, and the parts that it is the sum of, the largest first."""
    kept = [part for part in parts if abs(part.points) >= LEAST_POINTS]
    kept.sort(key=lambda part: (-part.points, part.definition_id or 0))
    total = round(sum(part.points for part in kept), 1)
    score = min(max(total, 0.0), HIGHEST)
    if score != total:
        kept.append(Part(points=round(score - total, 1)))
    return score, kept


def grade_of(score: float) -> str:
    """M100 from 80 points on, M75 from 60, M50 from 40, M25 from 20, M10 below."""
    return next((grade for least, grade in GRADES if score >= least), LOWEST_GRADE)
