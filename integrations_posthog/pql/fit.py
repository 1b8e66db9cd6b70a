"""How an account suits the workspace, whatever it does: by properties of its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .rules import NO_TEXT


class CriterionError(ValueError):
    """A criterion of fit that cannot be. ``path`` is where."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


MOST_CRITERIA = 20
LONGEST_NAME = 100
LARGEST = 10**12


def parse_criteria(data: object) -> list[dict[str, Any]]:
    """Criteria of fit: ``[{"property": "employees", "at_least": 50}, {"property": "plan",
    "one_of": ["team"]}]``.

    Raises:
        CriterionError: an unknown key, or a wrong type.
    """
    if not isinstance(data, list) or len(data) > MOST_CRITERIA:
        raise CriterionError("criteria", f"give a list of up to {MOST_CRITERIA}")
    return [_criterion(item, f"criteria[{at}]") for at, item in enumerate(data)]


def _criterion(data: object, path: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise CriterionError(path, "is a JSON object")
    name, rest = data.get("property"), data.keys() - {"property"}
    if not _is_text(name):
        raise CriterionError(f"{path}.property", f"is a name of 1 to {LONGEST_NAME} characters")
    if len(rest) != 1 or not rest <= {"at_least", "at_most", "one_of"}:
        raise CriterionError(path, "give exactly one of at_least, at_most, one_of")
    [bound] = rest
    value = data[bound]
    if bound == "one_of":
        is_list = isinstance(value, list) and 1 <= len(value) <= MOST_CRITERIA
        if not is_list or not all(_is_text(one) for one in value):
            reason = f"is a list of 1 to {MOST_CRITERIA} texts of 1 to {LONGEST_NAME} characters"
            raise CriterionError(f"{path}.one_of", reason)
    elif type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        raise CriterionError(f"{path}.{bound}", f"is a number from -{LARGEST} to {LARGEST}")
    return {"property": name, bound: value}


def _is_text(value: object) -> bool:
    is_short = isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME
    return is_short and not NO_TEXT.search(str(value))


def fit_of(
    properties: Mapping[str, Any] | None, criteria: Sequence[Mapping[str, Any]]
) -> float | None:
    """How many of the criteria an account meets, from 0 to 100; None where nothing is known of it,
    or nothing is asked for."""
    if not properties or not criteria:
        return None
    met = sum(_meets(properties.get(one["property"]), one) for one in criteria)
    return round(100 * met / len(criteria), 1)


def _meets(value: Any, criterion: Mapping[str, Any]) -> bool:
    if "one_of" in criterion:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return text in criterion["one_of"]
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    if "at_least" in criterion:
        return bool(number >= criterion["at_least"])
    return bool(number <= criterion["at_most"])
