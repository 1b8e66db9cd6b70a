"""What an attempt to deliver means: for its delivery, and for its webhook."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from ...client.hosts import canonical_origin
from ...client.webhooks import Attempt
from ...models import Webhook, WebhookDelivery
from ..locks import lock_workspace
from ..store import Action, Actor, ConnectionStore

RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
)
"""How long to wait after the first attempt, the second one, and so on: about a day in all."""

JITTER = 0.1
"""By how much of itself a wait may be longer, so that not all come back at once."""

PAUSE_AFTER = timedelta(days=3)
"""After so long without a success a webhook is paused."""

ACTOR = "delivery"
"""Under this name webhooks are paused that nobody has paused."""

_FAILED_LONG = (
    f"No delivery has succeeded for {PAUSE_AFTER.days} days. See the last errors, mend the "
    "receiver, send a test, then activate the webhook again: what waits is then sent."
)
_GONE = (
    "The receiver answered 410, which says that it wants no more messages. Change the address or "
    "mend the receiver, then activate the webhook again: what waits is then sent."
)
State = WebhookDelivery.State


def note_outcome(
    delivery: WebhookDelivery, outcome: Attempt, *, now: datetime, chance: float
) -> None:
    """Keep how an attempt ended, and pause a webhook that has failed for too long.

    Args:
        delivery: as it was claimed, with its webhook as it was then.
        now: the time.
        chance: from 0 to 1, for the jitter of the next wait.
    """
    with transaction.atomic():
        # The webhook's row comes first, in the order in which a deletion takes them.
        rows = Webhook.objects.select_for_update(no_key=True).filter(pk=delivery.webhook_id)
        webhook = rows.first()
        if webhook is None:
            return
        if outcome.is_delivered:
            _note_success(delivery, outcome, now=now)
        else:
            _note_failure(delivery, outcome, now=now, chance=chance)
        if webhook.url != delivery.webhook.url:  # It says nothing of the new receiver.
            return
        since = _note_since_when_it_fails(webhook, outcome, now=now)
    if outcome.is_gone:
        _pause(webhook, _GONE, now=now)
    elif since is not None and now - since >= PAUSE_AFTER:
        _pause(webhook, _FAILED_LONG, now=now)


def _note_success(delivery: WebhookDelivery, outcome: Attempt, *, now: datetime) -> None:
    # Whoever has claimed it since: it has arrived.
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=State.DELIVERED,
        delivered_at=now,
        next_attempt_at=None,
        last_status=outcome.status,
        last_error="",
    )


def _note_failure(
    delivery: WebhookDelivery, outcome: Attempt, *, now: datetime, chance: float
) -> None:
    is_last = delivery.attempts > len(RETRIES)
    # If this attempt's claim has run out and another one has been made, that one counts.
    mine = WebhookDelivery.objects.pending().filter(pk=delivery.pk, attempts=delivery.attempts)
    mine.update(
        state=State.FAILED if is_last else State.PENDING,
        next_attempt_at=None if is_last else now + _wait(delivery.attempts, chance=chance),
        last_status=outcome.status,
        last_error=outcome.error,
    )


def _wait(attempts: int, *, chance: float) -> timedelta:
    return RETRIES[attempts - 1] * (1 + JITTER * chance)


def _note_since_when_it_fails(
    webhook: Webhook, outcome: Attempt, *, now: datetime
) -> datetime | None:
    webhook.failing_since = None if outcome.is_delivered else webhook.failing_since or now
    webhook.save(update_fields=["failing_since"])
    return webhook.failing_since


def _pause(webhook: Webhook, reason: str, *, now: datetime) -> None:
    """Pause it, unless somebody else has, or has changed the address meanwhile."""
    # A transaction of its own, because the workspace comes first: the history refers to it.
    with transaction.atomic():
        if not lock_workspace(pk=webhook.workspace_id):
            return
        rows = Webhook.objects.active().select_for_update(no_key=True)
        found = rows.filter(pk=webhook.pk, url=webhook.url).first()
        if found is None:
            return
        found.pause(reason=reason)
        found.save(update_fields=["state", "pause_reason"])
        store = ConnectionStore(
            workspace=found.workspace, actor=Actor(name=ACTOR), clock=lambda: now
        )
        store.record(Action.WEBHOOK_PAUSE, hint=f"{canonical_origin(found.url)}: {reason}")
