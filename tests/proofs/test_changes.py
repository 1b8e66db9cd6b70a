"""An evaluation of what has changed fires what one of everything would, and says what is late.

Days are read one after another, and now and then older ones once more, with other usage than
before. What fires is held against the plain rule of which episodes fire, over all days; of these,
the ones that begin on a day that is new, or not before one that has changed.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

import pytest
from django.db import connection

from beton.models import Workspace
from integrations_posthog.models import (
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinitionVersion,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.pql.episodes import firing
from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.signals.judging import statement_of
from tests.rules import random_rule, store_day, store_random_usage
from tests.usage import store_source

from .test_as_of import DAYS, FIRST, ZONE, days, define, hold, morning_after, read_again

pytestmark = pytest.mark.django_db

DEFINITIONS = 8
SEEDS = range(connection.vendor == "postgresql", 100 if os.environ.get("SOAK") else 4, 2)
"""Every other world is put into SQLite, the others into PostgreSQL."""


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_fire_what_the_whole_would_fire_and_are_late(seed: int, acme: Workspace) -> None:
    chance = Random(f"changes {seed}")
    source = store_source(acme, project_timezone=ZONE)
    store_random_usage(source, chance, accounts=8, first=FIRST, days=DAYS)
    versions = [
        define(acme, random_rule(chance), chance.choice([0, 3, 10])) for _ in range(DEFINITIONS)
    ]
    evaluated, since = None, FIRST
    for day in days():
        hold(source, day, read_at=morning_after(day))
        since = min(since, day)
        if evaluated is not None and chance.random() < 0.4:
            since = min(since, change(source, chance, last=day, read_at=morning_after(day)))
        if chance.random() < 0.2:
            continue  # The next evaluation has two new days.
        evaluate_and_compare(source, versions, evaluated=evaluated, since=since, day=day)
        evaluated, since = day, day + timedelta(days=1)
        if chance.random() < 0.2:
            # The newest day does not add up any more, so that no day can be judged that is new.
            source.days.filter(day=day).update(state="red")
            again = morning_after(day) + timedelta(hours=1)
            changed = change(source, chance, last=day - timedelta(days=1), read_at=again)
            evaluate_and_compare(source, versions, evaluated=day, since=changed, day=day, hours=1)
            source.days.filter(day=day).update(state="green")
    assert Signal.objects.filter(late=True).exists()
    assert Signal.objects.filter(late=False).count() > 10


def evaluate_and_compare(
    source: UsageSource,
    versions: Sequence[SignalDefinitionVersion],
    *,
    evaluated: date | None,
    since: date,
    day: date,
    hours: int = 0,
) -> None:
    """Evaluate some hours after a day was read.

    Args:
        evaluated: the last day that was evaluated before.
        since: the first day that is new or has changed.
    """
    known = set(Signal.objects.values_list("pk", flat=True))
    fired = evaluate(source, now=morning_after(day) + timedelta(hours=hours))
    for version in versions:
        mine = [signal for signal in fired if signal.version_id == version.pk]
        expected = whole(version, source, known=known, since=since, last=day)
        assert pairs(mine) == expected, text(version)
        prompt_from = first_prompt_day(version, evaluated=evaluated, last=day)
        assert [one.late for one in mine] == [one.fired_on < prompt_from for one in mine]


def change(source: UsageSource, chance: Random, *, last: date, read_at: datetime) -> date:
    """Some accounts did something else on an older day, or nothing; never on their first one.

    Returns:
        The day.
    """
    events = list(UsageEvent.objects.filter(source=source).order_by("pk"))
    changed = last - timedelta(days=chance.randrange(12))
    for account in source.accounts.filter(first_seen__lt=changed).order_by("pk"):
        if chance.random() < 0.5:
            AccountEventDay.objects.filter(account=account, day=changed).delete()
            AccountDay.objects.filter(account=account, day=changed).delete()
            if chance.random() < 0.7:
                store_day(account, changed, events, chance)
    read_again(source, first=changed, last=changed, read_at=read_at)
    return changed


def whole(
    version: SignalDefinitionVersion,
    source: UsageSource,
    *,
    known: set[int],
    since: date,
    last: date,
) -> set[tuple[int, date]]:
    """What fires over all days that can be judged, given what had fired before; as far as it
    begins since a day."""
    rule = parse_rule(version.rule)
    begins = FIRST + timedelta(days=rule.lookback - 1)
    if begins > last:
        return set()
    before = defaultdict(list)
    for signal in Signal.objects.filter(version=version, pk__in=known):
        before[signal.account_id].append(signal.fired_on)
    episodes = statement_of(rule, source, first=begins, last=last).episodes()
    found = firing(episodes, fired=before, cooldown_days=version.cooldown_days)
    return {(one.account_id, one.first) for one in found if one.first >= since}


def first_prompt_day(
    version: SignalDefinitionVersion, *, evaluated: date | None, last: date
) -> date:
    """The first day that nobody had evaluated before; the last one where the rule is new."""
    begins = FIRST + timedelta(days=parse_rule(version.rule).lookback - 1)
    if evaluated is None or evaluated < begins:
        return last
    return evaluated + timedelta(days=1)


def pairs(signals: Sequence[Signal]) -> set[tuple[int, date]]:
    return {(signal.account_id, signal.fired_on) for signal in signals}


def text(version: SignalDefinitionVersion) -> str:
    return json.dumps(version.rule)
