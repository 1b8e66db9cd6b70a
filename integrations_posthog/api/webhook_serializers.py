"""The shapes of the requests and answers about webhooks."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ..models import Webhook, WebhookDelivery
from ..services.signals.webhooks import LONGEST_URL, ChangedWebhook


class WordsField(serializers.CharField):
    """A text; null where the column is empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) or None


class WebhookAnswer(serializers.ModelSerializer[Webhook]):
    """Where signals are sent."""

    pause_reason = WordsField(help_text="Why it is paused, and what to do.")
    failing_since = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="When the first of the attempts failed that have failed ever since.",
    )

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            "id",
            "url",
            "state",
            "pause_reason",
            "failing_since",
            "created_at",
        )


_SECRET = "What messages are signed with: whsec_ and base64. "  # noqa: S105


class CreatedWebhookAnswer(WebhookAnswer):
    """A new webhook."""

    secret = serializers.CharField(
        help_text=f"{_SECRET}It is told in this answer and never again: keep it."
    )

    class Meta(WebhookAnswer.Meta):
        fields = (*WebhookAnswer.Meta.fields, "secret")


class ChangedWebhookAnswer(WebhookAnswer):
    """A webhook after a change."""

    secret = serializers.CharField(
        required=False,
        help_text=f"{_SECRET}There only where a new one was asked for; it is never told again.",
    )

    class Meta(WebhookAnswer.Meta):
        fields = (*WebhookAnswer.Meta.fields, "secret")


def webhook_data(changed: ChangedWebhook) -> dict[str, Any]:
    """The fields of ``CreatedWebhookAnswer`` or ``ChangedWebhookAnswer``."""
    facts: dict[str, Any] = dict(WebhookAnswer(changed.webhook).data)
    return facts if changed.secret is None else facts | {"secret": changed.secret}


_URL = "An https address of the public internet, at port 443; redirects are not followed."


class WebhookRequest(serializers.Serializer[Any]):
    """A webhook to add."""

    url = serializers.CharField(max_length=LONGEST_URL, help_text=_URL)


class WebhookChange(serializers.Serializer[Any]):
    """What to change of a webhook; what is left out stays."""

    url = serializers.CharField(required=False, max_length=LONGEST_URL, help_text=_URL)
    state = serializers.ChoiceField(
        required=False,
        choices=Webhook.State.choices,
        help_text="Paused: what waits is kept, and sent once it is active again; signals that fire "
        "meanwhile are not sent.",
    )
    new_secret = serializers.BooleanField(
        required=False, help_text="Sign with another secret from now on, and not with the old one."
    )


class WebhookTestAnswer(serializers.Serializer[Any]):
    """How a test went."""

    delivered = serializers.BooleanField(source="is_delivered")
    status = serializers.IntegerField(
        source="last_status",
        allow_null=True,
        help_text="Of the receiver's answer, if there was one.",
    )
    error = WordsField(source="last_error", help_text="What went wrong.")


class DeliveryAnswer(serializers.ModelSerializer[WebhookDelivery]):
    """One message, however often it takes to deliver it."""

    id = serializers.CharField(read_only=True, help_text="The webhook-id of all its attempts.")
    signal_id = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null where it is a test."
    )
    attempts = serializers.IntegerField(read_only=True)
    next_attempt_at = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="When it is due, unless its webhook is paused; null once it is over.",
    )
    last_status = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Of the receiver's answer, if there was one."
    )
    last_error = WordsField(help_text="What went wrong the last time; never what was answered.")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "signal_id",
            "state",
            "attempts",
            "next_attempt_at",
            "last_attempt_at",
            "last_status",
            "last_error",
            "delivered_at",
            "created_at",
        )
