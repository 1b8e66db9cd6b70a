"""Scores are renewed from what has fired, for all accounts at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from beton.models import Workspace
from integrations_posthog.models import FitCriteria, Signal, SignalDefinition, UsageSource
from integrations_posthog.services.signals import scores
from tests.evaluations import LAST, at_least, day, define, evaluate_as_of, store_history, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage, by which Initech is busy on two days."""
    source = store_history(acme)
    use(source, "Initech", {day(37): 7, LAST: 7})
    return source


def score_of(source: UsageSource, name: str = "Initech") -> float:
    return source.accounts.get(name=name).score


def points_of(source: UsageSource, name: str = "Initech") -> list[tuple[Any, float]]:
    """What each part is of, and its points."""
    parts = source.accounts.get(name=name).score_parts
    return [(one["definition"] and one["definition"]["name"], one["points"]) for one in parts]


def test_of_each_definition_the_newest_signal_counts(acme: Workspace, source: UsageSource) -> None:
    define(acme, at_least(5), name="Busy", weight=30)
    define(acme, at_least(6), name="Very busy", weight=20)
    evaluate_as_of(source, LAST)
    assert Signal.objects.count() == 4
    assert points_of(source) == [("Busy", 30.0), ("Very busy", 20.0)]
    assert score_of(source) == 50


def test_a_score_fades_as_days_go_by(acme: Workspace, source: UsageSource) -> None:
    define(acme, at_least(5), weight=40)
    evaluate_as_of(source, LAST)
    for days, score in ((14, 20.0), (28, 10.0), (130, 0.1), (141, 0.0)):
        scores.refresh(source, as_of=LAST + timedelta(days=days))
        assert score_of(source) == score
    assert points_of(source) == []


def test_only_what_changes_is_written(acme: Workspace, source: UsageSource) -> None:
    use(source, "Hooli", {LAST - timedelta(days=14): 7})
    define(acme, at_least(5), weight=1)
    evaluate_as_of(source, LAST)
    assert accounts_written(source, days=0) == 0
    assert accounts_written(source, days=2) == 1  # What is worth half a point still is.
    assert accounts_written(source, days=2) == 0


def accounts_written(source: UsageSource, *, days: int) -> int:
    """How many accounts it is when scores are renewed so many days later."""
    with CaptureQueriesContext(connection) as queries:
        scores.refresh(source, as_of=LAST + timedelta(days=days))
    [text] = [one["sql"] for one in queries.captured_queries if "UPDATE posthog" in one["sql"]]
    return int(text.split(" times: ")[0])


def test_risks_take_away_and_no_score_is_below_nothing(
    acme: Workspace, source: UsageSource
) -> None:
    define(acme, at_least(5), name="Busy", weight=30)
    define(acme, at_least(5), name="Trouble", weight=-50)
    evaluate_as_of(source, LAST)
    assert score_of(source) == 0
    assert points_of(source) == [("Busy", 30.0), ("Trouble", -50.0), (None, 20.0)]


def test_no_score_is_above_a_hundred(acme: Workspace, source: UsageSource) -> None:
    for name in ("One", "Two"):
        define(acme, at_least(5), name=name, weight=80)
    evaluate_as_of(source, LAST)
    assert score_of(source) == 100
    assert points_of(source)[-1] == (None, -60.0)


def test_who_has_no_signal_has_neither_score_nor_risk(acme: Workspace, source: UsageSource) -> None:
    use(source, "Hooli", {LAST: 1})
    define(acme, at_least(5), weight=-50)
    evaluate_as_of(source, LAST)
    assert (score_of(source, "Hooli"), points_of(source, "Hooli")) == (0, [])


@pytest.mark.parametrize("away", ["dismissed", "paused"])
def test_what_does_not_count_any_more_leaves_no_trace(
    away: str, acme: Workspace, source: UsageSource
) -> None:
    define(acme, at_least(5))
    evaluate_as_of(source, LAST)
    if away == "dismissed":
        Signal.objects.update(state="dismissed")
    else:
        SignalDefinition.objects.update(state="paused")
    scores.refresh(source, as_of=LAST)
    assert (score_of(source), points_of(source)) == (0, [])


def test_nor_do_parts_that_came_to_nothing_together(acme: Workspace, source: UsageSource) -> None:
    define(acme, at_least(5), name="Busy", weight=30)
    define(acme, at_least(5), name="Trouble", weight=-30)
    evaluate_as_of(source, LAST)
    assert (score_of(source), len(points_of(source))) == (0, 2)
    Signal.objects.update(state="dismissed")
    scores.refresh(source, as_of=LAST)
    assert points_of(source) == []


def test_where_the_newest_is_dismissed_the_one_before_counts(
    acme: Workspace, source: UsageSource
) -> None:
    define(acme, at_least(5), weight=40)
    evaluate_as_of(source, LAST)
    Signal.objects.filter(fired_on=LAST).update(state="dismissed")
    scores.refresh(source, as_of=LAST)
    assert score_of(source) == 20


def test_fit_is_of_who_has_properties(acme: Workspace, source: UsageSource) -> None:
    use(source, "Hooli", {LAST: 1})
    source.accounts.filter(name="Initech").update(properties={"plan": "team"})
    criteria = [{"property": "plan", "one_of": ["team"]}, {"property": "size", "at_least": 5}]
    FitCriteria.objects.create(workspace=acme, criteria=criteria)
    scores.refresh(source, as_of=LAST)
    found = dict(source.accounts.values_list("name", "fit"))
    assert found == {"Initech": 50.0, "Hooli": None}
    assert score_of(source) == 0


def test_more_accounts_take_hardly_more_queries(
    acme: Workspace, source: UsageSource, django_assert_max_num_queries: Any
) -> None:
    for number in range(200):
        use(source, f"Company {number}", {LAST: 7})
    define(acme, at_least(5))
    evaluate_as_of(source, LAST)
    with django_assert_max_num_queries(12):
        scores.refresh(source, as_of=LAST + timedelta(days=1))


def test_another_workspace_s_scores_stay(
    acme: Workspace, globex: Workspace, source: UsageSource
) -> None:
    other = store_history(globex)
    use(other, "Nordwind", {LAST: 7})
    define(globex, at_least(5))
    evaluate_as_of(other, LAST)
    scores.refresh(source, as_of=LAST + timedelta(days=14))
    assert score_of(other, "Nordwind") == 40
