"""How the commands print the report of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.management.color import Style

from ..errors import PostHogIntegrationError

_LABELS = {
    "key": "Key",
    "region": "Region",
    "scopes": "Scopes",
    "project": "Project",
    "query": "Query",
}
_MARKS = {"passed": "✓", "failed": "✗", "unknown": "?", "not_reached": "-"}


def report_lines(report: Sequence[Mapping[str, str]], *, style: Style) -> list[str]:
    """One line a step: a mark, the step, what was found."""
    paint = {"passed": style.SUCCESS, "failed": style.ERROR, "unknown": style.WARNING}
    return [
        f"  {paint.get(step['state'], str)(_MARKS[step['state']])} "
        f"{_LABELS[step['name']]:<9}{step['detail']}".rstrip()
        for step in report
    ]


def error_text(error: PostHogIntegrationError) -> str:
    """What happened and what to do, on one line."""
    return f"{error.message}. {error.hint or ''}".rstrip()
