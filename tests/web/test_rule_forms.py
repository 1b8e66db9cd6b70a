"""The form of a definition: what it makes of a rule, and of what people type."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from django.http import QueryDict

from integrations_posthog.models import SignalDefinitionVersion
from integrations_posthog.pql.examples import example_rules
from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.pql.templates import proposals
from integrations_posthog.web.fit_forms import criteria_of, posted_criteria, stored_criteria
from integrations_posthog.web.rule_forms import DefinitionForm
from tests.rules import random_rule

EVENTS = ["$pageview", "invite_sent", "pricing_viewed"]
CONDITION = {
    "measure": "events",
    "which": "all",
    "days": "14",
    "to": "at_least",
    "at_least": "5",
}


def form_of(rule: dict[str, Any]) -> DefinitionForm:
    """The form that shows a rule."""
    version = SignalDefinitionVersion(name="A name", weight=-7, cooldown_days=0, rule=rule)
    return DefinitionForm.of_version(version, events=EVENTS)


def sent(form: DefinitionForm) -> DefinitionForm:
    """The form after a person has sent it as it is shown."""
    posted = QueryDict(mutable=True)
    posted["conditions"] = str(len(form.conditions))
    for one in (form.facts, *form.conditions):
        for field in one:
            value = field.value()
            many = value if isinstance(value, list) else [value]
            shown = ["" if part is None else str(part) for part in many]
            posted.setlist(field.html_name, shown)
    return DefinitionForm.of_post(posted, events=EVENTS)


def typed(*conditions: dict[str, Any], **facts: str) -> DefinitionForm:
    """The form as a person has filled it in."""
    posted = QueryDict(mutable=True)
    usual = {"name": "A name", "weight": "40", "cooldown_days": "14", "joined": "all"}
    posted.update(usual | {"conditions": str(len(conditions))} | facts)
    for at, condition in enumerate(conditions):
        for name, value in condition.items():
            values = value if isinstance(value, list) else [value]
            posted.setlist(f"conditions-{at}-{name}", values)
    return DefinitionForm.of_post(posted, events=EVENTS)


def condition_of(**fields: Any) -> dict[str, Any]:
    """The JSON that a condition becomes."""
    form = typed(CONDITION | fields)
    assert form.is_valid(), form.conditions[0].errors
    [condition] = form.rule()["all"]
    parsed: dict[str, Any] = condition
    return parsed


def errors_of(form: DefinitionForm) -> dict[str, list[str]]:
    assert not form.is_valid()
    found = {name: _said(said) for name, said in form.facts.errors.items()}
    for one in form.conditions:
        found |= {f"{one.prefix}-{name}": _said(said) for name, said in one.errors.items()}
    return found


def _said(errors: Iterable[object]) -> list[str]:
    return [str(error) for error in errors]


@pytest.mark.parametrize("seed", range(100))
def test_any_rule_comes_out_of_its_form_as_it_went_in(seed: int) -> None:
    rule = random_rule(Random(seed))
    form = sent(form_of(rule))
    assert form.is_valid()
    assert parse_rule(form.rule()) == parse_rule(rule)


@pytest.mark.parametrize("name", example_rules())
def test_so_does_every_example(name: str) -> None:
    rule = example_rules()[name]
    form = sent(form_of(rule))
    assert form.is_valid()
    assert form.rule() == rule
    assert form.says() == {"name": "A name", "weight": -7, "cooldown_days": 0, "rule": rule}


def test_templates_with_fitting_events_are_complete_and_the_others_want_events() -> None:
    for proposal in proposals(EVENTS):
        form = sent(DefinitionForm.of_template(proposal, events=EVENTS))
        if proposal.rule is None:
            assert errors_of(form) == {
                "conditions-0-events": ["Choose one or more, or take all events."]
            }
        else:
            assert form.is_valid()
            assert form.rule() == proposal.rule


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({}, None),
        ({"events": ["invite_sent"]}, None),
        ({"which": "chosen", "events": ["invite_sent"]}, ["invite_sent"]),
        ({"which": "chosen", "more_events": " a b ,, c,"}, ["a b", "c"]),
        ({"which": "chosen", "events": ["a", "b"], "more_events": "b, c"}, ["a", "b", "c"]),
        ({"measure": "active_people", "days": "7", "which": "chosen", "events": ["a"]}, None),
    ],
)
def test_events_are_those_chosen_and_those_typed(
    fields: dict[str, Any], events: list[str] | None
) -> None:
    assert condition_of(**fields)["events"] == events


@pytest.mark.parametrize(
    ("fields", "compare"),
    [
        ({"to": "at_least", "at_least": "5"}, {"to": "value", "at_least": 5}),
        ({"to": "at_most", "at_most": "0"}, {"to": "value", "at_most": 0}),
        ({"to": "rise", "rise_ratio": "1.5"}, {"to": "own_past", "ratio_at_least": 1.5}),
        (
            {"to": "fall", "fall_ratio": "0.5", "fall_volume": "20", "rise_volume": "9"},
            {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 20},
        ),
        ({"to": "percentile", "percentile": "99.9"}, {"to": "percentile", "at_least": 99.9}),
        ({"to": "first_time", "silent_days": "30"}, {"to": "first_time", "silent_days": 30}),
    ],
)
def test_each_way_of_comparing_takes_its_own_fields(
    fields: dict[str, str], compare: dict[str, Any]
) -> None:
    assert condition_of(**fields)["compare"] == compare


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"at_least": ""}, "at_least", "Is a number from 0 to 1,000,000,000,000."),
        ({"at_least": "-1"}, "at_least", "Is a number from 0 to 1,000,000,000,000."),
        ({"at_least": "five"}, "at_least", "Enter a number."),
        ({"at_least": "nan"}, "at_least", "Enter a number."),
        ({"to": "rise", "rise_ratio": "1e9"}, "rise_ratio", "Is a number from 0 to 1,000,000."),
        ({"to": "fall", "fall_ratio": "1", "fall_volume": "-1"}, "fall_volume", "Is a number"),
        ({"to": "percentile", "percentile": "100"}, "percentile", "Is a number from 1 to 99.9."),
        ({"to": "first_time", "silent_days": "1.5"}, "silent_days", "Is a whole number"),
        ({"to": "first_time", "silent_days": "360"}, "days", "Looks back 374 days"),
        ({"measure": "active_people"}, "days", "Active people are those of 7 or 28 days."),
        ({"which": "chosen", "more_events": "x" * 201}, "events", "Is a name of 1 to 200"),
        ({"which": "chosen", "events": [f"{n}" for n in range(51)]}, "events", "Give 1 to 50"),
        ({"measure": "sessions"}, "measure", "Select a valid choice."),
        ({"to": "magic"}, "to", "Select a valid choice."),
        ({"days": "١٤x"}, "days", "Enter a whole number."),
    ],
)
def test_what_is_wrong_with_a_condition_is_said_at_its_field(
    fields: dict[str, Any], field: str, words: str
) -> None:
    errors = errors_of(typed(CONDITION | fields))
    assert list(errors) == [f"conditions-0-{field}"]
    assert words in errors[f"conditions-0-{field}"][0]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    form = typed(CONDITION | {"days": "0"}, CONDITION | {"at_least": ""}, name="", weight="x")
    assert list(errors_of(form)) == ["name", "weight", "conditions-0-days", "conditions-1-at_least"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"joined": "sequence", "within_days": ""}, "within_days"),
        ({"joined": "sequence", "within_days": "366"}, "within_days"),
        ({"joined": "sequence", "within_days": "360"}, "joined"),
        ({"joined": "none"}, "joined"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said_too(facts: dict[str, str], field: str) -> None:
    assert list(errors_of(typed(CONDITION, CONDITION, **facts))) == [field]


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "99", "9"])
def test_any_number_of_conditions_leaves_one_to_five(count: str) -> None:
    form = typed(CONDITION, conditions=count)
    assert 1 <= len(form.conditions) <= 5


def test_criteria_of_fit_come_out_of_their_form_as_they_went_in() -> None:
    criteria: list[dict[str, Any]] = [
        {"property": "employees", "at_least": 50},
        {"property": "churn", "at_most": -0.5},
        {"property": "plan", "one_of": ["team", "12"]},
    ]
    posted = QueryDict(mutable=True)
    rows = stored_criteria(criteria)
    posted["criteria"] = str(len(rows))
    for row in rows:
        for field in row:
            posted[field.html_name] = field.value() or ""
    again = posted_criteria(posted)
    assert len(again) == 5
    assert not any(row.errors for row in again if row["name"].value())
    kept = [row for row in again if row["name"].value()]
    assert criteria_of(kept) == criteria
