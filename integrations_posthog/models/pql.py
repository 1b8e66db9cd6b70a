"""Product-qualified leads: what a workspace looks for, and what was found of which account."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from ..conf import workspace_model
from ..fields import CascadingForeignKey
from .usage import Account


class SignalDefinitionQuerySet(models.QuerySet["SignalDefinition"]):
    def active(self) -> SignalDefinitionQuerySet:
        return self.filter(state=SignalDefinition.State.ACTIVE)


class SignalDefinition(models.Model):
    """What a workspace takes for a sign that an account is ready to buy, or about to leave.

    What it says stands in its versions; the newest one is evaluated while it is active. Signals of
    days before ``prompt_from`` are late: they were over when it became active, or another rule.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"

    workspace = CascadingForeignKey(workspace_model(), related_name="posthog_signal_definitions")
    state = models.CharField(
        max_length=6, choices=State.choices, default=State.DRAFT, db_default=State.DRAFT
    )
    prompt_from = models.DateField(null=True)
    # Versions hang on their definition, so the database need not check this way too.
    version = models.ForeignKey(
        "SignalDefinitionVersion",
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = SignalDefinitionQuerySet.as_manager()

    class Meta:
        db_table = "posthog_signal_definition"
        verbose_name = "PostHog signal definition"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.version.name if self.version else f"Signal definition {self.pk}"


class SignalDefinitionVersion(models.Model):
    """What a definition says from one edit to the next. It never changes; signals refer to it.

    ``evaluated_from`` and ``evaluated_to`` are the first and the last day as of which it was
    evaluated, ``evaluated_at`` is when the newest of the readings was verified that this was done
    by; None before the first time. A version with the same rule as the one before goes on
    from there.
    """

    definition = CascadingForeignKey(SignalDefinition, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    rule = models.JSONField()
    weight = models.IntegerField()
    cooldown_days = models.PositiveIntegerField()
    actor_name = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())
    evaluated_from = models.DateField(null=True)
    evaluated_to = models.DateField(null=True)
    evaluated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "posthog_signal_definition_version"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["definition", "number"], name="posthog_signal_definition_version_once"
            ),
            models.CheckConstraint(
                condition=Q(weight__range=(-100, 100)), name="posthog_signal_definition_weight"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"


class SignalQuerySet(models.QuerySet["Signal"]):
    def counted(self) -> SignalQuerySet:
        """Those that nobody has dismissed."""
        return self.exclude(state=Signal.State.DISMISSED)

    def newest_first(self) -> SignalQuerySet:
        return self.order_by("-fired_on", "-id")


class Signal(models.Model):
    """What a definition found of an account, with its receipt. It is what was true when it fired;
    no later change of the usage alters it.

    ``late`` are those of days that were evaluated before, or that were over before the definition
    was, or was active again: they are listed, not delivered.
    """

    class State(models.TextChoices):
        NEW = "new", "New"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        DISMISSED = "dismissed", "Dismissed"

    version = CascadingForeignKey(SignalDefinitionVersion, related_name="signals", db_index=False)
    account = CascadingForeignKey(Account, related_name="signals")
    fired_on = models.DateField()
    late = models.BooleanField(default=False, db_default=False)
    state = models.CharField(
        max_length=12, choices=State.choices, default=State.NEW, db_default=State.NEW
    )
    state_reason = models.CharField(max_length=500, default="", db_default="", blank=True)
    state_actor_name = models.CharField(max_length=255, default="", db_default="", blank=True)
    state_changed_at = models.DateTimeField(null=True)
    sentence = models.TextField()
    evidence = models.JSONField()
    horizon = models.DateTimeField(null=True)
    posthog_url = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = SignalQuerySet.as_manager()

    class Meta:
        db_table = "posthog_signal"
        verbose_name = "PostHog signal"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["version", "account", "fired_on"], name="posthog_signal_once_an_episode"
            ),
        ]
        indexes = [models.Index(fields=["account", "-fired_on"], name="posthog_signal_of_account")]

    def __str__(self) -> str:
        return self.sentence


class FitCriteria(models.Model):
    """Which accounts suit the workspace, whatever they do: conditions on properties of groups."""

    workspace = CascadingForeignKey(workspace_model(), related_name="posthog_fit_criteria")
    criteria = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    class Meta:
        db_table = "posthog_fit_criteria"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["workspace"], name="posthog_fit_criteria_once"),
        ]
