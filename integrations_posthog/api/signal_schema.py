"""What the OpenAPI document says of the calls about signals beyond their shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from ..errors import InvalidRule
from ..pql.examples import example_rules
from .schema import PAGING, WORKSPACE, refusal, responses
from .signal_serializers import (
    DayQuery,
    DefinitionAnswer,
    DefinitionRequest,
    DismissRequest,
    FitCriteria,
    PreviewAnswer,
    RuleRequest,
    SignalAnswer,
    SignalQuery,
    TemplatesAnswer,
    WhyNotAnswer,
    WhyNotQuery,
)

_READ = (401, 403, 404, 405, 406, 500)
_CHANGE = (400, 401, 403, 404, 405, 406, 415, 500)
_TAG = ["signals"]
_DEFINITION = OpenApiParameter(name="definition_id", location=OpenApiParameter.PATH)
_SIGNAL = OpenApiParameter(name="signal_id", location=OpenApiParameter.PATH)
_RULES = example_rules()
_NAME, _RULE = next(iter(_RULES.items()))
_EXAMPLE = {"id": "3", "name": _NAME, "version": 1, "state": "draft", "weight": 40}
_EXAMPLE |= {"cooldown_days": 14, "rule": _RULE}
_JUDGEMENT = {"measure": "active_people", "events": None, "days": 7, "as_of": "2026-11-22"}
_MET = _JUDGEMENT | {"met": True, "value": 11, "before": 4, "needed": 6}
_NOT_MET = _JUDGEMENT | {"met": False, "value": 4, "before": 4, "needed": 6}
_PEOPLE = (4, 4, 4, 5, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11)
_EVIDENCE = {
    "measure": "active_people",
    "events": None,
    "days": 7,
    "value": 11,
    "before": 4,
    "window": {"from": "2026-11-16", "to": "2026-11-22", "days": 7},
    "threshold": 6,
    "series": [
        {"day": f"2026-11-{day:02}", "value": value} for day, value in enumerate(_PEOPLE, start=9)
    ],
    "conditions": [_MET],
}
_ACCOUNT = {"id": "4711", "key": "initech.example", "name": "Initech"}
_SENTENCE = "active people 4 → 11 in 7 days"
_FIRED = {
    "id": "17",
    "definition": {"id": "3", "name": _NAME, "version": 1},
    "account": _ACCOUNT,
    "fired_on": "2026-11-22",
    "late": False,
    "state": "new",
    "sentence": _SENTENCE,
    "evidence": _EVIDENCE,
    "as_of": "2026-11-22",
    "horizon": "2026-11-23T02:05:00Z",
    "posthog_url": "https://us.posthog.com/project/12345/groups/0/initech.example",
}
_CRITERIA = {
    "criteria": [
        {"property": "employees", "at_least": 50},
        {"property": "plan", "one_of": ["team", "business"]},
    ]
}


def _answer(name: str, value: Any, *, code: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(code)])


def _requests(example: Callable[[str, Any], Any]) -> list[OpenApiExample]:
    """A request with each form of a rule."""
    return [
        OpenApiExample(name, value=example(name, rule), request_only=True)
        for name, rule in _RULES.items()
    ]


_REFUSED = refusal(
    "A rule that is not valid",
    InvalidRule(hint="all[0].compare.at_least: is a number from 0 to 1,000,000,000,000."),
)

definitions = extend_schema(
    operation_id="posthog_signal_definitions",
    tags=_TAG,
    parameters=[WORKSPACE, *PAGING],
    responses=responses(DefinitionAnswer(many=True), 400, *_READ),
)

create_definition = extend_schema(
    operation_id="posthog_signal_definition_create",
    tags=_TAG,
    parameters=[WORKSPACE],
    request={"application/json": DefinitionRequest},
    responses=responses(DefinitionAnswer, *_CHANGE, code=201),
    examples=[
        *_requests(lambda name, rule: {"name": name, "weight": 40, "rule": rule}),
        _answer("Created", _EXAMPLE, code=201),
        _REFUSED,
    ],
)

definition = extend_schema(
    operation_id="posthog_signal_definition",
    tags=_TAG,
    parameters=[WORKSPACE, _DEFINITION],
    responses=responses(DefinitionAnswer, *_READ),
    examples=[_answer("A draft", _EXAMPLE)],
)


def update_definition(view: Any) -> Any:
    """Of PUT and PATCH, which mean the same."""
    for method, name in (("PUT", "update"), ("PATCH", "change")):
        decorate = extend_schema(
            methods=[method],
            operation_id=f"posthog_signal_definition_{name}",
            tags=_TAG,
            parameters=[WORKSPACE, _DEFINITION],
            request={"application/json": DefinitionRequest(partial=True)},
            responses=responses(DefinitionAnswer, *_CHANGE),
            examples=[
                OpenApiExample("Another weight", value={"weight": 20}, request_only=True),
                _answer("Changed", _EXAMPLE | {"version": 2, "weight": 20}),
                _REFUSED,
            ],
        )
        view = decorate(view)
    return view


pause_definition = extend_schema(
    operation_id="posthog_signal_definition_pause",
    tags=_TAG,
    parameters=[WORKSPACE, _DEFINITION],
    request=None,
    responses=responses(DefinitionAnswer, *_READ),
    examples=[_answer("Paused", _EXAMPLE | {"state": "paused"})],
)

activate_definition = extend_schema(
    operation_id="posthog_signal_definition_activate",
    tags=_TAG,
    parameters=[WORKSPACE, _DEFINITION],
    request=None,
    responses=responses(DefinitionAnswer, *_READ),
    examples=[_answer("Active", _EXAMPLE | {"state": "active"})],
)

_FOUND = _answer(
    "One account",
    {
        "as_of": "2026-11-22",
        "count": 1,
        "accounts": [{**_ACCOUNT, "sentence": _SENTENCE, "evidence": _EVIDENCE}],
    },
)

preview_definition = extend_schema(
    operation_id="posthog_signal_definition_preview",
    tags=_TAG,
    parameters=[WORKSPACE, _DEFINITION, DayQuery],
    responses=responses(PreviewAnswer, 400, *_READ),
    examples=[_FOUND],
)

preview_rule = extend_schema(
    operation_id="posthog_signal_rule_preview",
    tags=_TAG,
    parameters=[WORKSPACE, DayQuery],
    request={"application/json": RuleRequest},
    responses=responses(PreviewAnswer, *_CHANGE),
    examples=[*_requests(lambda name, rule: {"rule": rule}), _FOUND, _REFUSED],
)

templates = extend_schema(
    operation_id="posthog_signal_templates",
    tags=_TAG,
    parameters=[WORKSPACE],
    responses=responses(TemplatesAnswer, *_READ),
)

signals = extend_schema(
    operation_id="posthog_signals",
    tags=_TAG,
    parameters=[WORKSPACE, *PAGING, SignalQuery],
    responses=responses(SignalAnswer(many=True), 400, *_READ),
)

signal = extend_schema(
    operation_id="posthog_signal",
    tags=_TAG,
    parameters=[WORKSPACE, _SIGNAL],
    responses=responses(SignalAnswer, *_READ),
    examples=[_answer("New", _FIRED)],
)

acknowledge = extend_schema(
    operation_id="posthog_signal_acknowledge",
    tags=_TAG,
    parameters=[WORKSPACE, _SIGNAL],
    request=None,
    responses=responses(SignalAnswer, *_READ),
    examples=[_answer("Acknowledged", _FIRED | {"state": "acknowledged"})],
)

dismiss = extend_schema(
    operation_id="posthog_signal_dismiss",
    tags=_TAG,
    parameters=[WORKSPACE, _SIGNAL],
    request={"application/json": DismissRequest},
    responses=responses(SignalAnswer, *_CHANGE),
    examples=[
        OpenApiExample("Why", value={"reason": "A pilot that ends."}, request_only=True),
        _answer("Dismissed", _FIRED | {"state": "dismissed"}),
    ],
)

why_not = extend_schema(
    operation_id="posthog_account_why_not",
    tags=_TAG,
    parameters=[WORKSPACE, WhyNotQuery],
    responses=responses(WhyNotAnswer, 400, *_READ),
    examples=[
        _answer(
            "Not met",
            {
                "definition": _FIRED["definition"],
                "account": _ACCOUNT,
                "as_of": "2026-11-22",
                "met": False,
                "conditions": [
                    {
                        **_NOT_MET,
                        "text": "active people in 7 days: 4, at least 6 needed; 4 before",
                    }
                ],
            },
        )
    ],
)

fit_criteria = extend_schema(
    operation_id="posthog_fit_criteria",
    tags=_TAG,
    parameters=[WORKSPACE],
    responses=responses(FitCriteria, *_READ),
    examples=[_answer("Two criteria", _CRITERIA)],
)

change_fit_criteria = extend_schema(
    operation_id="posthog_fit_criteria_change",
    tags=_TAG,
    parameters=[WORKSPACE],
    request={"application/json": FitCriteria},
    responses=responses(FitCriteria, *_CHANGE),
    examples=[
        OpenApiExample("Two criteria", value=_CRITERIA, request_only=True),
        _answer("Changed", _CRITERIA),
    ],
)
