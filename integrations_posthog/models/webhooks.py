"""Where signals are sent, and what became of each message."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from ..conf import workspace_model
from ..encryption import SealedText
from ..fields import CascadingForeignKey, SealedTextField
from .connection import new_id
from .pql import Signal


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def active(self) -> WebhookQuerySet:
        return self.filter(state=Webhook.State.ACTIVE)

    def newest_first(self) -> WebhookQuerySet:
        return self.order_by("-created_at", "-id")


class Webhook(models.Model):
    """Where a workspace's signals are sent.

    ``failing_since`` is when the first of the deliveries failed that have failed ever since.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"

    id = models.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    workspace = CascadingForeignKey(workspace_model(), related_name="posthog_webhooks")
    url = models.CharField(max_length=500)
    secret = SealedTextField()
    state = models.CharField(
        max_length=6, choices=State.choices, default=State.ACTIVE, db_default=State.ACTIVE
    )
    pause_reason = models.CharField(max_length=255, default="", db_default="", blank=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = WebhookQuerySet.as_manager()

    class Meta:
        db_table = "posthog_webhook"
        verbose_name = "PostHog webhook"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.url

    def set_secret(self, secret: str) -> None:
        """Seal what messages are signed with."""
        self.secret = SealedText.seal(secret)

    def pause(self, *, reason: str) -> None:
        """Send nothing until it is activated.

        Args:
            reason: says why, and what to do.
        """
        self.state = self.State.PAUSED
        self.pause_reason = reason[:255]

    def activate(self) -> None:
        """Go on sending, as if nothing had ever failed."""
        self.state = self.State.ACTIVE
        self.pause_reason = ""
        self.failing_since = None


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def pending(self) -> WebhookDeliveryQuerySet:
        return self.filter(state=WebhookDelivery.State.PENDING)

    def due(self, *, now: datetime) -> WebhookDeliveryQuerySet:
        """Waiting for an attempt that may be made now, at a webhook that is active."""
        return self.pending().filter(next_attempt_at__lte=now, webhook__state=Webhook.State.ACTIVE)

    def newest_first(self) -> WebhookDeliveryQuerySet:
        return self.order_by("-id")


class WebhookDelivery(models.Model):
    """One message to one webhook, however often it takes; ``id`` is the message's, and grows.

    ``signal`` is None of a test. The payload is kept as it is signed and sent.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    webhook = CascadingForeignKey(Webhook, related_name="deliveries")
    signal = CascadingForeignKey(Signal, related_name="deliveries", null=True)
    payload = models.TextField()
    state = models.CharField(
        max_length=9, choices=State.choices, default=State.PENDING, db_default=State.PENDING
    )
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    last_status = models.PositiveIntegerField(null=True)
    last_error = models.CharField(max_length=255, default="", db_default="", blank=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        db_table = "posthog_webhook_delivery"
        verbose_name = "PostHog webhook delivery"
        verbose_name_plural = "PostHog webhook deliveries"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "signal"], name="posthog_webhook_delivery_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state="pending"),
                name="posthog_delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.get_state_display()}"

    @property
    def is_delivered(self) -> bool:
        return self.state == self.State.DELIVERED
