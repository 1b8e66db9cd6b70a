"""Use cases of a workspace's definitions: what counts as a signal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import QuerySet, Sum

from ...encryption import redact
from ...errors import InvalidInput, InvalidRule, NotFound
from ...models import Account, AccountEvent, SignalDefinition, SignalDefinitionVersion, UsageSource
from ...pql.facts import judge_rule
from ...pql.rules import Rule, RuleError, parse_rule
from ...pql.templates import Proposal, proposals
from ..inputs import is_id
from ..store import Actor, ConnectionStore
from . import scores
from .backtest import BacktestResult, run_backtest
from .evaluation import evaluate
from .evidence import Receipt, receipt_of
from .judging import facts_of, history_of, statement_of

logger = logging.getLogger(__name__)

MOST_DEFINITIONS = 50
MOST_EVENTS_PROPOSED = 200
SHOWN_IN_PREVIEW = 20

State = SignalDefinition.State


@dataclass(frozen=True, kw_only=True)
class Match:
    """An account that a rule is met for, and why."""

    account: Account
    receipt: Receipt


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a rule would find as of a day; ``as_of`` is None while nothing can be judged yet.

    ``matches`` are the first ones, of the most active accounts.
    """

    as_of: date | None
    count: int
    matches: tuple[Match, ...]


class DefinitionService:
    """The definitions of one workspace, acted upon by one actor.

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

    def definitions(self) -> QuerySet[SignalDefinition]:
        """All definitions, with what they say now."""
        mine = SignalDefinition.objects.filter(workspace_id=self.workspace.pk)
        return mine.select_related("version").order_by("id")

    def definition(self, definition_id: str) -> SignalDefinition:
        """One definition.

        Raises:
            NotFound: there is none with this id in this workspace.
        """
        mine = self.definitions()
        found = mine.filter(pk=int(definition_id)).first() if is_id(definition_id) else None
        if found is None:
            raise NotFound(hint="There is no such definition in this workspace.")
        return found

    def create(
        self, *, name: str, weight: int, cooldown_days: int, rule: object
    ) -> SignalDefinition:
        """A new definition, as a draft.

        Raises:
            InvalidRule: the rule cannot be; the hint tells where and why.
            InvalidInput: there are too many definitions.
        """
        _parsed(rule)
        with self._store.transaction():
            if self.definitions().count() >= MOST_DEFINITIONS:
                most = f"A workspace has {MOST_DEFINITIONS} definitions at most."
                raise InvalidInput(hint=f"{most} Change one that is no longer needed.")
            definition = SignalDefinition.objects.create(workspace_id=self.workspace.pk)
            says = {"name": name, "weight": weight, "cooldown_days": cooldown_days, "rule": rule}
            return self._say(definition, number=1, **says)

    def update(self, definition_id: str, **changes: Any) -> SignalDefinition:
        """A new version of a definition; what has fired keeps the version that it fired by. It is
        evaluated anew if its rule changes, and else goes on.

        Args:
            changes: of name, weight, cooldown_days and rule, those that change.

        Raises:
            NotFound: there is no such definition.
            InvalidRule: the rule cannot be.
        """
        if "rule" in changes:
            _parsed(changes["rule"])
        with self._store.transaction():
            definition = self.definition(definition_id)
            before = definition.version
            assert before is not None  # noqa: S101  (made in one transaction with it)
            says = _columns(before, "name", "weight", "cooldown_days", "rule")
            if says | changes != says:
                after = says | changes | {"number": before.number + 1}
                if parse_rule(after["rule"]) == parse_rule(before.rule):
                    # The same episodes, which fired already: it goes on from there.
                    after |= _columns(before, "evaluated_from", "evaluated_to", "evaluated_at")
                else:
                    definition.prompt_from = self._last_day()
                    definition.save(update_fields=["prompt_from"])
                definition = self._say(definition, **after)
        self._evaluate(definition)
        return self.definition(definition_id)

    def _say(self, definition: SignalDefinition, **says: Any) -> SignalDefinition:
        definition.version = SignalDefinitionVersion.objects.create(
            definition=definition,
            actor_name=self._actor.name[:255],
            created_at=self._clock(),
            **says,
        )
        definition.save(update_fields=["version"])
        return definition

    def activate(self, definition_id: str) -> SignalDefinition:
        """Evaluate the definition from now on, and right away; what it would have found while it
        was paused is late.

        Raises:
            NotFound: there is no such definition.
        """
        return self._change_state(definition_id, State.ACTIVE)

    def pause(self, definition_id: str) -> SignalDefinition:
        """Evaluate the definition no more; its signals do not count meanwhile.

        Raises:
            NotFound: there is no such definition.
        """
        return self._change_state(definition_id, State.PAUSED)

    def _change_state(self, definition_id: str, state: str) -> SignalDefinition:
        with self._store.transaction():
            definition = self.definition(definition_id)
            if state == State.ACTIVE != definition.state:
                definition.prompt_from = self._last_day()
            definition.state = state
            definition.save(update_fields=["state", "prompt_from"])
        self._evaluate(definition)
        return self.definition(definition_id)

    def _last_day(self) -> date | None:
        """The project's last day that is over; None if nothing is known of the project."""
        source = self.source()
        return source.day_at(self._clock()) - timedelta(days=1) if source else None

    def _evaluate(self, definition: SignalDefinition) -> None:
        """Evaluate what has just been saved. Where that fails, it is logged, and the end of the
        next sync evaluates the same days."""
        source = self.source()
        if source is None:
            return
        try:
            if definition.state == State.ACTIVE:
                evaluate(source, now=self._clock(), definition_id=definition.pk)
            else:
                scores.refresh_as_held(source)
        except Exception:
            logger.exception("Evaluating signal definition %s failed", definition.pk)

    def source(self) -> UsageSource | None:
        """What is held of the workspace's usage."""
        found = UsageSource.objects.filter(connection__workspace_id=self.workspace.pk)
        return found.select_related("connection").first()

    def preview(self, rule: object, *, as_of: date | None = None) -> Preview:
        """What a rule would find.

        Args:
            as_of: the day that its windows end with; None for the last one that is over.

        Raises:
            InvalidRule: the rule cannot be.
            InvalidInput: the rule cannot be judged as of that day.
        """
        parsed = _parsed(rule)
        source = self.source()
        history = history_of(source) if source else None
        if source is None or history is None or history.first_for(parsed) > history.last:
            return Preview(as_of=None, count=0, matches=())
        day = as_of or history.last
        if not history.first_for(parsed) <= day <= history.last:
            first = history.first_for(parsed)
            raise InvalidInput(hint=f"as_of is a day from {first} to {history.last}.")
        return _preview(parsed, source, day)

    def preview_definition(self, definition_id: str, *, as_of: date | None = None) -> Preview:
        """What a definition finds; as ``preview``.

        Raises:
            NotFound: there is no such definition.
            InvalidInput: it cannot be judged as of that day.
        """
        version = self.definition(definition_id).version
        assert version is not None  # noqa: S101  (made in one transaction with it)
        return self.preview(version.rule, as_of=as_of)

    def backtest(
        self,
        definition_id: str,
        *,
        goal_event: str,
        horizon_days: int,
        first: date | None = None,
        last: date | None = None,
    ) -> BacktestResult:
        """How well a definition would have told which accounts do the goal event.

        Raises:
            NotFound: there is no such definition.
            InvalidInput: there is no such event, or the days cannot be; the hint tells which.
        """
        definition, source = self.definition(definition_id), self.source()
        if source is None:
            raise InvalidInput(
                hint="No usage is held yet to replay the definition over. Start a sync."
            )
        return run_backtest(
            definition,
            source=source,
            goal_event=goal_event,
            horizon_days=horizon_days,
            first=first,
            last=last,
        )

    def event_names(self) -> list[str]:
        """The events that accounts did in the last 28 days, the most frequent first."""
        rows = AccountEvent.objects.filter(
            account__source__connection__workspace_id=self.workspace.pk
        )
        counted = rows.values("event__name").annotate(total=Sum("events"))
        ordered = counted.order_by("-total", "event__name")[:MOST_EVENTS_PROPOSED]
        return [row["event__name"] for row in ordered]

    def templates(self) -> list[Proposal]:
        """Definitions to start from, with events that the project has."""
        return proposals(self.event_names())


def _columns(version: SignalDefinitionVersion, *names: str) -> dict[str, Any]:
    return {name: getattr(version, name) for name in names}


def _preview(rule: Rule, source: UsageSource, day: date) -> Preview:
    statement = statement_of(rule, source, first=day, last=day)
    ids = [episode.account_id for episode in statement.episodes()]
    most_active = Account.objects.filter(source=source, pk__in=ids).order_by("-events_28d", "id")
    shown = {account.pk: account for account in most_active[:SHOWN_IN_PREVIEW]}
    facts = dict(facts_of(shown, first=_back(rule, day), last=day))
    bars = statement.bars()
    matches = []
    for account in shown.values():
        days, first_seen = facts[account.pk], account.first_seen or day
        verdict = judge_rule(rule, days, as_of=day, first_seen=first_seen, bars=bars)
        matches.append(Match(account=account, receipt=receipt_of(verdict, days)))
    return Preview(as_of=day, count=len(ids), matches=tuple(matches))


def _back(rule: Rule, day: date) -> date:
    return date.fromordinal(day.toordinal() - rule.lookback)


def _parsed(rule: object) -> Rule:
    try:
        return parse_rule(rule)
    except RuleError as exc:
        # A path may hold a key that was pasted in the wrong place.
        raise InvalidRule(hint=f"{redact(str(exc))}.") from exc
