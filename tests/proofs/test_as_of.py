"""What was found day by day is what a replay finds: nothing of it looks into the future.

Random usage, without events that come in late, is put into the tables day by day, and evaluated
after each, now and then after days that were read again and had not changed. In the end the same
definitions are evaluated once over all of it, and replayed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    SyncDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.services.signals import evaluation
from integrations_posthog.services.signals.backtest import replay
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.sync import figures
from tests.rules import random_rule, store_random_usage
from tests.usage import store_source

pytestmark = pytest.mark.django_db

FIRST = date(2026, 3, 1)
DAYS = 40
DEFINITIONS = 8
SEEDS = range(connection.vendor == "postgresql", 100 if os.environ.get("SOAK") else 6, 2)
"""Every other world is put into SQLite, the others into PostgreSQL."""
ZONE = "UTC"

Found = set[tuple[str, date, str, str]]


@pytest.fixture(autouse=True)
def _everything_is_evaluated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new definition looks back on all days, so that one evaluation covers the whole history."""
    monkeypatch.setattr(evaluation, "START_DAYS", DAYS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_replay_finds_what_was_found_day_by_day(
    seed: int, acme: Workspace, globex: Workspace
) -> None:
    chance = Random(f"as of {seed}")
    whole = store_source(globex, project_timezone=ZONE)
    store_random_usage(whole, chance, accounts=8, first=FIRST, days=DAYS)
    rules = [(random_rule(chance), chance.choice([0, 3, 10])) for _ in range(DEFINITIONS)]
    live = store_source(acme, project_timezone=ZONE)
    mine = [define(acme, rule, cooldown_days) for rule, cooldown_days in rules]
    for day in days():
        grow(live, whole, day)
        if chance.random() < 0.3:
            some = day - timedelta(days=chance.randrange(1, 15))
            read_again(live, first=some, last=day, read_at=morning_after(day))
        evaluate(live, now=morning_after(day))
    theirs = [define(globex, rule, cooldown_days) for rule, cooldown_days in rules]
    for day in days():
        hold(whole, day, read_at=morning_after(FIRST + timedelta(days=DAYS)))
    evaluate(whole, now=morning_after(FIRST + timedelta(days=DAYS)))

    for ours, other in zip(mine, theirs, strict=True):
        assert found_by(ours) == found_by(other), json.dumps(ours.rule)
        assert found_by(ours, late=True) == set(), "Nothing was late day by day"
        assert pairs_of(found_by(ours)) == replayed(other, whole), json.dumps(ours.rule)
    assert sum(len(found_by(version)) for version in mine) > 5 * DEFINITIONS


def test_a_period_of_a_replay_has_the_signals_of_the_whole_within_it(acme: Workspace) -> None:
    chance = Random("period")
    source = store_source(acme, project_timezone=ZONE)
    store_random_usage(source, chance, accounts=8, first=FIRST, days=DAYS)
    for day in days():
        hold(source, day, read_at=morning_after(day))
    begins, ends = FIRST + timedelta(days=25), FIRST + timedelta(days=33)
    number = 0
    for _ in range(30):
        version = define(acme, random_rule(chance), 5)
        if parse_rule(version.rule).lookback > 20:
            continue
        whole = replayed(version, source)
        part = replayed(version, source, first=begins, last=ends)
        assert part == {pair for pair in whole if begins <= pair[1] <= ends}
        number += len(part)
    assert number > 20


def days() -> Iterator[date]:
    return (FIRST + timedelta(days=number) for number in range(DAYS))


def morning_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(1), tzinfo=UTC)


def define(
    workspace: Workspace, rule: dict[str, Any], cooldown_days: int
) -> SignalDefinitionVersion:
    definition = SignalDefinition.objects.create(workspace=workspace, state="active")
    definition.version = SignalDefinitionVersion.objects.create(
        definition=definition,
        number=1,
        name="Random",
        rule=rule,
        weight=10,
        cooldown_days=cooldown_days,
        actor_name="alice",
    )
    definition.save()
    return definition.version


def hold(source: UsageSource, day: date, *, read_at: datetime) -> None:
    SyncDay.objects.create(
        source=source,
        day=day,
        state="green",
        events_posthog=0,
        horizon=read_at,
        verified_at=read_at,
    )


def grow(source: UsageSource, whole: UsageSource, day: date) -> None:
    """One more day of the whole usage, as a sync after midnight stores it."""
    names = {event.name: event for event in UsageEvent.objects.filter(source=source)}
    for row in AccountEventDay.objects.filter(account__source=whole, day=day).select_related():
        name = UsageEvent.objects.get(pk=row.event_id).name
        if name not in names:
            names[name] = UsageEvent.objects.create(source=source, name=name)
        AccountEventDay.objects.create(
            account=account_like(source, row.account),
            day=day,
            event=names[name],
            events=row.events,
            people=row.people,
        )
    for row_of_day in AccountDay.objects.filter(account__source=whole, day=day).select_related():
        AccountDay.objects.create(
            account=account_like(source, row_of_day.account),
            day=day,
            events=row_of_day.events,
            people=row_of_day.people,
            people_7d=row_of_day.people_7d,
            people_28d=row_of_day.people_28d,
        )
    hold(source, day, read_at=morning_after(day))
    figures.refresh(source, as_of=day)


def read_again(source: UsageSource, *, first: date, last: date, read_at: datetime) -> None:
    """Days are verified once more."""
    source.days.filter(day__range=(first, last)).update(verified_at=read_at, horizon=read_at)


def account_like(source: UsageSource, other: Account) -> Account:
    return Account.objects.get_or_create(source=source, key=other.key, name=other.name)[0]


def found_by(version: SignalDefinitionVersion, **columns: Any) -> Found:
    """(account, day, sentence, evidence) of the signals of a definition."""
    rows = Signal.objects.filter(version=version, **columns)
    return {
        (key, day, sentence, json.dumps(evidence, sort_keys=True))
        for key, day, sentence, evidence in rows.values_list(
            "account__key", "fired_on", "sentence", "evidence"
        )
    }


def pairs_of(found: Found) -> set[tuple[str, date]]:
    return {(key, day) for key, day, *_ in found}


def replayed(
    version: SignalDefinitionVersion,
    source: UsageSource,
    *,
    first: date | None = None,
    last: date = FIRST + timedelta(days=DAYS - 1),
) -> set[tuple[str, date]]:
    rule = parse_rule(version.rule)
    begins = first or FIRST + timedelta(days=rule.lookback - 1)
    if begins > last:
        return set()
    keys = dict(source.accounts.values_list("id", "key"))
    found = replay(version, source=source, last=last)
    return {(keys[one.account_id], one.first) for one in found if one.first >= begins}
