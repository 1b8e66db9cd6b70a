"""What the form that maps events to accounts takes in."""

from __future__ import annotations

from collections.abc import Mapping


def chosen_mapping(posted: Mapping[str, str]) -> tuple[str, str]:
    """The strategy and the value in a posted form; they may be none that there are.

    A choice is ``strategy:value``, or a strategy alone, whose value is in the field of that name.
    """
    strategy, is_measured, value = posted.get("choice", "").partition(":")
    return strategy, value if is_measured else posted.get(strategy, "")
