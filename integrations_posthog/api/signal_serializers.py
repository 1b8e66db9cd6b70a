"""The shapes of the requests and answers about signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from ..models import Signal, SignalDefinition
from ..pql.fit import MOST_CRITERIA
from ..pql.rules import LONGEST_LOOKBACK
from ..pql.sentences import found_text, needed_text
from ..pql.templates import USUAL_COOLDOWN_DAYS, USUAL_WEIGHT, Proposal
from ..services.signals.definitions import Preview
from ..services.signals.evidence import judgement_data
from ..services.signals.signals import Explanation
from .evidence_serializers import ConditionAnswer, EvidenceAnswer, NamedAccount, NamedDefinition
from .rule_schema import CriterionField, RuleField


class DefinitionRequest(serializers.Serializer[Any]):
    """What counts as a signal."""

    name = serializers.CharField(max_length=100)
    weight = serializers.IntegerField(
        default=USUAL_WEIGHT,
        min_value=-100,
        max_value=100,
        help_text="Points that a signal adds to the score on its first day; below zero for risks.",
    )
    cooldown_days = serializers.IntegerField(
        default=USUAL_COOLDOWN_DAYS,
        min_value=0,
        max_value=LONGEST_LOOKBACK,
        help_text="Days after a signal in which there is no other of the same account.",
    )
    rule = RuleField()


class RuleRequest(serializers.Serializer[Any]):
    """A rule that need not be stored."""

    rule = RuleField()


class DayQuery(serializers.Serializer[Any]):
    """As of which day, by default the last one that is over and verified."""

    as_of = serializers.DateField(required=False)


class WhyNotQuery(DayQuery):
    """Which definition, and as of which day."""

    definition = serializers.CharField(max_length=100, help_text="The definition's id.")


class SignalQuery(serializers.Serializer[Any]):
    """Which signals; left out: all."""

    definition = serializers.CharField(
        required=False, max_length=100, help_text="The definition's id."
    )
    account = serializers.CharField(required=False, max_length=100, help_text="The account's id.")
    state = serializers.ChoiceField(required=False, choices=Signal.State.choices)
    day = serializers.DateField(required=False, help_text="The day that they fired on.")
    late = serializers.BooleanField(
        required=False, help_text="Whether they were found only when their day was long over."
    )


class DismissRequest(serializers.Serializer[Any]):
    """Why a signal is of no use."""

    reason = serializers.CharField(max_length=500)


class DefinitionAnswer(serializers.ModelSerializer[SignalDefinition]):
    """A definition, as it is in its newest version."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(source="version.name")
    version = serializers.IntegerField(source="version.number")
    weight = serializers.IntegerField(source="version.weight")
    cooldown_days = serializers.IntegerField(source="version.cooldown_days")
    rule = RuleField(source="version.rule")

    class Meta:
        model = SignalDefinition
        fields = ("id", "name", "version", "state", "weight", "cooldown_days", "rule")


class TemplateAnswer(serializers.Serializer[Any]):
    """A definition to start from."""

    slug = serializers.CharField(source="template.slug")
    name = serializers.CharField(source="template.name")
    purpose = serializers.ChoiceField(
        source="template.purpose", choices=["expansion", "activation", "risk"]
    )
    description = serializers.CharField(source="template.description")
    weight = serializers.IntegerField(source="template.weight")
    cooldown_days = serializers.IntegerField(default=USUAL_COOLDOWN_DAYS)
    events = serializers.ListField(
        child=serializers.CharField(),
        help_text="Those of the project that fit; none where the rule counts all events.",
    )
    rule = RuleField(allow_null=True, help_text="Null where the project has no events that fit.")


class TemplatesAnswer(serializers.Serializer[Any]):
    templates = TemplateAnswer(many=True)


class WhyNotAnswer(serializers.Serializer[Any]):
    """Whether a definition is met for an account; as_of and met are null while too little history
    is held to tell."""

    definition = NamedDefinition()
    account = NamedAccount()
    as_of = serializers.DateField(allow_null=True)
    met = serializers.BooleanField(allow_null=True)
    conditions = ConditionAnswer(many=True)


class SignalAnswer(serializers.Serializer[Any]):
    """What a definition found of an account, as it was then."""

    id = serializers.CharField()
    definition = NamedDefinition(help_text="The version that it fired by.")
    account = NamedAccount()
    fired_on = serializers.DateField()
    late = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Signal.State.choices)
    sentence = serializers.CharField()
    evidence = EvidenceAnswer()
    as_of = serializers.DateField(help_text="The day that its windows end with.")
    horizon = serializers.DateTimeField(
        allow_null=True, help_text="Until when PostHog had taken in what it rests on."
    )
    posthog_url = serializers.CharField()


class MatchAnswer(NamedAccount):
    """An account that a rule is met for, and why."""

    sentence = serializers.CharField()
    evidence = EvidenceAnswer()

    class Meta:
        ref_name = "SignalMatch"


class PreviewAnswer(serializers.Serializer[Any]):
    """What a rule would find; as_of is null while too little history is held to tell."""

    as_of = serializers.DateField(allow_null=True)
    count = serializers.IntegerField()
    accounts = MatchAnswer(many=True, help_text="The first 20, the most active first.")


class FitCriteria(serializers.Serializer[Any]):
    """What makes an account fit, by properties of its group, whatever it does."""

    criteria = serializers.ListField(child=CriterionField(), max_length=MOST_CRITERIA)


def definition_data(definition: SignalDefinition) -> dict[str, Any]:
    """The fields of ``DefinitionAnswer``, on their own: what is sent has other fields."""
    return dict(DefinitionAnswer(definition).data)


def templates_data(proposals: Sequence[Proposal]) -> dict[str, Any]:
    """The fields of ``TemplatesAnswer``."""
    return {"templates": TemplateAnswer(proposals, many=True).data}


def preview_data(preview: Preview) -> dict[str, Any]:
    """The fields of ``PreviewAnswer``."""
    accounts = [
        {
            "id": str(match.account.pk),
            "key": match.account.key,
            "name": match.account.name,
            "sentence": match.receipt.sentence,
            "evidence": match.receipt.evidence,
        }
        for match in preview.matches
    ]
    return {"as_of": preview.as_of, "count": preview.count, "accounts": accounts}


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """The fields of ``WhyNotAnswer``."""
    definition, account, verdict = explanation.definition, explanation.account, explanation.verdict
    return {
        "definition": {
            "id": str(definition.pk),
            "name": str(definition),
            "version": definition.version.number if definition.version else 1,
        },
        "account": {"id": str(account.pk), "key": account.key, "name": account.name},
        "as_of": explanation.as_of,
        "met": verdict.met if verdict else None,
        "conditions": [
            judgement_data(one) | {"text": found_text(one) if one.met else needed_text(one)}
            for one in (verdict.judgements if verdict else ())
        ],
    }
