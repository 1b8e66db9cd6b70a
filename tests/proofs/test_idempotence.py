"""No episode fires twice: not when evaluated again, not after a crash, not by two workers at once.

Half of the days have been evaluated when it begins, so that it has to go on from there. The workers
that die are forked from this warm process and killed at a named point; the two that work at once
are processes, too.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.db.models.query import QuerySet

from beton.models import Workspace
from integrations_posthog.models import (
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    SyncDay,
    UsageSource,
)
from integrations_posthog.services.signals import evaluation, scores
from integrations_posthog.services.signals.evaluation import evaluate
from tests.deaths import Point, die_at, fork, killed
from tests.rules import store_random_usage
from tests.usage import store_source

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = date(2026, 3, 1)
DAYS = 40
HALF = FIRST + timedelta(days=DAYS // 2 - 1)
NOW = datetime.combine(FIRST + timedelta(days=DAYS), time(1), tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"measure": "events", "events": None, "days": 2, "compare": {"to": "value", "at_least": 5}},
    {
        "measure": "active_days",
        "events": ["a"],
        "days": 3,
        "compare": {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 1},
    },
    {
        "measure": "events",
        "events": ["b"],
        "days": 2,
        "compare": {"to": "first_time", "silent_days": 4},
    },
]

POINTS: dict[str, Point] = {
    "before anything": (evaluation, "_fire", True),
    "before the signals are stored": (evaluation, "_fire", False),
    "before the commit": (QuerySet, "bulk_create", False),
    "between two definitions": (evaluation, "_evaluate", False),
    "before the scores": (scores, "refresh", True),
    "after the scores": (scores, "refresh", False),
}

REPEATED = [point for point in POINTS if "the scores" not in point]
"""Those that come again with each definition."""


@pytest.fixture(autouse=True)
def _everything_is_evaluated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new definition looks back on all days, so that one evaluation covers the whole history."""
    monkeypatch.setattr(evaluation, "START_DAYS", DAYS)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage, and definitions that fire often; evaluated up to the half."""
    source = store_usage_and_definitions(acme)
    hold(source, first=FIRST, last=HALF)
    evaluate(source, now=morning_after(HALF))
    assert fired(source)
    hold(source, first=HALF + timedelta(days=1), last=FIRST + timedelta(days=DAYS - 1))
    return source


def morning_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(1), tzinfo=UTC)


def hold(source: UsageSource, *, first: date, last: date) -> None:
    """Days are read, on the morning after the last of them."""
    read_at = morning_after(last)
    for number in range((last - first).days + 1):
        SyncDay.objects.create(
            source=source,
            day=first + timedelta(days=number),
            state="green",
            events_posthog=0,
            horizon=read_at,
            verified_at=read_at,
        )


def store_usage_and_definitions(workspace: Workspace) -> UsageSource:
    source = store_source(workspace, project_timezone="UTC")
    store_random_usage(source, Random("idempotence"), accounts=10, first=FIRST, days=DAYS)
    for rule in RULES:
        definition = SignalDefinition.objects.create(workspace=workspace, state="active")
        definition.version = SignalDefinitionVersion.objects.create(
            definition=definition,
            number=1,
            name="Often",
            rule={"all": [rule]},
            weight=10,
            cooldown_days=3,
            actor_name="alice",
        )
        definition.save()
    return source


def fired(source: UsageSource) -> Counter[tuple[Any, ...]]:
    """Signals by the rule that fired, the account and the day, with what they say."""
    rows = Signal.objects.filter(account__source=source).values_list(
        "version__rule__all__0__measure", "account__key", "fired_on", "sentence"
    )
    return Counter(rows)


@pytest.fixture
def undisturbed(globex: Workspace) -> Counter[tuple[Any, ...]]:
    """What one evaluation of all days fires that nobody disturbs, once each."""
    source = store_usage_and_definitions(globex)
    hold(source, first=FIRST, last=FIRST + timedelta(days=DAYS - 1))
    evaluate(source, now=NOW)
    found = fired(source)
    assert len(found) > 30
    assert set(found.values()) == {1}
    return found


def test_evaluating_again_fires_nothing(
    source: UsageSource, undisturbed: Counter[tuple[Any, ...]]
) -> None:
    before = fired(source).total()
    assert len(evaluate(source, now=NOW)) == undisturbed.total() - before
    assert evaluate(source, now=NOW + timedelta(minutes=1)) == []
    assert fired(source) == undisturbed


def test_days_that_are_read_again_unchanged_fire_nothing(
    source: UsageSource, undisturbed: Counter[tuple[Any, ...]]
) -> None:
    evaluate(source, now=NOW)
    for hours in range(1, 6):
        later = NOW + timedelta(hours=hours)
        some = source.days.filter(day__gte=FIRST + timedelta(days=7 * hours))
        some.update(verified_at=later, horizon=later)
        assert evaluate(source, now=later + timedelta(minutes=1)) == []
    assert fired(source) == undisturbed


@pytest.mark.parametrize(
    ("point", "hit"), [*((point, 1) for point in POINTS), *((point, 2) for point in REPEATED)]
)
def test_after_a_crash_the_next_evaluation_fires_the_rest(
    point: str, hit: int, source: UsageSource, undisturbed: Counter[tuple[Any, ...]]
) -> None:
    pid = fork(lambda: die_at(POINTS[point], hit=hit, then=lambda: evaluate(source, now=NOW)))
    assert killed(pid), f"It did not come to {point} {hit} times"
    assert fired(source) < undisturbed or "the scores" in point
    evaluate(source, now=NOW + timedelta(minutes=1))
    assert fired(source) == undisturbed


def test_two_workers_at_once_fire_each_episode_once(
    source: UsageSource, undisturbed: Counter[tuple[Any, ...]]
) -> None:
    rounds = 10 if connection.vendor == "postgresql" else 3
    columns = ["evaluated_from", "evaluated_to", "evaluated_at"]
    half_done = list(SignalDefinitionVersion.objects.filter(definition__workspace__slug="acme"))
    for _ in range(rounds):
        Signal.objects.filter(account__source=source, fired_on__gt=HALF).delete()
        assert SignalDefinitionVersion.objects.bulk_update(half_done, columns) == len(RULES)
        workers = [fork(lambda: succeed(source)) for _ in range(2)]
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers] == [0, 0]
        assert fired(source) == undisturbed


def succeed(source: UsageSource) -> None:
    """End this worker with 1 unless its evaluation ends well."""
    with ExitStack() as failing:
        failing.callback(os._exit, 1)
        evaluate(source, now=NOW)
        failing.pop_all()
