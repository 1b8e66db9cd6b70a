"""The shapes of a backtest's request and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ..services.signals.backtest import LONGEST_HORIZON_DAYS


class BacktestRequest(serializers.Serializer[Any]):
    """What accounts do that convert, and the period; by default all days that can be judged."""

    goal_event = serializers.CharField(max_length=200, trim_whitespace=False)
    horizon_days = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_HORIZON_DAYS,
        help_text="For how many days after a signal a conversion counts for it.",
    )
    to = serializers.DateField(required=False, source="last")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # "from" is a word of Python's.
        first = serializers.DateField(required=False, source="first")
        return {**super().get_fields(), "from": first}


class IntervalAnswer(serializers.Serializer[Any]):
    """A figure with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class WeeklyTopAnswer(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="So many of a week's accounts, the largest first.")
    share = serializers.FloatField(help_text="Of the goals, 0 to 1.")


class BacktestAnswer(serializers.Serializer[Any]):
    """What the definition would have told. Below the least sample only counts are given."""

    sample = serializers.ChoiceField(choices=["ok", "too_few"])
    accounts = serializers.IntegerField(help_text="Accounts seen by the end of the period.")
    exposed = serializers.IntegerField(
        help_text="Accounts with a signal before they converted, followed for the whole horizon."
    )
    goals = serializers.IntegerField(
        help_text="Accounts that converted, with the whole horizon of the period before it."
    )
    precision = IntervalAnswer(
        allow_null=True, help_text="Share of the exposed that converted within the horizon."
    )
    recall = IntervalAnswer(
        allow_null=True, help_text="Share of the goals that came within the horizon after a signal."
    )
    lift = IntervalAnswer(
        allow_null=True,
        help_text="Precision by the share of the accounts without a signal that converted within "
        "the same days. Null as well where too few converted, with a signal or without.",
    )
    median_lead_days = serializers.FloatField(
        allow_null=True, help_text="From the first signal within the horizon to the goal."
    )
    signals_per_week = serializers.FloatField()
    caught_by_weekly_top = WeeklyTopAnswer(
        many=True,
        help_text="Share of the goals whose accounts stood among the first of a week's signals "
        "before, within the horizon; empty below the least sample.",
    )
    changed_after = serializers.IntegerField(
        help_text="Signals that rest on days that got events, of whichever account, after the "
        "signal's day had been read."
    )
