"""The shapes of what signals and scores rest on."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ..pql.rules import MEASURES


class NamedDefinition(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()


class NamedAccount(serializers.Serializer[Any]):
    id = serializers.CharField()
    key = serializers.CharField()
    name = serializers.CharField()


class _Judgement(serializers.Serializer[Any]):
    measure = serializers.ChoiceField(choices=MEASURES)
    events = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Null: all events."
    )
    days = serializers.IntegerField(help_text="The window's length.")
    as_of = serializers.DateField(help_text="The day that the window ends with.")
    met = serializers.BooleanField()
    value = serializers.FloatField()
    before = serializers.FloatField(
        allow_null=True, help_text="The same of the time before; null where that does not matter."
    )
    needed = serializers.FloatField(help_text="What value has to reach, or not to exceed.")

    class Meta:
        ref_name = "SignalJudgement"


class ConditionAnswer(_Judgement):
    """A condition, and what it came to."""

    text = serializers.CharField(help_text="The same in words.")

    class Meta:
        ref_name = "JudgedCondition"


class _Window(serializers.Serializer[Any]):
    to = serializers.DateField()
    days = serializers.IntegerField()

    class Meta:
        ref_name = "SignalWindow"

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # "from" is a word of Python's.
        return {"from": serializers.DateField(), **super().get_fields()}


class _SeriesDay(serializers.Serializer[Any]):
    day = serializers.DateField()
    value = serializers.FloatField()

    class Meta:
        ref_name = "SignalSeriesDay"


class EvidenceAnswer(serializers.Serializer[Any]):
    """The receipt: what the first condition that is met counted, with the days behind it."""

    measure = serializers.ChoiceField(choices=MEASURES)
    events = serializers.ListField(child=serializers.CharField(), allow_null=True)
    days = serializers.IntegerField()
    window = _Window()
    value = serializers.FloatField()
    before = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField()
    series = _SeriesDay(many=True, help_text="Oldest first; with the time that it compares with.")
    conditions = _Judgement(many=True, help_text="All conditions of the rule.")


class _ScoringDefinition(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()

    class Meta:
        ref_name = "ScoringDefinition"


class ScorePartAnswer(serializers.Serializer[Any]):
    """What a definition's newest signal adds to a score by now. Without a definition: what is
    taken off or added to stay between 0 and 100."""

    definition = _ScoringDefinition(allow_null=True)
    signal_id = serializers.CharField(allow_null=True)
    fired_on = serializers.DateField(allow_null=True)
    points = serializers.FloatField()
