"""Messages to the receivers of webhooks: signed after Standard Webhooks, and sent once.

The scheme: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from standardwebhooks import Webhook

from ..errors import (
    ConnectionFailed,
    InvalidHost,
    PostHogIntegrationError,
    TimedOut,
    TLSFailed,
)
from .hosts import Network, allowed_url
from .transport import Transport

SEND_SECONDS = 10.0
"""How long one attempt may take, whatever the receiver or the name server does."""

MAX_REPLY_BYTES = 65_536
_SECRET_BYTES = 32
_REASONS: tuple[tuple[type[PostHogIntegrationError], str], ...] = (
    (InvalidHost, "The address is not one of the public internet, or not https"),
    (TimedOut, f"The receiver did not answer within {SEND_SECONDS:.0f} seconds"),
    (TLSFailed, "No secure connection could be made: check the receiver's certificate"),
    (ConnectionFailed, "The receiver could not be reached, or hung up"),
)
_NO_SENSE = "The receiver's answer made no sense"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one attempt ended.

    Attributes:
        status: of the receiver's answer; None where there was none.
        error: what went wrong, in a sentence of ours; empty where nothing did.
    """

    status: int | None = None
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more messages at all."""
        return self.status == HTTPStatus.GONE


def new_secret() -> str:
    """A secret to sign with, as receivers take it: ``whsec_`` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def send(
    *, url: str, message_id: str, payload: str, secret: str, at: datetime, network: Network
) -> Attempt:
    """Try once to deliver a message.

    Args:
        message_id: the same however often the message is sent.
        payload: JSON, sent as it is.
        secret: as ``new_secret`` gave it.
        at: the time of this attempt; receivers refuse one that is off by five minutes.
        network: what the operator allows.
    """
    transport = Transport(
        network=network, seconds=SEND_SECONDS, spare_requests=0, max_bytes=MAX_REPLY_BYTES
    )
    try:
        status = transport.post_for_status(
            allowed_url(url, trusted_origins=network.trusted_origins),
            data=payload.encode(),
            headers=_headers(message_id=message_id, payload=payload, secret=secret, at=at),
        )
    except PostHogIntegrationError as exc:
        return Attempt(error=_reason(exc))
    finally:
        transport.close()
    attempt = Attempt(status=status)
    return attempt if attempt.is_delivered else Attempt(status=status, error=_refusal(status))


def _headers(*, message_id: str, payload: str, secret: str, at: datetime) -> dict[str, str]:
    utc = at.astimezone(UTC)  # The library takes the figures of any zone for UTC.
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(utc.timestamp())),
        "webhook-signature": Webhook(secret).sign(msg_id=message_id, timestamp=utc, data=payload),
    }


def _reason(exc: PostHogIntegrationError) -> str:
    return next((words for kind, words in _REASONS if isinstance(exc, kind)), _NO_SENSE)


def _refusal(status: int) -> str:
    followed = "; redirects are not followed" if 300 <= status < 400 else ""
    return f"The receiver answered {status}{followed}"
