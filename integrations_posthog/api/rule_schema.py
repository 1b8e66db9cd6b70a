"""The JSON Schemas of rules and of criteria of fit, as the OpenAPI document publishes them.

``pql.rules`` reads rules, and refuses a little more than a schema can say: what looks back too far
in all, and what can never be reached.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from rest_framework import serializers

from ..pql import fit, rules


class RuleField(serializers.JSONField):
    """The rule of a definition, as it was written."""


class CriterionField(serializers.JSONField):
    """A criterion of fit, as it was written."""


def _object(description: str, /, *, optional: tuple[str, ...] = (), **fields: Any) -> Any:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": [name for name in fields if name not in optional],
        "properties": fields,
    }


def _number(least: float, most: float) -> dict[str, Any]:
    return {"type": "number", "minimum": least, "maximum": most}


def _days(most: int = rules.LONGEST_LOOKBACK) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}


def _word(*words: str) -> dict[str, Any]:
    # Within allOf the words stay here, where they are not made a schema with a name by chance.
    return {"allOf": [{"type": "string", "enum": list(words)}]}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"^[^\u0000]*$"}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _conditions(least: int = 1) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": least,
        "maxItems": rules.MOST_CONDITIONS,
        "items": _ref("SignalCondition"),
    }


_VOLUME = _number(0, rules.MOST_VOLUME)
_RATIO = _number(0, rules.MOST_RATIO)
_NULL = {"allOf": [{"nullable": True, "enum": [None]}]}
_EVENTS = {
    "type": "array",
    "nullable": True,
    "minItems": 1,
    "maxItems": rules.MOST_EVENTS,
    "items": _text(rules.LONGEST_EVENT_NAME),
    "description": "Names of events; null for all.",
}
_COUNTED = [measure for measure in rules.MEASURES if measure != "active_people"]

_COMPARISONS = {
    "SignalAtLeast": _object(
        "So many or more.",
        to=_word("value"),
        at_least=_VOLUME,
    ),
    "SignalAtMost": _object(
        "So many or fewer; also of an account that did nothing at all.",
        to=_word("value"),
        at_most=_VOLUME,
    ),
    "SignalRise": _object(
        "So many times the account's own period of the same length before, which had something; "
        "the larger of the two reaches min_volume.",
        to=_word("own_past"),
        ratio_at_least=_RATIO,
        min_volume=_VOLUME,
        optional=("min_volume",),
    ),
    "SignalFall": _object(
        "No more than so many times the account's own period of the same length before, which had "
        "something; the larger of the two reaches min_volume.",
        to=_word("own_past"),
        ratio_at_most=_RATIO,
        min_volume=_VOLUME,
        optional=("min_volume",),
    ),
    "SignalPercentile": _object(
        "Not zero, and at or above what so many per cent of the workspace's accounts do not "
        "exceed.",
        to=_word("percentile"),
        at_least=_number(1, 99.9),
    ),
    "SignalFirstTime": _object(
        "Something within the days, and nothing within so many days before them.",
        to=_word("first_time"),
        silent_days=_days(),
    ),
}

SCHEMAS: dict[str, dict[str, Any]] = {
    **_COMPARISONS,
    "SignalComparison": {"oneOf": [_ref(name) for name in _COMPARISONS]},
    "SignalUsageCondition": _object(
        "Events, days with them, or different ones over the last days.",
        measure=_word(*_COUNTED),
        events=_EVENTS,
        days=_days(),
        compare=_ref("SignalComparison"),
        optional=("events",),
    ),
    "SignalPeopleCondition": _object(
        "People who were active within the last 7 or 28 days, by whichever event.",
        measure=_word("active_people"),
        events=_NULL,
        days={"allOf": [{"type": "integer", "enum": list(rules.PEOPLE_WINDOWS)}]},
        compare=_ref("SignalComparison"),
        optional=("events",),
    ),
    "SignalCondition": {"oneOf": [_ref("SignalUsageCondition"), _ref("SignalPeopleCondition")]},
    "SignalAll": _object("All of these conditions.", all=_conditions()),
    "SignalAny": _object("Any of these conditions.", any=_conditions()),
    "SignalSequence": _object(
        "One condition after another, each on the same day as the one before or later, all within "
        "so many days, the last one included.",
        sequence=_conditions(2),
        within_days=_days(),
    ),
    "SignalRule": {
        "description": "What counts as a signal. Its periods together look back "
        f"{rules.LONGEST_LOOKBACK} days at most: those of a condition (with the time before that "
        "it is compared with), and within_days. What can never be reached is refused: more active "
        "days than the window has, or more distinct events than are named.",
        "oneOf": [_ref("SignalAll"), _ref("SignalAny"), _ref("SignalSequence")],
    },
}
"""By their names; ``SignalRule`` is the whole."""

_PROPERTY = _text(fit.LONGEST_NAME)
_BOUND = _number(-fit.LARGEST, fit.LARGEST)
_WORDS = {
    "type": "array",
    "minItems": 1,
    "maxItems": fit.MOST_CRITERIA,
    "items": _text(fit.LONGEST_NAME),
}

CRITERION: dict[str, Any] = {
    "oneOf": [
        _object("A number that reaches this.", property=_PROPERTY, at_least=_BOUND),
        _object("A number that does not exceed this.", property=_PROPERTY, at_most=_BOUND),
        _object("One of these words.", property=_PROPERTY, one_of=_WORDS),
    ]
}


class RuleFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Publishes a rule and its parts under names of their own."""

    target_class = RuleField

    def get_name(self) -> str:
        return "SignalRule"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        for name, schema in SCHEMAS.items():
            if name != self.get_name():
                part = ResolvedComponent(  # type: ignore[no-untyped-call]
                    name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
                )
                auto_schema.registry.register_on_missing(part)
        return SCHEMAS[self.get_name()]


class CriterionFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Publishes a criterion of fit under a name of its own."""

    target_class = CriterionField

    def get_name(self) -> str:
        return "FitCriterion"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        return CRITERION
