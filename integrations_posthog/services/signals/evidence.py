"""The receipt of a signal: what was counted, what it was compared with, and the days behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from ...models import Account, UsageSource
from ...pql.facts import Days, Judgement, Verdict, measure
from ...pql.rules import FirstTime, OwnPast
from ...pql.sentences import sentence_of


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Why a rule is met for an account as of a day."""

    sentence: str
    evidence: dict[str, Any]


def receipt_of(verdict: Verdict, days: Days) -> Receipt:
    """The receipt of a verdict; its first condition that is met stands for the whole."""
    met = [one for one in verdict.judgements if one.met]
    headline = (met or list(verdict.judgements))[0]
    evidence = judgement_data(headline) | {
        "window": _window(headline),
        "threshold": headline.needed,
        "series": _series(headline, days),
        "conditions": [judgement_data(one) for one in verdict.judgements],
    }
    for name in ("met", "needed", "as_of"):
        del evidence[name]
    return Receipt(sentence=sentence_of(verdict), evidence=evidence)


def judgement_data(one: Judgement) -> dict[str, Any]:
    """A condition and what it came to."""
    events = one.condition.events
    return {
        "measure": one.condition.measure,
        "events": None if events is None else list(events),
        "days": one.condition.days,
        "as_of": one.as_of.isoformat(),
        "met": one.met,
        "value": one.value,
        "before": one.before,
        "needed": one.needed,
    }


def _window(one: Judgement) -> dict[str, Any]:
    first = one.as_of - timedelta(days=one.condition.days - 1)
    return {"from": first.isoformat(), "to": one.as_of.isoformat(), "days": one.condition.days}


def _series(one: Judgement, days: Days) -> list[dict[str, Any]]:
    """What the condition counts, day by day: of its window and of the time that it is compared
    with, oldest first."""
    compares = isinstance(one.condition.compare, OwnPast | FirstTime)
    length = one.condition.lookback if compares else one.condition.days
    span = [one.as_of - timedelta(days=ago) for ago in reversed(range(length))]
    return [{"day": day.isoformat(), "value": _of_day(one, days, day)} for day in span]


def _of_day(one: Judgement, days: Days, day: date) -> int:
    condition = one.condition
    facts = days.get(day)
    if condition.measure == "active_people":
        return measure(condition, days, last=day)
    if facts is None:
        return 0
    if condition.measure == "distinct_events":
        names = set(facts.by_event)
        return len(names if condition.events is None else names & set(condition.events))
    return facts.count(condition.events)


def posthog_url(source: UsageSource, account: Account) -> str:
    """Where the customer's PostHog shows the account: its group, or the people or events that make
    it one (products/groups/manifest.tsx, frontend/src/scenes/persons/personsSceneLogic.ts and
    frontend/src/scenes/activity/explore in PostHog's source)."""
    base = f"{source.posthog_host}/project/{source.posthog_project_id}"
    if source.strategy == UsageSource.Strategy.GROUP:
        return f"{base}/groups/{source.value}/{quote(account.key, safe='')}"
    if source.strategy == UsageSource.Strategy.EMAIL_DOMAIN:
        return _people(base, search=f"@{account.key}")
    if source.strategy == UsageSource.Strategy.PERSON_PROPERTY:
        return _people(base, properties=[_is(source.value, account.key, of="person")])
    events = {"select": ["*", "event", "person", "timestamp"], "after": "-30d"}
    wanted = {"properties": [_is(source.value, account.key, of="event")]}
    return f"{base}/activity/explore#q={_table('EventsQuery', events | wanted)}"


def _people(base: str, **wanted: Any) -> str:
    people = {"select": ["person", "id", "created_at"]}
    return f"{base}/persons#q={_table('ActorsQuery', people | wanted)}"


def _table(kind: str, asked: dict[str, Any]) -> str:
    """A table of PostHog's, as its pages find it in their address."""
    table = {
        "kind": "DataTableNode",
        "full": True,
        "propertiesViaUrl": True,
        "source": {"kind": kind, **asked},
    }
    return quote(json.dumps(table, separators=(",", ":")), safe="")


def _is(name: str, value: str, *, of: str) -> dict[str, Any]:
    return {"key": name, "value": [value], "operator": "exact", "type": of}
