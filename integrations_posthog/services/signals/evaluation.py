"""Evaluation: what fires, for the days that are new and for those that have changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Min

from ...models import (
    Account,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    SyncDay,
    UsageSource,
)
from ...pql.episodes import Episode, firing
from ...pql.facts import judge_rule
from ...pql.rules import Rule, parse_rule
from ..locks import lock_workspace_of
from . import scores
from .deliveries import enqueue
from .evidence import posthog_url, receipt_of
from .judging import History, facts_of, history_of, statement_of

START_DAYS = 28
"""How far back a new version is evaluated, so that its list is not empty on its first day."""

_SIGNALS_AT_A_TIME = 500


def evaluate(
    source: UsageSource,
    *,
    now: datetime,
    definition_id: int | None = None,
) -> list[Signal]:
    """Evaluate the active definitions of a source's workspace, and renew the scores.

    Each definition is one transaction, so that a crash costs no more than having to go on; what is
    evaluated twice fires nothing twice.

    Args:
        definition_id: of the only one to evaluate; None for all.

    Returns:
        The signals that fired now.

    Raises:
        ExceptionGroup: what went wrong with some definitions, after all others were evaluated.
    """
    fired: list[Signal] = []
    history = history_of(source)
    if history is not None:
        active = SignalDefinition.objects.active().filter(
            workspace_id=source.connection.workspace_id
        )
        if definition_id is not None:
            active = active.filter(pk=definition_id)
        failures: list[Exception] = []
        for each in active.order_by("id").values_list("id", flat=True):
            try:
                fired += _evaluate(each, source, history, now=now)
            except Exception as exc:  # noqa: BLE001  (raised when the others have had their turn)
                failures.append(exc)
        scores.refresh(source, as_of=history.last)
        if failures:
            raise ExceptionGroup("Definitions could not be evaluated", failures)
    return fired


def _evaluate(
    definition_id: int, source: UsageSource, history: History, *, now: datetime
) -> list[Signal]:
    with transaction.atomic():
        # Two workers do not evaluate one definition at once, and nobody removes the accounts
        # meanwhile. The version is read once the other one is done: how far it has come is in
        # there.
        if not lock_workspace_of(source):
            return []
        active = SignalDefinition.objects.active().select_related("version")
        definition = active.filter(pk=definition_id).first()
        if definition is None or definition.version is None:
            return []
        version = definition.version
        rule = parse_rule(version.rule)
        # Before anything is read: a day that is stored meanwhile is a change for the next time,
        # even if it was verified before this began.
        verified_until = _newest_reading(source)
        span = _span(version, rule, source, history)
        if span is None:
            return []
        if definition.prompt_from is not None:
            span = replace(span, prompt_from=max(span.prompt_from, definition.prompt_from))
        signals = _fire(version, rule, source, span)
        Signal.objects.bulk_create(signals, batch_size=_SIGNALS_AT_A_TIME)
        enqueue(signals, now=now)
        version.evaluated_from, version.evaluated_to = span.begins, span.last
        version.evaluated_at = verified_until
        version.save(update_fields=["evaluated_from", "evaluated_to", "evaluated_at"])
        return signals


@dataclass(frozen=True, kw_only=True)
class _Span:
    """The days as of which a version is evaluated now.

    Attributes:
        begins: the first day as of which this version was ever evaluated.
        first, last: the days whose episodes may fire now.
        prompt_from: the first day that is neither evaluated again nor long over; what fires on
            the days before it is late.
    """

    begins: date
    first: date
    last: date
    prompt_from: date


def _span(
    version: SignalDefinitionVersion, rule: Rule, source: UsageSource, history: History
) -> _Span | None:
    earliest, last = history.first_for(rule), history.last
    if earliest > last:
        return None
    evaluated_at, evaluated_to = version.evaluated_at, version.evaluated_to
    if evaluated_at is None or evaluated_to is None or evaluated_at < source.created_at:
        begins = max(earliest, last - timedelta(days=START_DAYS - 1))
        return _Span(begins=begins, first=begins, last=last, prompt_from=last)
    begins = version.evaluated_from or evaluated_to
    changed = _first_change(source, since=evaluated_at, until=evaluated_to)
    new = evaluated_to + timedelta(days=1)
    first = max(min(changed or new, new), begins, earliest)
    if first > last:
        return None
    return _Span(begins=begins, first=first, last=max(last, evaluated_to), prompt_from=new)


def _newest_reading(source: UsageSource) -> datetime | None:
    found: datetime | None = source.days.aggregate(newest=Max("verified_at"))["newest"]
    return found


def _first_change(source: UsageSource, *, since: datetime, until: date) -> date | None:
    """The first day that was read anew since then, up to a day."""
    days = SyncDay.objects.filter(source=source, verified_at__gt=since, day__lte=until)
    found: date | None = days.aggregate(first=Min("day"))["first"]
    return found


def _fire(
    version: SignalDefinitionVersion, rule: Rule, source: UsageSource, span: _Span
) -> list[Signal]:
    """Signals of the episodes that begin within the span, with their receipts; not stored yet."""
    # The day before tells which episodes began earlier.
    asked = span.first if span.first == span.begins else span.first - timedelta(days=1)
    statement = statement_of(rule, source, first=asked, last=span.last)
    episodes = [one for one in statement.episodes() if one.first >= span.first]
    if not episodes:
        return []
    since = span.first - timedelta(days=version.cooldown_days)
    fired = _fired_by(version, accounts={one.account_id for one in episodes}, since=since)
    found = firing(episodes, fired=fired, cooldown_days=version.cooldown_days)
    return _signals(version, rule, source, found, span, bars=statement.bars())


def _fired_by(
    version: SignalDefinitionVersion, *, accounts: Collection[int], since: date
) -> dict[int, list[date]]:
    """When the definition fired since a day, in any of its versions, by account."""
    found: defaultdict[int, list[date]] = defaultdict(list)
    signals = Signal.objects.filter(
        version__definition_id=version.definition_id, fired_on__gte=since
    )
    for account_id, day in signals.values_list("account_id", "fired_on"):
        if account_id in accounts:
            found[account_id].append(day)
    return found


def _signals(
    version: SignalDefinitionVersion,
    rule: Rule,
    source: UsageSource,
    episodes: Sequence[Episode],
    span: _Span,
    *,
    bars: dict[tuple[int, date], float],
) -> list[Signal]:
    by_account: defaultdict[int, list[date]] = defaultdict(list)
    for episode in episodes:
        by_account[episode.account_id].append(episode.first)
    accounts = Account.objects.in_bulk(list(by_account))
    horizons = dict(source.days.filter(day__gte=span.first).values_list("day", "horizon"))
    found: list[Signal] = []
    back = span.first - timedelta(days=rule.lookback)
    for account_id, days in facts_of(by_account, first=back, last=span.last):
        account = accounts[account_id]
        for day in by_account[account_id]:
            verdict = judge_rule(
                rule, days, as_of=day, first_seen=account.first_seen or day, bars=bars
            )
            receipt = receipt_of(verdict, days)
            found.append(
                Signal(
                    version=version,
                    account=account,
                    fired_on=day,
                    late=day < span.prompt_from,
                    sentence=receipt.sentence,
                    evidence=receipt.evidence,
                    horizon=horizons.get(day),
                    posthog_url=posthog_url(source, account),
                )
            )
    return found
