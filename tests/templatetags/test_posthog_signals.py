"""How scores, rules and receipts are written and drawn."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest

from integrations_posthog.pql.examples import example_rules
from integrations_posthog.pql.facts import Judgement
from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.services.signals.backtest import Interval
from integrations_posthog.templatetags.posthog_signals import (
    amount,
    asked_text,
    criterion_text,
    figure_text,
    gap_text,
    grade,
    interval_chart,
    interval_text,
    judged_text,
    lift_tone,
    lift_verdict,
    receipt_text,
    rule_text,
    score_bar,
    series_chart,
    share_bar,
    signed,
)
from tests.signals import LAST_DAY, evidence


def part(points: float, definition: dict[str, str] | None) -> dict[str, Any]:
    return {"points": points, "definition": definition}


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


def judgement(value: float, needed: float, *, met: bool) -> Judgement:
    [condition] = parse_rule(example_rules()["For the first time"]).conditions
    return Judgement(
        condition=condition, as_of=LAST_DAY, met=met, value=value, before=0, needed=needed
    )


def numbers(svg: str, name: str) -> list[float]:
    """An attribute of all shapes of a chart, in their order."""
    root = ElementTree.fromstring(svg)
    return [float(one.attrib[name]) for one in root if name in one.attrib]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(12, "12"), (12.0, "12"), (12.34, "12.3"), (1_200.0, "1,200"), (0.04, "0"), (99.96, "100")],
)
def test_an_amount_is_short(number: float, shown: str) -> None:
    assert amount(number) == shown


def test_points_have_their_sign() -> None:
    assert [signed(number) for number in (38.2, -12, 0)] == ["+38.2", "−12", "+0"]


def test_a_score_has_its_grade() -> None:
    assert [grade(score) for score in (80, 79.9, 0)] == ["M100", "M75", "M10"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "All of these",
            "active people in 7 days at least 1.5 × those of the 7 days before, where one of the "
            "two is 5 or more; and at least 5 × invite_sent in 14 days",
        ),
        (
            "One after another",
            "at least 5 × invite_sent in 14 days; then at least 1 × pricing_viewed in 14 days; "
            "all within 14 days",
        ),
        (
            "Usage falls",
            "events in 14 days at most 0.5 × those of the 14 days before, where one of the two is "
            "20 or more",
        ),
        ("Silence", "no active days in 14 days"),
        ("Among the most active", "different events in 28 days among the top 5 % of accounts"),
        (
            "For the first time",
            "integration_connected in 7 days for the first time after 30 days without",
        ),
    ],
)
def test_a_rule_is_told_in_words(name: str, text: str) -> None:
    assert rule_text(example_rules()[name]) == text


def test_a_fall_to_nothing_is_told_as_such() -> None:
    compare = {"to": "own_past", "ratio_at_most": 0}
    rule = {"all": [{"measure": "active_days", "events": None, "days": 14, "compare": compare}]}
    assert rule_text(rule) == "no active days in 14 days, but some in the 14 days before"


def test_a_condition_tells_what_it_asked_what_it_found_and_what_is_missing() -> None:
    missing, met = judgement(0, 1, met=False), judgement(2, 1, met=True)
    assert asked_text(met).startswith("integration_connected in 7 days for the first time")
    assert judged_text(missing) == "integration_connected in 7 days: 0, at least 1 needed"
    assert judged_text(met) == "integration_connected for the first time in 37 days"
    assert (gap_text(missing), gap_text(met)) == ("1 more", "")


def test_a_condition_of_a_receipt_tells_its_numbers() -> None:
    counted = {"measure": "events", "events": ["a", "b"], "days": 1, "value": 5, "needed": 3}
    people = {"measure": "active_people", "events": None, "days": 7, "value": 11, "needed": 6}
    assert receipt_text(counted | {"before": None}) == "events of a, b in 1 day: 5, threshold 3"
    assert receipt_text(people | {"before": 4}) == (
        "active people in 7 days: 11, 4 before, threshold 6"
    )


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        ({"property": "employees", "at_least": 1_000}, "employees at least 1,000"),
        ({"property": "churn", "at_most": 0.5}, "churn at most 0.5"),
        ({"property": "plan", "one_of": ["a", "b"]}, "plan one of a or b"),
    ],
)
def test_a_criterion_is_told_in_words(criterion: dict[str, Any], text: str) -> None:
    assert criterion_text(criterion) == text


class TestCharts:
    def test_what_adds_to_a_score_stands_side_by_side_on_a_scale_to_a_hundred(self) -> None:
        parts = [part(40, {"name": "A"}), part(15, {"name": "B"}), part(-10, {"name": "C"})]
        svg = score_bar(parts)
        assert numbers(svg, "x") == [0, 40]
        assert numbers(svg, "width") == [40, 15]

    def test_more_than_a_hundred_fills_it(self) -> None:
        parts = [part(90, {"name": "A"}), part(60, {"name": "B"}), part(-50, None)]
        assert sum(numbers(score_bar(parts), "width")) == pytest.approx(100, abs=0.1)

    def test_a_series_has_a_bar_a_day_and_says_its_numbers(self) -> None:
        svg = series_chart(evidence(LAST_DAY))
        assert numbers(svg, "height").count(48) == 1
        assert len(re.findall("ph-before", svg)) == len(re.findall("ph-within", svg)) == 7
        assert "8 Nov 2026 to 21 Nov 2026: 4, 4, 4, 5, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11" in svg

    def test_a_long_series_says_its_ends(self) -> None:
        series = [{"day": date(2026, 1 + n // 28, 1 + n % 28).isoformat()} for n in range(60)]
        long = [one | {"value": at} for at, one in enumerate(series)]
        assert "from 0 to 59" in series_chart(evidence(LAST_DAY, series=long))

    @pytest.mark.parametrize("values", [[], [0], [7], [0, 0]])
    def test_a_series_of_little_or_nothing_is_drawn_within_its_frame(
        self, values: list[int]
    ) -> None:
        days = [{"day": f"2026-11-0{n + 1}", "value": value} for n, value in enumerate(values)]
        svg = series_chart(evidence(LAST_DAY, series=days))
        assert (svg == "") == (not values)
        assert all(0 <= height <= 48 for height in (numbers(svg, "height") if svg else []))

    def test_an_interval_lies_on_its_scale_with_chance_marked(self) -> None:
        svg = interval_chart(interval(2, 1, 3), "ratio")
        assert numbers(svg, "cx") == [120]
        assert numbers(svg, "x1") == [0, 60, 60]
        assert numbers(svg, "x2") == [240, 60, 180]

    def test_a_share_has_no_chance_and_stays_on_its_scale(self) -> None:
        svg = interval_chart(interval(1, 0.5, 1.2), "share")
        assert numbers(svg, "x2") == [240, 240]
        assert "ph-chance" not in svg

    def test_a_large_lift_stays_within_the_frame(self) -> None:
        assert max(numbers(interval_chart(interval(40, 10, 90), "ratio"), "x2")) == 240

    def test_a_share_is_a_bar(self) -> None:
        assert 'width="31.0" height="1"' in share_bar(0.31)


def test_a_figure_is_told_with_its_ends() -> None:
    share, lift = interval(0.237, 0.198, 0.281), interval(2.94, 2.2, 3.8)
    assert (figure_text(share, "share"), interval_text(share, "share")) == ("24 %", "20 % to 28 %")
    assert (figure_text(lift, "ratio"), interval_text(lift, "ratio")) == ("2.9 ×", "2.2 to 3.8")


def test_a_verdict_needs_an_interval_that_leaves_chance_out() -> None:
    assert [lift_tone(one) for one in (interval(2, 1.1, 3), interval(2, 1, 3), None)] == [
        "ok",
        "off",
        "off",
    ]
    assert lift_verdict(interval(0.5, 0.3, 0.9)) == "It points away from the goal"
