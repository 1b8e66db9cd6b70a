"""What the OpenAPI document says of the calls about webhooks beyond their shapes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from ..errors import InvalidReceiver, TooManyRequests, TooManyWebhooks
from .schema import PAGING, RETRY_AFTER, WORKSPACE, refusal, responses
from .webhook_serializers import (
    ChangedWebhookAnswer,
    CreatedWebhookAnswer,
    DeliveryAnswer,
    WebhookAnswer,
    WebhookChange,
    WebhookRequest,
    WebhookTestAnswer,
)

_READ = (401, 403, 404, 405, 406, 500)
_CHANGE = (400, 401, 403, 404, 405, 406, 415, 500)
_ID = OpenApiParameter(name="webhook_id", location=OpenApiParameter.PATH)
_SIGNED = (
    "Messages are POST requests with a JSON body `{type, timestamp, data}`, signed after Standard "
    "Webhooks: the headers `webhook-id` (the same for all attempts), `webhook-timestamp` and "
    "`webhook-signature`. Verify them with a library of standardwebhooks.com and the secret. The "
    "type is `signal.fired`, with the signal as `data`, or `signal.test`. Any 2xx within 10 "
    "seconds is a success. All else is tried again after 10 seconds, 1, 5 and 30 minutes, and 2, "
    "5, 8 and 8 hours, then given up; a message may arrive twice. 410 pauses the webhook at once, "
    "three days without a success do so too."
)
_WEBHOOK: dict[str, Any] = {
    "id": "0b8f7f0c-5a0e-4f5b-9a54-3f4f0c1b2d3e",
    "url": "https://hooks.acme.com/pql",
    "state": "active",
    "pause_reason": None,
    "failing_since": None,
    "created_at": "2026-11-22T14:05:00Z",
}
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105  (an example)


def _example(name: str, value: Any, *, code: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(code)])


webhooks = extend_schema(
    operation_id="posthog_webhooks",
    tags=["webhooks"],
    parameters=[WORKSPACE, *PAGING],
    responses=responses(WebhookAnswer(many=True), 400, *_READ),
)

create_webhook = extend_schema(
    operation_id="posthog_webhook_create",
    tags=["webhooks"],
    description=f"Add a webhook; a workspace has ten at most. {_SIGNED}",
    parameters=[WORKSPACE],
    request={"application/json": WebhookRequest},
    responses=responses(CreatedWebhookAnswer, *_CHANGE, code=201),
    examples=[
        OpenApiExample("A receiver", value={"url": _WEBHOOK["url"]}, request_only=True),
        _example("Added", {**_WEBHOOK, "secret": _SECRET}, code=201),
        refusal("Not of the public internet", InvalidReceiver()),
        refusal("The eleventh", TooManyWebhooks()),
    ],
)

webhook = extend_schema(
    operation_id="posthog_webhook",
    tags=["webhooks"],
    parameters=[WORKSPACE, _ID],
    responses=responses(WebhookAnswer, *_READ),
    examples=[_example("Active", _WEBHOOK)],
)

change_webhook = extend_schema(
    operation_id="posthog_webhook_change",
    tags=["webhooks"],
    parameters=[WORKSPACE, _ID],
    request={"application/json": WebhookChange},
    responses=responses(ChangedWebhookAnswer, *_CHANGE),
    examples=[
        OpenApiExample("Pause", value={"state": "paused"}, request_only=True),
        OpenApiExample("Another secret", value={"new_secret": True}, request_only=True),
        _example("Paused", {**_WEBHOOK, "state": "paused", "pause_reason": "Paused by alice."}),
        _example("With another secret", {**_WEBHOOK, "secret": _SECRET}),
    ],
)

delete_webhook = extend_schema(
    operation_id="posthog_webhook_delete",
    tags=["webhooks"],
    parameters=[WORKSPACE, _ID],
    responses=responses(None, *_READ, code=204),
)

test_webhook = extend_schema(
    operation_id="posthog_webhook_test",
    tags=["webhooks"],
    parameters=[WORKSPACE, _ID, RETRY_AFTER],
    request=None,
    responses=responses(WebhookTestAnswer, *_READ, 429, 503),
    examples=[
        _example("Delivered", {"delivered": True, "status": 204, "error": None}),
        _example(
            "Refused",
            {"delivered": False, "status": 500, "error": "The receiver answered 500"},
        ),
        _example(
            "Not reached",
            {
                "delivered": False,
                "status": None,
                "error": "The receiver did not answer within 10 seconds",
            },
        ),
        refusal("The eleventh in a minute", TooManyRequests(retry_after=42)),
    ],
)

deliveries = extend_schema(
    operation_id="posthog_webhook_deliveries",
    tags=["webhooks"],
    parameters=[WORKSPACE, _ID, *PAGING],
    responses=responses(DeliveryAnswer(many=True), 400, *_READ),
)
