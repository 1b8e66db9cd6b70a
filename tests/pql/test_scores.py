"""A score is a sum of parts that fade, from 0 to 100; its grades leave no gap."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from integrations_posthog.pql.scores import Part, grade_of, points_of, score_of

TODAY = date(2026, 11, 22)


def part(points: float, number: int = 1) -> Part:
    return Part(
        points=points,
        definition_id=number,
        name="Busy",
        signal_id=17,
        fired_on=TODAY,
    )


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (100, "M100"),
        (80, "M100"),
        (79.99, "M75"),
        (60, "M75"),
        (59.9, "M50"),
        (40, "M50"),
        (39.95, "M25"),
        (20, "M25"),
        (19.999, "M10"),
        (0.1, "M10"),
        (0, "M10"),
    ],
)
def test_every_score_has_its_grade_fractions_too(score: float, grade: str) -> None:
    assert grade_of(score) == grade


def test_grades_rise_with_the_score_and_leave_out_none() -> None:
    grades = [grade_of(tenth / 10) for tenth in range(1001)]
    assert list(dict.fromkeys(grades)) == ["M10", "M25", "M50", "M75", "M100"]


@pytest.mark.parametrize(
    ("age", "points"), [(0, 40.0), (7, 28.3), (14, 20.0), (28, 10.0), (140, 0.0)]
)
def test_a_signal_is_worth_half_after_two_weeks(age: int, points: float) -> None:
    fired_on = TODAY - timedelta(days=age)
    assert points_of(weight=40, fired_on=fired_on, as_of=TODAY) == points
    assert points_of(weight=-40, fired_on=fired_on, as_of=TODAY) == -points


def test_a_signal_of_a_later_day_is_worth_no_more_than_its_weight() -> None:
    assert points_of(weight=40, fired_on=TODAY + timedelta(days=3), as_of=TODAY) == 40


def test_parts_come_with_the_largest_first_and_what_is_worth_nothing_is_left_out() -> None:
    score, parts = score_of([part(5, 1), part(0.04, 2), part(30, 3), part(-10, 4)])
    assert score == 25
    assert [one.points for one in parts] == [30, 5, -10]


@pytest.mark.parametrize(
    ("points", "score", "rest"), [([70, 60], 100, -30), ([-30, -20], 0, 50), ([-30], 0, 30)]
)
def test_what_goes_beyond_the_ends_is_told_as_a_part_of_its_own(
    points: list[float], score: float, rest: float
) -> None:
    found, parts = score_of(part(one, number) for number, one in enumerate(points))
    assert (found, parts[-1].points) == (score, rest)
    assert parts[-1].as_plain_data() == {
        "definition": None,
        "signal_id": None,
        "fired_on": None,
        "points": rest,
    }


def test_without_signals_there_is_no_score_and_no_risk() -> None:
    assert score_of([]) == (0, [])


@pytest.mark.parametrize("seed", range(5))
def test_a_score_is_the_sum_of_its_parts(seed: int) -> None:
    chance = Random(f"scores {seed}")
    for _ in range(200):
        weights = [chance.randrange(-100, 101) for _ in range(chance.randrange(8))]
        fading = [
            part(
                points_of(
                    weight=weight,
                    fired_on=TODAY - timedelta(days=chance.randrange(150)),
                    as_of=TODAY,
                ),
                number,
            )
            for number, weight in enumerate(weights)
        ]
        score, parts = score_of(fading)
        assert 0 <= score <= 100
        assert round(sum(one.points for one in parts), 1) == score
        assert score == round(score, 1)


def test_a_part_names_its_definition_and_signal() -> None:
    assert part(12.5).as_plain_data() == {
        "definition": {"id": "1", "name": "Busy"},
        "signal_id": "17",
        "fired_on": "2026-11-22",
        "points": 12.5,
    }
