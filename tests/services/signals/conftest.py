"""Receivers that are told how to answer, in place of the network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations_posthog.client import webhooks
from integrations_posthog.client.hosts import Network
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.services.signals.deliveries import Tally, deliver_due

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NETWORK = Network(cloud_regions=(), trusted_origins=frozenset())
REFUSED = Attempt(status=500, error="The receiver answered 500")


@dataclass
class Receivers:
    """All receivers there are.

    Attributes:
        sent: the arguments of each attempt, in their order.
        answers: by address; the others answer 200.
        busiest: how many attempts were under way at once, by address, at most.
    """

    now: datetime = NOW
    sent: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Callable[[], Attempt]] = field(default_factory=dict)
    busiest: dict[str, int] = field(default_factory=dict)
    _busy: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, **message: Any) -> Attempt:
        url = message["url"]
        with self._lock:
            self.sent.append(message)
            self._busy[url] = self._busy.get(url, 0) + 1
            self.busiest[url] = max(self.busiest.get(url, 0), self._busy[url])
        try:
            return self.answers.get(url, lambda: Attempt(status=200))()
        finally:
            with self._lock:
                self._busy[url] -= 1

    def answer(self, url: str, attempt: Attempt) -> None:
        """From now on answer at this address like this."""
        self.answers[url] = lambda: attempt

    def ids(self, url: str | None = None) -> list[str]:
        """The ids of the messages, of all or of those to one address."""
        return [one["message_id"] for one in self.sent if url in (None, one["url"])]

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    def deliver(self) -> Tally:
        """One round, now."""
        return deliver_due(network=NETWORK, clock=lambda: self.now)


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Receivers:
    receivers = Receivers()
    monkeypatch.setattr(webhooks, "send", receivers.send)
    return receivers
