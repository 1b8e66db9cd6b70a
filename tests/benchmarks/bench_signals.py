"""Evaluating definitions and backtesting them, beside plain SQL and beside a query per account.

All figures are ratios within one run over the same tables: 20,000 accounts of very different
activity over 365 days, each at work on some 30 % of them. SQLite gets a tenth of the accounts, and
no limits: they are meant for the database that serves many.

The queries per account are what a detector asks in Django: an aggregate of the ORM for each account
and definition, whose numbers Python compares. They find the same accounts as the plain SQL does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
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
    UsageSource,
)
from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.services.signals.backtest import run_backtest
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.signals.judging import statement_of

from .a_year import store_year
from .conftest import Table
from .per_account import detector
from .plain_signals import fetch, plain_sql

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 20_000 if connection.vendor == "postgresql" else 2_000
DAYS = 365
FIRST = date(2025, 11, 21)
LAST = FIRST + timedelta(days=DAYS - 1)
NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
SAMPLE = 100
"""Accounts that are asked for one by one; what they take is scaled to all."""
ROUNDS = 3
"""Of which the quickest counts, for what else the machine does only adds to it."""
EVENTS = ("$pageview", "report viewed", "comment added", "export run", "invite sent", "upgraded")


def condition(measure: str, days: int, compare: dict[str, Any], *events: str) -> dict[str, Any]:
    return {"measure": measure, "events": list(events) or None, "days": days, "compare": compare}


def at_least(value: int) -> dict[str, Any]:
    return {"to": "value", "at_least": value}


def rise(ratio: float, volume: int) -> dict[str, Any]:
    return {"to": "own_past", "ratio_at_least": ratio, "min_volume": volume}


def fall(ratio: float, volume: int) -> dict[str, Any]:
    return {"to": "own_past", "ratio_at_most": ratio, "min_volume": volume}


def first_time(silent_days: int) -> dict[str, Any]:
    return {"to": "first_time", "silent_days": silent_days}


CONDITIONS = [
    condition("active_people", 7, rise(1.5, 4)),
    condition("active_people", 28, rise(1.5, 4)),
    condition("active_people", 7, at_least(20)),
    condition("events", 14, rise(4, 40)),
    condition("events", 14, fall(0.2, 40)),
    condition("active_days", 14, fall(0, 3)),
    condition("events", 14, at_least(15), "$pageview"),
    condition("events", 7, at_least(20), "report viewed", "comment added"),
    condition("events", 28, rise(5, 16), "export run"),
    condition("active_days", 14, at_least(7), "report viewed"),
    condition("active_days", 28, at_least(20)),
    condition("active_days", 28, rise(4, 9), "comment added", "export run"),
    condition("distinct_events", 28, rise(3, 6)),
    condition("distinct_events", 14, rise(3, 3), "$pageview", "report viewed", "comment added"),
    condition("events", 7, first_time(60), "invite sent"),
    condition("events", 7, first_time(30), "upgraded"),
    condition("events", 7, at_least(55)),
    condition("events", 28, rise(4, 60)),
    condition("events", 7, rise(8, 16), "$pageview"),
    condition("active_days", 7, at_least(7)),
]
"""Twenty definitions, with all measures, as the templates have them and as customers may. Each
begins to be met by some hundred accounts a day at most, which is still far more than usual."""


@pytest.fixture
def year(acme: Workspace) -> UsageSource:
    return store_year(acme, accounts=ACCOUNTS, events=EVENTS, first=FIRST, days=DAYS, now=NOW)


def test_evaluation_and_backtest(acme: Workspace, year: UsageSource, table: Table) -> None:
    definitions = [define(acme, each) for each in CONDITIONS]
    rows = AccountDay.objects.count() + AccountEventDay.objects.count()
    table.add("rows of usage", rows / 1e6, "M")
    add_evaluation(year, table)
    for number in (0, 3):
        name = f"backtest of 365 days, {CONDITIONS[number]['measure']}"
        one = definitions[number]
        replayed = min(timed(lambda: backtest(year, one)) for _ in range(ROUNDS))  # noqa: B023
        single = evaluation_of(year, one)
        table.add(name, replayed, "s")
        table.add(f"{name}, by one evaluation", replayed / single, at_most=limit(60))


def add_evaluation(year: UsageSource, table: Table) -> None:
    plain_texts = [plain_sql(each, year, LAST) for each in CONDITIONS]
    for each, text in zip(CONDITIONS, plain_texts, strict=True):
        agree(each, year, text)
    evaluation = evaluation_of(year)
    plain = min(timed(lambda: [fetch(text) for text in plain_texts]) for _ in range(ROUNDS))
    one_by_one = query_per_account(year, plain_texts) * ACCOUNTS / SAMPLE
    table.add("20 definitions evaluated for a new day", evaluation, "s")
    table.add("plain SQL of the same measures", plain, "s")
    table.add("evaluation, by plain SQL", evaluation / plain, at_most=limit(2))
    table.add(f"a query per account, of {SAMPLE} scaled to all", one_by_one, "s")
    table.add("a query per account, by evaluation", one_by_one / evaluation, at_least=limit(50))


def limit(value: float) -> float | None:
    """SQLite's figures are printed only."""
    return value if connection.vendor == "postgresql" else None


def define(workspace: Workspace, data: dict[str, Any]) -> SignalDefinition:
    made = SignalDefinition.objects.create(workspace=workspace, state="active")
    made.version = SignalDefinitionVersion.objects.create(
        definition=made,
        number=1,
        name=data["measure"],
        rule={"all": [data]},
        weight=10,
        cooldown_days=14,
        actor_name="alice",
    )
    made.save()
    return made


def agree(data: dict[str, Any], year: UsageSource, text: str) -> None:
    """The plain SQL asks for the same accounts."""
    rule = parse_rule({"all": [data]})
    episodes = statement_of(rule, year, first=LAST, last=LAST).episodes()
    assert {one.account_id for one in episodes} == {row[0] for row in fetch(text)}, data


def timed(work: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def evaluation_of(year: UsageSource, one: SignalDefinition | None = None) -> float:
    """Seconds for what is done after the sync of a new day, with all that fires and the scores."""
    seconds = []
    for _ in range(ROUNDS):
        Signal.objects.all().delete()
        before = {"evaluated_from": FIRST, "evaluated_to": LAST - timedelta(days=1)}
        SignalDefinitionVersion.objects.update(evaluated_at=NOW, **before)
        fire = lambda: evaluate(year, now=NOW, definition_id=one.pk if one else None)  # noqa: E731
        seconds.append(timed(fire))
        assert 0 < Signal.objects.count() < ACCOUNTS / 5  # A few of all.
    return min(seconds)


def query_per_account(year: UsageSource, plain_texts: Sequence[str]) -> float:
    """Seconds for asking about some accounts one by one, by every definition."""
    ids = Account.objects.filter(source=year).order_by("id").values_list("id", flat=True)
    some = list(ids)[:: ACCOUNTS // SAMPLE]
    detectors = [detector(each, year, LAST) for each in CONDITIONS]
    start = time.perf_counter()
    found = [{account_id for account_id in some if each.meets(account_id)} for each in detectors]
    seconds = time.perf_counter() - start
    assert any(found)
    assert found == [{row[0] for row in fetch(text)} & set(some) for text in plain_texts]
    return seconds


def backtest(year: UsageSource, definition: SignalDefinition) -> None:
    found = run_backtest(definition, source=year, goal_event="upgraded", horizon_days=30)
    assert found.accounts == ACCOUNTS
    assert found.signals_per_week > 0
