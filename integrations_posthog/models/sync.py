"""How usage comes in: the runs, the ledger of days, what is on its way, whose turn it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from ..fields import CascadingForeignKey
from .usage import UsageSource


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def unfinished(self) -> SyncRunQuerySet:
        return self.filter(finished_at=None)

    def free(self, *, now: datetime) -> SyncRunQuerySet:
        """Unfinished, held by no worker that is alive, and not waiting for a later time."""
        nobody = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
        due = Q(waiting_until=None) | Q(waiting_until__lte=now)
        return self.unfinished().filter(nobody, due)

    def left(self, *, now: datetime, after: timedelta) -> SyncRunQuerySet:
        """Free, and somebody was at work on them, or should have been for so long."""
        was_due = Q(started_at__isnull=False) | Q(created_at__lt=now - after)
        return self.free(now=now).filter(was_due)

    def newest_first(self) -> SyncRunQuerySet:
        return self.order_by("-id")


class SyncRun(models.Model):
    """One pass over the days of a source. A run is held by one worker at a time, by its lease."""

    class Kind(models.TextChoices):
        RECENT = "recent", "Recent days"
        HISTORY = "history", "History"
        FULL = "full", "All days"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    source = CascadingForeignKey(UsageSource, related_name="runs")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(
        max_length=8, choices=State.choices, default=State.QUEUED, db_default=State.QUEUED
    )
    days_back = models.PositiveIntegerField()
    actor_name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    waiting_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=36, default="", db_default="", blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    is_planned = models.BooleanField(default=False, db_default=False)
    days_per_query = models.PositiveIntegerField(default=7, db_default=7)
    days_total = models.PositiveIntegerField(default=0, db_default=0)
    days_done = models.PositiveIntegerField(default=0, db_default=0)
    events = models.BigIntegerField(default=0, db_default=0)
    requests = models.PositiveIntegerField(default=0, db_default=0)
    bytes_read = models.BigIntegerField(default=0, db_default=0)
    error_type = models.CharField(max_length=32, default="", db_default="", blank=True)
    error = models.TextField(default="", db_default="", blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        db_table = "posthog_sync_run"
        verbose_name = "PostHog sync run"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(finished_at=None), name="posthog_sync_run_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_state_display()}"


class SyncDayQuerySet(models.QuerySet["SyncDay"]):
    def green(self) -> SyncDayQuerySet:
        return self.filter(state=SyncDay.State.GREEN)

    def red(self) -> SyncDayQuerySet:
        return self.filter(state=SyncDay.State.RED)

    def pending(self) -> SyncDayQuerySet:
        return self.filter(state=SyncDay.State.PENDING)

    def held(self) -> SyncDayQuerySet:
        """Of which usage is stored, be it the newest or not."""
        return self.exclude(verified_at=None)

    def newest_first(self) -> SyncDayQuerySet:
        return self.order_by("-day")


class SyncDay(models.Model):
    """The ledger: one day of a source, what PostHog counts for it, and what is stored.

    Green says: true when verified at ``verified_at``, of all that PostHog had taken in by
    ``horizon``. What is stored of a red or pending day is that of its last green reading, if any.
    """

    class State(models.TextChoices):
        GREEN = "green", "Verified"
        RED = "red", "Not verified"
        PENDING = "pending", "Pending"

    source = CascadingForeignKey(UsageSource, related_name="days", db_index=False)
    day = models.DateField()
    state = models.CharField(max_length=8, choices=State.choices)
    events_posthog = models.BigIntegerField()
    last_created_at = models.DateTimeField(null=True)
    events_stored = models.BigIntegerField(default=0, db_default=0)
    events_unattributed = models.BigIntegerField(default=0, db_default=0)
    unattributed = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    horizon = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)

    objects = SyncDayQuerySet.as_manager()

    class Meta:
        db_table = "posthog_sync_day"
        verbose_name = "PostHog sync day"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["source", "day"], name="posthog_sync_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.get_state_display()}"

    @property
    def is_held(self) -> bool:
        """Whether usage of this day is stored, be it the newest or not."""
        return self.verified_at is not None

    def was_over(self, source: UsageSource) -> bool:
        """Whether all that PostHog took in of the day by its end was read, in the zone of its
        source."""
        return self.horizon is not None and source.day_at(self.horizon) > self.day


class StagedUsage(models.Model):
    """Rows on their way into the tables of usage, until their days prove to be whole.

    With a day and an event it becomes an ``AccountEventDay``, without the event an ``AccountDay``,
    without the day an ``AccountEvent``.
    """

    run_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    event_id = models.BigIntegerField(null=True)
    day = models.DateField(null=True)
    events = models.BigIntegerField()
    people = models.BigIntegerField()
    people_7d = models.BigIntegerField(default=0, db_default=0)
    people_28d = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "posthog_staged_usage"
        default_permissions = ()


class QueryTurn(models.Model):
    """Whose turn it is to query a project: one query at a time, whichever workspace asks."""

    posthog_host = models.CharField(max_length=255)
    posthog_project_id = models.CharField(max_length=255)
    holder = models.CharField(max_length=36)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "posthog_query_turn"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["posthog_host", "posthog_project_id"], name="posthog_query_turn_once"
            ),
        ]
