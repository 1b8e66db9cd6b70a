"""The messages that webhooks carry, and one attempt to deliver one."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any
from uuid import uuid4

from ...client import webhooks as client
from ...client.hosts import Network
from ...client.webhooks import Attempt
from ...errors import KeyUnreadable
from ...models import Signal, WebhookDelivery
from .presentation import signal_data, utc_text

logger = logging.getLogger(__name__)

_UNREADABLE = "The signing secret cannot be decrypted: ask for a new one"
_UNEXPECTED = "Unexpected error of ours; it has been logged"


def new_message_id(*, now: datetime) -> str:
    """The id of a message, which stays the same however often it is sent; later ones are greater.

    Args:
        now: the time, which it begins with.
    """
    return f"{message_id_from(now)}{uuid4().hex[:20]}"


def message_id_from(moment: datetime) -> str:
    """What is greater than the ids of all earlier messages, and with what later ones begin."""
    return f"msg_{int(moment.timestamp() * 1000):012x}"


def fired_payload(signal: Signal, *, now: datetime) -> str:
    """What is sent when a signal has fired."""
    return _envelope("signal.fired", now=now, data=signal_data(signal))


def payload_of_test(*, webhook_id: str, now: datetime) -> str:
    """What is sent when somebody wants to know whether a webhook works."""
    data = {"webhook_id": webhook_id, "sentence": "This is a test. No signal has fired."}
    return _envelope("signal.test", now=now, data=data)


def attempt(delivery: WebhookDelivery, *, at: datetime, network: Network) -> Attempt:
    """Try once to deliver. It raises nothing, and asks the database for nothing.

    Args:
        delivery: with its webhook.
        at: the time of this attempt.
        network: what the operator allows.
    """
    webhook = delivery.webhook
    try:
        return client.send(
            url=webhook.url,
            message_id=delivery.pk,
            payload=delivery.payload,
            secret=webhook.secret.open(),
            at=at,
            network=network,
        )
    except KeyUnreadable:
        return Attempt(error=_UNREADABLE)
    except Exception:  # It must not take the other deliveries' outcomes along.
        logger.exception("Unexpected error in an attempt to deliver %s", delivery.pk)
        return Attempt(error=_UNEXPECTED)


def _envelope(kind: str, *, now: datetime, data: dict[str, Any]) -> str:
    return json.dumps(
        {"type": kind, "timestamp": utc_text(now), "data": data}, separators=(",", ":")
    )
