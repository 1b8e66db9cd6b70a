"""What is stored of a project's usage: accounts, and what they did day by day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from ..fields import BulkCascadingForeignKey, CascadingForeignKey, CascadingOneToOneField
from .connection import PosthogWorkspaceConfig


class UsageSource(models.Model):
    """Which project's usage is stored for a connection, and what makes an account of it.

    Everything below hangs on this row: removing it removes all usage.
    """

    class Strategy(models.TextChoices):
        GROUP = "group", "Group type"
        EMAIL_DOMAIN = "email_domain", "E-mail domain"
        PERSON_PROPERTY = "person_property", "Person property"
        EVENT_PROPERTY = "event_property", "Event property"

    connection = CascadingOneToOneField(PosthogWorkspaceConfig, related_name="usage_source")
    posthog_host = models.CharField(max_length=255)
    posthog_project_id = models.CharField(max_length=255)
    project_timezone = models.CharField(max_length=64, default="", db_default="")
    strategy = models.CharField(
        max_length=16, choices=Strategy.choices, default="", db_default="", blank=True
    )
    value = models.CharField(max_length=100, default="", db_default="", blank=True)
    coverage = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    as_of = models.DateField(null=True)
    metrics_are_stale = models.BooleanField(default=False, db_default=False)
    groups_read_at = models.DateTimeField(null=True)
    next_sync_at = models.DateTimeField(null=True)
    next_full_sync_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        db_table = "posthog_usage_source"
        verbose_name = "PostHog usage source"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"Usage of project {self.posthog_project_id} at {self.posthog_host}"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the project's days; UTC where it is not known, or none that we know."""
        try:
            return ZoneInfo(self.project_timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # The name of a folder, for one.
            return ZoneInfo("UTC")

    def day_at(self, moment: datetime) -> date:
        """The project's day at a moment."""
        return moment.astimezone(self.zone).date()

    def reschedule(self, moment: datetime) -> None:
        """Let the next sync be due then."""
        self.next_sync_at = moment
        self.save(update_fields=["next_sync_at"])


class Account(models.Model):
    """A company, by the key that its events have in common; with its figures as of the source's
    ``as_of``, the last day of every window."""

    source = CascadingForeignKey(UsageSource, related_name="accounts", db_index=False)
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=255)
    properties = models.JSONField(null=True)
    first_seen = models.DateField(null=True)
    last_seen = models.DateField(null=True)
    events_7d = models.BigIntegerField(default=0, db_default=0)
    events_7d_before = models.BigIntegerField(default=0, db_default=0)
    events_28d = models.BigIntegerField(default=0, db_default=0)
    events_28d_before = models.BigIntegerField(default=0, db_default=0)
    people_1d = models.BigIntegerField(default=0, db_default=0)
    people_7d = models.BigIntegerField(default=0, db_default=0)
    people_28d = models.BigIntegerField(default=0, db_default=0)
    active_days_28d = models.PositiveIntegerField(default=0, db_default=0)
    distinct_events_28d = models.PositiveIntegerField(default=0, db_default=0)
    top_events = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    trend = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    score = models.FloatField(default=0, db_default=0.0)
    score_parts = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    fit = models.FloatField(null=True)

    class Meta:
        db_table = "posthog_account"
        verbose_name = "PostHog account"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["source", "key"], name="posthog_account_key_once"),
        ]

    def __str__(self) -> str:
        return self.name


class UsageEvent(models.Model):
    """The name of an event that the project has."""

    source = CascadingForeignKey(UsageSource, related_name="events", db_index=False)
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "posthog_usage_event"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "name"], name="posthog_usage_event_once"),
        ]

    def __str__(self) -> str:
        return self.name


class EventKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference that the database does not check: to take away one event's name, it would have
    to look through all usage of all workspaces. Names and usage go together, with their source."""

    def __init__(self, to: Any, **kwargs: Any) -> None:
        fixed = {"on_delete": models.DO_NOTHING, "db_constraint": False, "db_index": False}
        super().__init__(to, **kwargs | fixed)


class AccountDay(models.Model):
    """An account on a day: its events, and its people of the 1, 7 and 28 days that end with it.

    Also of days without events, as long as the 28 days have some. Whoever writes usage holds its
    workspace's lock and changes its source in the same transaction, so that neither goes meanwhile.
    """

    pk = models.CompositePrimaryKey("account_id", "day")
    account = BulkCascadingForeignKey(Account, related_name="days", db_index=False)
    day = models.DateField()
    events = models.BigIntegerField()
    people = models.BigIntegerField()
    people_7d = models.BigIntegerField()
    people_28d = models.BigIntegerField()

    class Meta:
        db_table = "posthog_account_day"
        default_permissions = ()


class AccountEventDay(models.Model):
    """An account's use of one event on a day, with the people of that day."""

    pk = models.CompositePrimaryKey("account_id", "day", "event_id")
    account = BulkCascadingForeignKey(Account, related_name="event_days", db_index=False)
    day = models.DateField()
    event = EventKey(UsageEvent, related_name="+")
    events = models.BigIntegerField()
    people = models.BigIntegerField()

    class Meta:
        db_table = "posthog_account_event_day"
        default_permissions = ()


class AccountEvent(models.Model):
    """An account's use of one event in the 28 days up to the source's ``as_of``."""

    pk = models.CompositePrimaryKey("account_id", "event_id")
    account = BulkCascadingForeignKey(Account, related_name="recent_events", db_index=False)
    event = EventKey(UsageEvent, related_name="+")
    events = models.BigIntegerField()
    people = models.BigIntegerField()

    class Meta:
        db_table = "posthog_account_event"
        default_permissions = ()
