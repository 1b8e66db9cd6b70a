"""The JSON Schemas that are published of rules and criteria say what is taken, and no more."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import yaml

from integrations_posthog.pql.examples import example_rules
from integrations_posthog.pql.fit import CriterionError, parse_criteria
from integrations_posthog.pql.rules import RuleError, parse_rule
from tests.rules import random_rule

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))

OTHER_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    6.5,
    7.0,
    28,
    99.9,
    366,
    10**13,
    "",
    "a",
    "x" * 201,
]
OTHER_VALUES += ["a\0b", [], ["a"], ["a", 1], ["a"] * 51, {}, {"to": "value", "at_least": 1}]
OTHER_NAMES = ["all", "any", "sequence", "within_days", "measure", "events", "days", "compare"]
OTHER_NAMES += ["to", "at_least", "at_most", "ratio_at_least", "ratio_at_most", "min_volume"]
OTHER_NAMES += ["silent_days", "colour"]


def as_json_schema(found: Any) -> Any:
    """OpenAPI 3.0's dialect in that of JSON Schema: ``nullable`` is one more type."""
    if isinstance(found, list):
        return [as_json_schema(one) for one in found]
    if not isinstance(found, dict):
        return found
    schema = {name: as_json_schema(one) for name, one in found.items()}
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema


def validator(name: str) -> jsonschema.Draft202012Validator:
    components = {"components": as_json_schema(DOCUMENT["components"])}
    schema = components | {"$ref": f"#/components/schemas/{name}"}
    return jsonschema.Draft202012Validator(schema)


RULE, CRITERION = validator("SignalRule"), validator("FitCriterion")


def reason_against(rule: Any) -> str | None:
    try:
        parse_rule(rule)
    except RuleError as exc:
        return str(exc)
    return None


def places(data: Any) -> Iterator[Any]:
    """Every object and list within."""
    if isinstance(data, dict | list):
        yield data
        for one in data.values() if isinstance(data, dict) else data:
            yield from places(one)


def mutated(rule: Any, chance: Random) -> Any:
    """The same with one or two things changed, added or taken away somewhere."""
    data = copy.deepcopy(rule)
    for _ in range(chance.randrange(1, 3)):
        place = chance.choice(list(places(data)))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        act = chance.choice(["change", "change", "remove", "add"])
        if act == "add" and isinstance(place, dict):
            place[chance.choice(OTHER_NAMES)] = copy.deepcopy(chance.choice(OTHER_VALUES))
        elif act == "add":
            place.append(copy.deepcopy(chance.choice([*OTHER_VALUES, *place])))
        elif keys and act == "change":
            place[chance.choice(keys)] = copy.deepcopy(chance.choice(OTHER_VALUES))
        elif keys:
            del place[chance.choice(keys)]
    return data


@pytest.mark.parametrize("seed", range(10))
def test_a_rule_is_taken_where_its_schema_holds_but_for_what_its_numbers_rule_out(
    seed: int,
) -> None:
    chance = Random(f"schema {seed}")
    verdicts = {True: 0, False: 0}
    for _ in range(400):
        rule = random_rule(chance)
        rule = mutated(rule, chance) if chance.random() < 0.8 else rule
        reason = reason_against(rule)
        says = RULE.is_valid(rule)
        verdicts[says] += 1
        if says and reason is not None:
            cannot_be = "365 at most" in reason or "cannot be reached" in reason
            assert cannot_be, (json.dumps(rule), reason)
        else:
            assert says == (reason is None), (json.dumps(rule), reason)
    assert min(verdicts.values()) > 40


@pytest.mark.parametrize("form", example_rules())
def test_every_form_has_an_example_in_the_document_and_holds(form: str) -> None:
    rule = example_rules()[form]
    assert RULE.is_valid(rule)
    for path, taken in (
        ("signal-definitions", {"name": form, "weight": 40, "rule": rule}),
        ("signal-definitions/preview", {"rule": rule}),
    ):
        body = DOCUMENT["paths"][f"/api/posthog/{path}"]["post"]["requestBody"]
        examples = body["content"]["application/json"]["examples"].values()
        assert taken in [example["value"] for example in examples]


def test_every_part_of_a_rule_refuses_what_it_does_not_know() -> None:
    objects = [
        schema
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if name in {"SignalAll", "SignalAny", "SignalSequence", "SignalUsageCondition"}
        or name in {"SignalPeopleCondition", "SignalAtLeast", "SignalAtMost", "SignalRise"}
        or name in {"SignalFall", "SignalPercentile", "SignalFirstTime"}
    ]
    assert len(objects) == 11
    assert all(schema["additionalProperties"] is False for schema in objects)


@pytest.mark.parametrize("seed", range(3))
def test_criteria_are_taken_where_their_schema_holds(seed: int) -> None:
    chance = Random(f"criteria {seed}")
    verdicts = {True: 0, False: 0}
    bounds = {"at_least": 50, "at_most": 2.5, "one_of": ["team", "business"]}
    for _ in range(200):
        bound = chance.choice(list(bounds))
        criterion: Any = {"property": "plan", bound: bounds[bound]}
        if chance.random() < 0.6:
            criterion = mutated(criterion, chance)
        try:
            parse_criteria([criterion])
            is_taken = True
        except CriterionError:
            is_taken = False
        assert CRITERION.is_valid(criterion) == is_taken, json.dumps(criterion)
        verdicts[is_taken] += 1
    assert min(verdicts.values()) > 20
