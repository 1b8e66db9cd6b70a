"""Signals on their way to webhooks: kept, tried, tried again, and given up in the end.

Each attempt is claimed by one conditional UPDATE, which also says when the next one is due should
this one's worker die. A message may therefore arrive twice, but is not lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count

from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef

from ...client.hosts import Network
from ...client.webhooks import Attempt
from ...models import Signal, Webhook, WebhookDelivery
from ...signals import signal_fired
from .messages import attempt, fired_payload, message_id_from, new_message_id
from .outcomes import note_outcome

AT_A_TIME = 8
"""Receivers that are waited for beside each other."""

ROUND_LASTS = timedelta(seconds=45)
"""After this time a round begins no further attempt, so that it ends before the next tick."""

CLAIM_LASTS = timedelta(seconds=60)
"""After this time an attempt that came to no end is made anew; longer than any can take."""

KEPT_FOR = timedelta(days=30)
"""How long what has ended stays in the log, since it was made."""

_FORGOTTEN_AT_A_TIME = 1_000

_SIGNALS_AT_A_TIME = 50
"""Whose messages are stored by one statement: each may be of many kilobytes, and go to ten
webhooks."""


@dataclass(kw_only=True)
class Tally:
    """The attempts of a round, by how they ended."""

    delivered: int = 0
    failed: int = 0


def enqueue(signals: Sequence[Signal], *, now: datetime) -> None:
    """Have these signals told to whoever wants to know: active webhooks, and the host project.

    To be called in the transaction that stores them. Those that are late are not told.

    Args:
        signals: new ones, of one workspace.
        now: the time, for the envelope.
    """
    fired = [signal for signal in signals if not signal.late]
    if not fired:
        return
    # Held, so that none is deleted before the rows that refer to it are there.
    webhooks = Webhook.objects.active().order_by("pk").select_for_update(no_key=True)
    wanted = list(webhooks.filter(workspace=fired[0].version.definition.workspace_id))
    for start in range(0, len(fired), _SIGNALS_AT_A_TIME):
        _enqueue(fired[start : start + _SIGNALS_AT_A_TIME], wanted, now=now)
    transaction.on_commit(partial(_tell_host, fired))


def _enqueue(signals: Sequence[Signal], webhooks: Sequence[Webhook], *, now: datetime) -> None:
    payloads = [(signal, fired_payload(signal, now=now)) for signal in signals]
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                id=new_message_id(now=now),
                webhook=webhook,
                signal=signal,
                payload=payload,
                next_attempt_at=now,
                created_at=now,
            )
            for signal, payload in payloads
            for webhook in webhooks
        ],
        ignore_conflicts=True,
    )


def deliver_due(*, network: Network, clock: Callable[[], datetime]) -> Tally:
    """One round: attempt what is due, several webhooks at a time.

    Args:
        network: what the operator allows.
        clock: tells the time, with its zone.
    """
    tally = _Round(network=network, clock=clock).run()
    _forget_ended(now=clock())
    return tally


def _forget_ended(*, now: datetime) -> None:
    """Remove what has ended long ago, some of it at a time."""
    before = now - KEPT_FOR
    ended = WebhookDelivery.objects.exclude(state=WebhookDelivery.State.PENDING)
    # The ids grow with the time, and so the index finds the oldest.
    old = ended.filter(pk__lt=message_id_from(before), created_at__lt=before).order_by("pk")
    with transaction.atomic():
        # It waits for nobody who removes them too, with their webhook.
        free = old.select_for_update(skip_locked=True)
        some = list(free.values_list("pk", flat=True)[:_FORGOTTEN_AT_A_TIME])
        WebhookDelivery.objects.filter(pk__in=some).delete()


@dataclass(order=True, kw_only=True)
class _Turn:
    """A webhook's place in a round: whoever has had the least time comes first.

    Attributes:
        took: for how long its receiver has been waited for in this round.
        number: of those who have had as much, the lowest comes first.
    """

    took: timedelta = timedelta()
    number: int
    webhook_id: str


class _Round:
    """Webhooks take turns, one delivery each; one that fails is done for this round.

    What is next for it would most likely fail too, and, if its receiver is slow, hold up others.
    One that is slow and takes all the same has to wait for those that are faster.
    Only threads that send wait for receivers; the database is asked by the one that runs this.
    """

    def __init__(self, *, network: Network, clock: Callable[[], datetime]) -> None:
        self._network = network
        self._clock = clock
        self._ends_at = clock() + ROUND_LASTS
        self._numbers = count()
        self._turns: list[_Turn] = []
        self._sending: dict[Future[Attempt], tuple[_Turn, datetime, WebhookDelivery]] = {}
        self._tally = Tally()

    def run(self) -> Tally:
        for webhook_id in _webhooks_in_turn(now=self._clock()):
            self._turns.append(_Turn(number=next(self._numbers), webhook_id=webhook_id))
        with ThreadPoolExecutor(max_workers=AT_A_TIME) as threads:
            self._begin(threads)
            while self._sending:
                done, _ = wait(self._sending, return_when=FIRST_COMPLETED)
                for future in done:
                    self._conclude(*self._sending.pop(future), future.result())
                self._begin(threads)
        return self._tally

    def _begin(self, threads: ThreadPoolExecutor) -> None:
        while self._turns and len(self._sending) < AT_A_TIME and self._clock() < self._ends_at:
            now, turn = self._clock(), heappop(self._turns)
            delivery = _claim_next(turn.webhook_id, now=now)
            if delivery is not None:
                future = threads.submit(attempt, delivery, at=now, network=self._network)
                self._sending[future] = turn, now, delivery

    def _conclude(
        self, turn: _Turn, began: datetime, delivery: WebhookDelivery, outcome: Attempt
    ) -> None:
        now = self._clock()
        chance = random.random()  # noqa: S311  (it keeps retries apart, and no secret)
        note_outcome(delivery, outcome, now=now, chance=chance)
        if outcome.is_delivered:
            self._tally.delivered += 1
            again = replace(turn, took=turn.took + (now - began), number=next(self._numbers))
            heappush(self._turns, again)
        else:
            self._tally.failed += 1


def _webhooks_in_turn(*, now: datetime) -> list[str]:
    """Those with something due: first those that work, and among them who waits the longest."""
    due = WebhookDelivery.objects.due(now=now).order_by().values("webhook_id")
    waiting = due.annotate(since=Min("next_attempt_at"))
    rows = waiting.order_by(F("webhook__failing_since").asc(nulls_first=True), "since")
    return [row["webhook_id"] for row in rows]


def _claim_next(webhook_id: str, *, now: datetime) -> WebhookDelivery | None:
    """The delivery of this webhook that has been due the longest, taken from all others."""
    due = WebhookDelivery.objects.due(now=now).filter(webhook=webhook_id)
    in_turn = due.select_related("webhook").order_by("next_attempt_at", "created_at", "pk")
    while (delivery := in_turn.first()) is not None:
        if _claim(delivery, now=now):
            return delivery
    return None


def _claim(delivery: WebhookDelivery, *, now: datetime) -> bool:
    # Its own columns are compared, and no join: PostgreSQL looks at these anew when it had to
    # wait for another one's claim.
    active = Webhook.objects.active().filter(pk=OuterRef("webhook_id"))
    free = WebhookDelivery.objects.pending().filter(
        Exists(active), pk=delivery.pk, next_attempt_at=delivery.next_attempt_at
    )
    delivery.attempts += 1
    claimed = free.update(
        attempts=delivery.attempts, last_attempt_at=now, next_attempt_at=now + CLAIM_LASTS
    )
    return claimed == 1


def _tell_host(signals: Sequence[Signal]) -> None:
    for signal in signals:
        signal_fired.send_robust(sender=Signal, instance=signal)
