"""How the command ``posthog_signals`` prints: ranked accounts, previews and explanations."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from django.db.models import QuerySet

from ..models import Account, Signal
from ..pql.scores import grade_of
from ..pql.sentences import found_text, needed_text
from ..services.signals.definitions import Preview
from ..services.signals.scores import RANKING
from ..services.signals.signals import Explanation

_NARROWEST, _WIDEST = 80, 120
_NAME = 26
_MARKS = {True: "✓", False: "✗"}
_TOO_LITTLE = "too little history is held to tell."


def lead_lines(
    accounts: QuerySet[Account], *, signals: QuerySet[Signal], most: int
) -> Iterator[str]:
    """A table of the best accounts: score, grade, name and why, with the points for it; one line or
    more each. Nothing where there is none."""
    shown = list(accounts.order_by(*RANKING)[:most])
    if not shown:
        return
    behind = [part["signal_id"] for account in shown for part in account.score_parts]
    found = signals.filter(pk__in=[pk for pk in behind if pk])
    sentences = {str(pk): text for pk, text in found.values_list("pk", "sentence")}
    yield f"{'Score':>6}  {'Grade':<5}  {'Account':<{_NAME}}  Why"
    for account in shown:
        head = f"{account.score:>6.1f}  {grade_of(account.score):<5}  {_short(account.name)}  "
        reasons = [
            f"{part['points']:+3.0f}  {sentences[part['signal_id']]}"
            for part in account.score_parts
            if part["signal_id"] in sentences
        ]
        yield from _hanging(head, reasons)


def preview_lines(name: str, preview: Preview) -> Iterator[str]:
    """What a definition finds, with the first of the accounts."""
    if preview.as_of is None:
        yield f"{name}: {_TOO_LITTLE}"
        return
    accounts = "1 account" if preview.count == 1 else f"{preview.count:,} accounts"
    yield f"{name}: {accounts} as of {preview.as_of}"
    for match in preview.matches:
        yield from _hanging(f"  {_short(match.account.name)}  ", [match.receipt.sentence])
    if preview.count > len(preview.matches):
        yield f"  and {preview.count - len(preview.matches):,} more"


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """Whether a definition is met, and each of its conditions in words."""
    definition, verdict = explanation.definition, explanation.verdict
    name = f"{definition} ({definition.get_state_display().lower()})"
    if verdict is None:
        yield f"? {name}: {_TOO_LITTLE}"
        return
    met = "met" if verdict.met else "not met"
    yield f"{_MARKS[verdict.met]} {name}: {met} as of {explanation.as_of}"
    for one in verdict.judgements:
        text = found_text(one) if one.met else needed_text(one)
        yield from _hanging(f"    {_MARKS[one.met]} ", [text])


def _hanging(head: str, texts: Sequence[str]) -> Iterator[str]:
    """Texts beside a head, each from a line of its own on, none wider than the terminal."""
    columns = min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    lines = [line for text in texts for line in textwrap.wrap(text, columns - len(head))]
    for number, line in enumerate(lines or [""]):
        yield f"{head if number == 0 else ' ' * len(head)}{line}".rstrip()


def _short(name: str) -> str:
    return f"{name if len(name) <= _NAME else name[: _NAME - 1] + '…':<{_NAME}}"


def printable(text: str) -> str:
    """A line without what would steer a terminal: names come from outside."""
    return "".join(one if one.isprintable() else "�" for one in text)
