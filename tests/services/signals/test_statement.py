"""The statement that a rule becomes says the same as plain arithmetic over each account's days."""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection

from beton.models import Workspace
from integrations_posthog.models import Account, UsageEvent, UsageSource
from integrations_posthog.pql.facts import judge_rule
from integrations_posthog.pql.rules import Rule, parse_rule
from integrations_posthog.services.signals.statement import RuleStatement
from tests.rules import facts_of, random_rule, store_random_usage
from tests.usage import store_source

pytestmark = pytest.mark.django_db

FIRST = date(2026, 3, 1)
DAYS = 30
RULES_OF_A_WORLD = 25
SEEDS = range(connection.vendor == "postgresql", 12, 2)
"""Every other world is put into SQLite, the others into PostgreSQL."""


def statement(rule: Rule, source: UsageSource, first: date, last: date) -> RuleStatement:
    ids = dict(UsageEvent.objects.filter(source=source).values_list("name", "id"))
    return RuleStatement(rule, source=source, event_ids=ids, first=first, last=last)


def met_days(rule: Rule, source: UsageSource, first: date, last: date) -> set[tuple[int, date]]:
    found = set()
    for episode in statement(rule, source, first, last).episodes():
        end = episode.until or last + timedelta(days=1)
        days = range((end - episode.first).days)
        found |= {(episode.account_id, episode.first + timedelta(days=n)) for n in days}
    return found


def judged_days(rule: Rule, source: UsageSource, first: date, last: date) -> set[tuple[int, date]]:
    bars = statement(rule, source, first, last).bars()
    facts, found = facts_of(source), set()
    for account in Account.objects.filter(source=source).exclude(first_seen=None):
        born = account.first_seen
        assert born is not None
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            mine = facts.get(account.pk, {})
            verdict = judge_rule(rule, mine, as_of=day, first_seen=born, bars=bars)
            if verdict.met and born <= day:
                found.add((account.pk, day))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_many_days_two_days_one_day_and_plain_arithmetic_agree(seed: int, acme: Workspace) -> None:
    chance = Random(f"rules {seed}")
    source = store_source(acme)
    store_random_usage(source, chance, accounts=8, first=FIRST, days=DAYS)
    for _ in range(RULES_OF_A_WORLD):
        data = random_rule(chance)
        rule = parse_rule(data)
        first = FIRST + timedelta(days=chance.randrange(15))
        last = first + timedelta(days=chance.randrange(2, 14))
        expected = judged_days(rule, source, first, last)
        assert met_days(rule, source, first, last) == expected, json.dumps(data)
        day = first + timedelta(days=chance.randrange((last - first).days))
        for until in (day, day + timedelta(days=1)):
            some = {pair for pair in expected if day <= pair[1] <= until}
            assert met_days(rule, source, day, until) == some, json.dumps(data)


@pytest.mark.parametrize("span", [1, 2, 3])
@pytest.mark.parametrize("joined", ["all", "any"])
def test_of_another_source_nothing_counts(
    joined: str, span: int, acme: Workspace, globex: Workspace
) -> None:
    chance = Random("two sources")
    ours, others = store_source(acme), store_source(globex)
    for source in (ours, others):
        store_random_usage(source, chance, accounts=8, first=FIRST, days=DAYS)
    last = FIRST + timedelta(days=DAYS - 1)
    first = last - timedelta(days=span - 1)
    nothing = {"to": "value", "at_most": 3}
    rule = parse_rule({joined: [condition("events", nothing), condition("active_days", nothing)]})
    found = {pair[0] for pair in met_days(rule, ours, first, last)}
    assert found
    assert found <= set(ours.accounts.values_list("id", flat=True))


def condition(measure: str, compare: dict[str, Any]) -> dict[str, Any]:
    return {"measure": measure, "events": None, "days": 7, "compare": compare}
