"""The shapes of the requests and answers about usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..models import Account, SyncDay
from ..pql.scores import GRADES, LOWEST_GRADE, grade_of
from ..services.mapping import Strategy
from ..services.usage import AccountUsage, SyncStatus
from .evidence_serializers import ScorePartAnswer

FIGURES = (
    "events_7d",
    "events_7d_before",
    "events_28d",
    "events_28d_before",
    "people_1d",
    "people_7d",
    "people_28d",
    "active_days_28d",
    "distinct_events_28d",
)
"""The numbers of an account that lists can be ordered and filtered by."""

_GRADES = [*(grade for _, grade in GRADES), LOWEST_GRADE]

ORDERINGS = (*FIGURES, "score", "fit", "key", "name", "first_seen", "last_seen")


class RunAnswer(serializers.Serializer[Any]):
    """One pass over the days."""

    id = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    days_total = serializers.IntegerField()
    days_done = serializers.IntegerField()
    events = serializers.IntegerField(help_text="Events of the days that were read and proven.")
    requests = serializers.IntegerField(help_text="Queries sent to PostHog.")
    bytes_read = serializers.IntegerField()
    eta_seconds = serializers.IntegerField(allow_null=True)
    waiting_until = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    error_type = serializers.CharField(allow_null=True)


class LedgerAnswer(serializers.Serializer[Any]):
    """All days together."""

    to = serializers.DateField(source="last", allow_null=True)
    green = serializers.IntegerField(help_text="Days that add up to what PostHog counts.")
    red = serializers.IntegerField(help_text="Days that do not; the next sync reads them again.")
    pending = serializers.IntegerField(help_text="Days that are still to be read, or read again.")
    events_posthog = serializers.IntegerField()
    events_stored = serializers.IntegerField()
    events_unattributed = serializers.IntegerField(help_text="Events that belong to no account.")
    verified_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # "from" is a word of Python's.
        first = serializers.DateField(source="first", allow_null=True)
        return {"from": first, **super().get_fields()}


class SyncAnswer(serializers.Serializer[Any]):
    """How syncing stands."""

    state = serializers.ChoiceField(choices=["never", "running", "waiting", "done", "failed"])
    as_of = serializers.DateField(
        allow_null=True, help_text="The last day held, with which all windows end."
    )
    run = RunAnswer(allow_null=True)
    ledger = LedgerAnswer()


_RUN_COLUMNS = (
    "id",
    "started_at",
    "finished_at",
    "days_total",
    "days_done",
    "events",
    "requests",
    "bytes_read",
    "waiting_until",
)


def sync_data(status: SyncStatus) -> Any:
    """The fields of ``SyncAnswer``."""
    run = status.run
    facts: dict[str, Any] | None = None
    if run is not None:
        facts = {name: getattr(run, name) for name in _RUN_COLUMNS}
        facts |= {"eta_seconds": status.eta_seconds}
        facts |= {"error": run.error or None, "error_type": run.error_type or None}
    whole = {
        "state": status.state,
        "as_of": status.as_of,
        "run": facts,
        "ledger": status.ledger,
    }
    return SyncAnswer(whole).data


class SyncStarted(serializers.Serializer[Any]):
    run_id = serializers.CharField()


class DayAnswer(serializers.ModelSerializer[SyncDay]):
    """One day of the ledger."""

    class Meta:
        model = SyncDay
        fields = (
            "day",
            "state",
            "events_posthog",
            "events_stored",
            "events_unattributed",
            "unattributed",
            "horizon",
            "verified_at",
        )


class TopEventAnswer(serializers.Serializer[Any]):
    event = serializers.CharField()
    events = serializers.IntegerField()
    people = serializers.IntegerField()


class AccountAnswer(serializers.ModelSerializer[Account]):
    """An account; every window ends with ``as_of``, the last day held."""

    id = serializers.CharField(read_only=True)
    top_events = TopEventAnswer(many=True, help_text="Of the last 28 days, at most 5.")
    trend = serializers.ListField(
        child=serializers.IntegerField(), help_text="Events of the last 12 weeks, oldest first."
    )
    score = serializers.FloatField(
        min_value=0, max_value=100, help_text="What its signals are worth by now, 0 to 100."
    )
    grade = serializers.SerializerMethodField()
    score_parts = ScorePartAnswer(many=True, help_text="The score is their sum.")
    fit = serializers.FloatField(
        min_value=0,
        max_value=100,
        allow_null=True,
        help_text="How many per cent of the criteria of fit it meets; null where its group has no "
        "properties, or there are no criteria.",
    )

    @extend_schema_field(serializers.ChoiceField(choices=_GRADES))
    def get_grade(self, account: Account) -> str:
        return grade_of(account.score)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Made of the models, their limits would be those of the database at hand.
        figures = {name: serializers.IntegerField(min_value=0) for name in FIGURES}
        return {**super().get_fields(), **figures}

    class Meta:
        model = Account
        fields: tuple[str, ...] = (
            "id",
            "key",
            "name",
            "first_seen",
            "last_seen",
            *FIGURES,
            "top_events",
            "trend",
            "score",
            "grade",
            "score_parts",
            "fit",
        )


class AccountDayAnswer(serializers.Serializer[Any]):
    day = serializers.DateField()
    events = serializers.IntegerField()
    people = serializers.IntegerField()
    people_7d = serializers.IntegerField()
    people_28d = serializers.IntegerField()


class AccountEventDayAnswer(serializers.Serializer[Any]):
    event = serializers.CharField()
    day = serializers.DateField()
    events = serializers.IntegerField()
    people = serializers.IntegerField()


class AccountDetailAnswer(AccountAnswer):
    """An account with its usage, day by day."""

    properties = serializers.DictField(allow_null=True)
    daily = AccountDayAnswer(many=True)
    by_event = AccountEventDayAnswer(many=True)

    class Meta(AccountAnswer.Meta):
        fields = (*AccountAnswer.Meta.fields, "properties", "daily", "by_event")


def account_data(account: Account, usage: AccountUsage) -> Mapping[str, Any]:
    """The fields of ``AccountDetailAnswer``."""
    return {
        **AccountAnswer(account).data,
        "properties": account.properties,
        "daily": AccountDayAnswer(usage.daily, many=True).data,
        "by_event": AccountEventDayAnswer(usage.by_event, many=True).data,
    }


class CoverageAnswer(serializers.Serializer[Any]):
    strategy = serializers.ChoiceField(choices=Strategy.choices)
    value = serializers.CharField(allow_blank=True)
    events = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of all events of the last 30 days, 0 to 1.")
    accounts = serializers.IntegerField()


class MappingAnswer(serializers.Serializer[Any]):
    """What makes an account of an event; null until the first sync has measured the choices."""

    strategy = serializers.ChoiceField(choices=Strategy.choices, allow_null=True)
    value = serializers.CharField(allow_null=True)
    coverage = CoverageAnswer(many=True, help_text="What each choice covers, the most first.")


class MappingRequest(serializers.Serializer[Any]):
    """Another mapping. All usage is removed, and read anew."""

    strategy = serializers.ChoiceField(choices=Strategy.choices)
    value = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=100,
        help_text="The group type's index (0 to 4), or the property's name.",
    )


class PurgeRequest(serializers.Serializer[Any]):
    """Remove all usage of the workspace."""

    confirm = serializers.CharField(max_length=255, help_text="The workspace's slug or id.")


class PurgeAnswer(serializers.Serializer[Any]):
    message = serializers.CharField()


class SyncRequest(serializers.Serializer[Any]):
    full = serializers.BooleanField(
        required=False, help_text="Compare all days, and read the last month again."
    )


class AccountRange(serializers.Serializer[Any]):
    """Which days of an account are wanted, by default the last 90 that are held."""

    to = serializers.DateField(required=False, source="last")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "from": serializers.DateField(required=False, source="first"),
            **super().get_fields(),
        }
