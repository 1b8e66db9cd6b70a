"""Use cases of a workspace's signals: what was found, what people made of it, and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models

from ...errors import InvalidInput, NotFound
from ...models import Account, FitCriteria, Signal, SignalDefinition, UsageSource
from ...models.pql import SignalQuerySet
from ...pql.facts import Verdict, judge_rule
from ...pql.fit import CriterionError, parse_criteria
from ...pql.rules import parse_rule
from ..inputs import is_id
from ..store import Actor, ConnectionStore
from . import scores
from .evaluation import evaluate
from .judging import facts_of, history_of, statement_of


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Whether a definition is met for an account as of a day, and by what, or why not.

    ``as_of`` and ``verdict`` are None while too little history is held to tell.
    """

    definition: SignalDefinition
    account: Account
    as_of: date | None
    verdict: Verdict | None


class SignalService:
    """The signals of one workspace, acted upon by one actor.

    Args:
        workspace: an instance of the host's workspace model.
        actor: who acts.
        clock: tells the time, with its zone.
    """

    def __init__(
        self, *, workspace: models.Model, actor: Actor, clock: Callable[[], datetime]
    ) -> None:
        self.workspace = workspace
        self._actor = actor
        self._clock = clock
        self._store = ConnectionStore(workspace=workspace, actor=actor, clock=clock)

    def signals(
        self,
        *,
        definition: str | None = None,
        account: str | None = None,
        state: str | None = None,
        day: date | None = None,
        late: bool | None = None,
    ) -> SignalQuerySet:
        """Signals, with their definitions and accounts; by default all.

        Args:
            definition, account: ids. What is none, or not of this workspace, has no signals.
            day: on which they fired.
        """
        mine = Signal.objects.filter(version__definition__workspace_id=self.workspace.pk)
        if not all(is_id(text) for text in (definition, account) if text is not None):
            return mine.none()
        columns: dict[str, Any] = {
            "version__definition": definition,
            "account": account,
            "state": state,
        }
        columns |= {"fired_on": day, "late": late}
        mine = mine.filter(**{name: value for name, value in columns.items() if value is not None})
        return mine.select_related("version", "account__source__connection")

    def signal(self, signal_id: str) -> Signal:
        """One signal.

        Raises:
            NotFound: there is none with this id in this workspace.
        """
        found = self.signals().filter(pk=int(signal_id)).first() if is_id(signal_id) else None
        if found is None:
            raise NotFound(hint="There is no such signal in this workspace.")
        return found

    def acknowledge(self, signal_id: str) -> Signal:
        """Somebody has taken note of it. It goes on to count.

        Raises:
            NotFound: there is no such signal.
        """
        return self._change_state(signal_id, Signal.State.ACKNOWLEDGED)

    def dismiss(self, signal_id: str, *, reason: str) -> Signal:
        """It is of no use, for a reason; it counts no more.

        Raises:
            NotFound: there is no such signal.
        """
        return self._change_state(signal_id, Signal.State.DISMISSED, reason=reason)

    def evaluate(self) -> list[Signal]:
        """Evaluate all active definitions over what is held, and renew the scores.

        Returns:
            The signals that fired now.
        """
        held = UsageSource.objects.filter(connection__workspace_id=self.workspace.pk)
        source = held.select_related("connection").first()
        return evaluate(source, now=self._clock()) if source else []

    def _change_state(self, signal_id: str, state: str, *, reason: str = "") -> Signal:
        with self._store.transaction():
            signal = self.signal(signal_id)
            signal.state, signal.state_reason = state, reason
            signal.state_actor_name = self._actor.name[:255]
            signal.state_changed_at = self._clock()
            columns = ["state", "state_reason", "state_actor_name", "state_changed_at"]
            signal.save(update_fields=columns)
            scores.refresh_as_held(signal.account.source)
        return signal

    def explain(
        self, *, account: Account, definition: SignalDefinition, as_of: date | None = None
    ) -> Explanation:
        """Whether a definition is met for an account, and if not, what is missing.

        Args:
            as_of: the day that its windows end with; None for the last one that is over.

        Raises:
            InvalidInput: the definition cannot be judged as of that day.
        """
        assert definition.version is not None  # noqa: S101  (made in one transaction with it)
        rule = parse_rule(definition.version.rule)
        source: UsageSource = account.source
        history = history_of(source)
        # Before it was seen an account meets nothing, whatever its numbers are.
        first = max(history.first_for(rule), account.first_seen or date.max) if history else None
        if history is None or first is None or first > history.last:
            return Explanation(definition=definition, account=account, as_of=None, verdict=None)
        day = as_of or history.last
        if not first <= day <= history.last:
            raise InvalidInput(hint=f"as_of is a day from {first} to {history.last}.")
        back = date.fromordinal(day.toordinal() - rule.lookback)
        [(_, days)] = facts_of([account.pk], first=back, last=day)
        bars = statement_of(rule, source, first=day, last=day).bars()
        first_seen = account.first_seen or day
        verdict = judge_rule(rule, days, as_of=day, first_seen=first_seen, bars=bars)
        return Explanation(definition=definition, account=account, as_of=day, verdict=verdict)

    def fit_criteria(self) -> list[dict[str, Any]]:
        """What makes an account fit: conditions on properties of its group."""
        found = FitCriteria.objects.filter(workspace_id=self.workspace.pk).first()
        return list(found.criteria) if found else []

    def change_fit_criteria(self, criteria: object) -> list[dict[str, Any]]:
        """Judge the fit of accounts by other criteria.

        Raises:
            InvalidInput: they cannot be; the hint tells where and why.
        """
        try:
            parsed = parse_criteria(criteria)
        except CriterionError as exc:
            raise InvalidInput(hint=f"{exc}.") from exc
        with self._store.transaction():
            FitCriteria.objects.update_or_create(
                workspace_id=self.workspace.pk, defaults={"criteria": parsed}
            )
            source = UsageSource.objects.filter(
                connection__workspace_id=self.workspace.pk
            ).select_related("connection")
            for one in source:
                scores.refresh_as_held(one)
        return self.fit_criteria()
