"""Signals on their way to real receivers, by real processes: whatever these do, nothing is lost,
nobody waits for another, and nobody is reached who must not be."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.client.webhooks import SEND_SECONDS
from integrations_posthog.models import Signal, SignalDefinition, Webhook, WebhookDelivery
from integrations_posthog.services.signals import deliveries
from integrations_posthog.services.signals.deliveries import AT_A_TIME, enqueue
from integrations_posthog.services.signals.outcomes import RETRIES
from integrations_posthog.services.signals.webhooks import MOST_WEBHOOKS
from integrations_posthog.wiring import deliver_due_webhooks
from tests.client.hostile import hostile_server
from tests.connections import store_connection
from tests.processes import ROOT, environment, wait_until
from tests.receivers import Receiver
from tests.webhooks import (
    store_account,
    store_definition,
    store_delivery,
    store_signal,
    store_webhook,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    """Of a workspace that is disconnected, so that no tick syncs it."""
    store_connection(acme, is_active=False)
    return store_definition(acme)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """One that the operator trusts, as are those that ``trust`` is told of."""
    with Receiver() as receiver:
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [receiver.origin]
        yield receiver


@pytest.fixture
def trust(settings: Settings, receiver: Receiver) -> Callable[[str], None]:
    def add(origin: str) -> None:
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS += [origin]

    return add


@pytest.fixture
def webhook(acme: Workspace, receiver: Receiver) -> Webhook:
    webhook = store_webhook(acme, url=receiver.url)
    receiver.secret = webhook.secret.open()
    return webhook


def fire(definition: SignalDefinition, *, count: int = 1) -> list[str]:
    """Store signals as an evaluation does, and tell their ids."""
    with transaction.atomic():
        signals = [
            store_signal(definition, account=store_account(definition.workspace, name=f"A{number}"))
            for number in range(count)
        ]
        enqueue(signals, now=timezone.now())
    return [str(signal.pk) for signal in signals]


def let_retries_be_due() -> None:
    """As if the time that is to be waited for were over."""
    WebhookDelivery.objects.pending().update(next_attempt_at=timezone.now())


def signals_at(receiver: Receiver) -> list[str]:
    """The ids of the signals that a receiver got, with a good signature."""
    return [message["data"]["id"] for message in receiver.messages]


def tick(settings: Settings) -> subprocess.Popen[bytes]:
    """A process that does what is due."""
    trusted = ",".join(settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS)
    return subprocess.Popen(
        [sys.executable, "manage.py", "posthog_tick"],
        cwd=ROOT,
        env=environment(POSTHOG_TRUSTED_ORIGINS=trusted),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_what_fires_arrives_signed_by_the_tick(
    definition: SignalDefinition, webhook: Webhook, receiver: Receiver, settings: Settings
) -> None:
    fired = fire(definition, count=3)
    with tick(settings) as process:
        said, _ = process.communicate(timeout=60)
    assert b"Webhooks: 3 delivered, 0 failed." in said
    assert sorted(signals_at(receiver)) == sorted(fired)
    assert WebhookDelivery.objects.filter(state="delivered").count() == 3


def test_a_receiver_that_is_killed_gets_all_of_it_when_it_is_back(
    definition: SignalDefinition, webhook: Webhook, receiver: Receiver
) -> None:
    fired = fire(definition, count=3)
    receiver.kill()
    for _ in range(3):
        assert deliver_due_webhooks().delivered == 0
        let_retries_be_due()
    assert WebhookDelivery.objects.pending().count() == 3
    receiver.start()
    assert deliver_due_webhooks().delivered == 3
    assert sorted(signals_at(receiver)) == sorted(fired)


@pytest.mark.parametrize("status", [500, 503, 404, 302, 307, 410])
def test_what_is_refused_is_kept_and_delivered_later_and_nobody_else_gets_it(
    definition: SignalDefinition,
    webhook: Webhook,
    receiver: Receiver,
    trust: Callable[[str], None],
    status: int,
) -> None:
    [fired] = fire(definition)
    with Receiver() as elsewhere:
        trust(elsewhere.origin)
        receiver.answer(status, location=elsewhere.url)
        assert deliver_due_webhooks().failed == 1
        assert elsewhere.ids == []
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.last_status) == ("pending", status)
    assert Webhook.objects.get().state == ("paused" if status == 410 else "active")
    Webhook.objects.update(state="active")
    receiver.answer(200)
    let_retries_be_due()
    assert deliver_due_webhooks().delivered == 1
    assert signals_at(receiver) == [fired, fired]
    assert set(receiver.ids) == {delivery.pk}


def test_slow_and_trickling_receivers_hold_up_nobody_and_are_given_up_in_time(
    acme: Workspace,
    definition: SignalDefinition,
    webhook: Webhook,
    receiver: Receiver,
    trust: Callable[[str], None],
) -> None:
    """As many as there are threads, but one, do all that they can to be slow."""
    with (
        hostile_server(b"HTTP/1.1 200 OK\r\nX: ", b"y", pause=0.2, repeat=100) as trickling,
        hostile_server(b"", pause=0.2, repeat=100) as silent,
        Receiver() as slow,
    ):
        slow.answer(200, seconds=SEND_SECONDS + 5)
        for origin in (trickling.origin, silent.origin, slow.origin):
            trust(origin)
            for number in range(2):
                store_webhook(acme, url=f"{origin}/{number}")
        fire(definition, count=5)
        start = time.monotonic()
        arrived_at: list[float] = []

        def watch() -> None:
            wait_until(lambda: len(receiver.messages) == 5, seconds=30)
            arrived_at.append(time.monotonic() - start)

        watcher = threading.Thread(target=watch)
        watcher.start()
        tally = deliver_due_webhooks()
        took = time.monotonic() - start
        watcher.join()
    assert (tally.delivered, tally.failed) == (5, 6)
    assert arrived_at[0] < SEND_SECONDS / 2
    assert took < SEND_SECONDS + 5
    waiting = WebhookDelivery.objects.pending()
    assert waiting.count() == 6 * 5
    tried = waiting.filter(attempts=1)
    assert tried.count() == 6
    assert {one.last_error for one in tried} == {
        f"The receiver did not answer within {SEND_SECONDS:.0f} seconds"
    }


def test_receivers_that_take_their_time_and_take_all_slow_down_nobody_else(
    globex: Workspace,
    definition: SignalDefinition,
    webhook: Webhook,
    receiver: Receiver,
    trust: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of another workspace; more of them than threads, none of which ever fails."""
    monkeypatch.setattr(deliveries, "ROUND_LASTS", timedelta(seconds=5))
    with Receiver() as slow:
        slow.answer(200, seconds=1)
        trust(slow.origin)
        for number in range(MOST_WEBHOOKS):
            theirs = store_webhook(globex, url=f"{slow.origin}/{number}")
            for one in range(10):
                store_delivery(theirs, id=f"msg_{number}_{one}")
        fire(definition, count=50)
        deliver_due_webhooks()
    assert len(receiver.messages) == 50
    assert len(slow.ids) > AT_A_TIME


def test_a_sender_that_is_killed_while_it_sends_loses_nothing(
    definition: SignalDefinition, webhook: Webhook, receiver: Receiver, settings: Settings
) -> None:
    [fired] = fire(definition)
    receiver.answer(200, seconds=5)
    with tick(settings) as process:
        wait_until(lambda: receiver.ids, seconds=30)
        process.kill()
    receiver.answer(200)
    assert deliver_due_webhooks().delivered == 0, "It was taken before its time was over"
    delivery = WebhookDelivery.objects.get()
    assert delivery.state == "pending"
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at - timezone.now() < timedelta(minutes=1)
    let_retries_be_due()
    assert deliver_due_webhooks().delivered == 1
    assert signals_at(receiver) == [fired, fired]
    assert receiver.ids == [delivery.pk] * 2


def test_two_senders_at_once_send_each_message_once(
    definition: SignalDefinition, webhook: Webhook, receiver: Receiver, settings: Settings
) -> None:
    fired = fire(definition, count=30)
    receiver.answer(200, seconds=0.05)
    with tick(settings) as one, tick(settings) as other:
        for process in (one, other):
            said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, said
    assert sorted(signals_at(receiver)) == sorted(fired)


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["169.254.169.254"]],
    ids=["loopback", "a second answer that differs", "IPv6", "metadata"],
)
def test_a_name_that_leads_inside_reaches_nobody(
    acme: Workspace,
    definition: SignalDefinition,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str],
) -> None:
    """The port inside is open, and what listens there hears nothing."""
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = []
    reached: list[Any] = []
    left = list(answers)
    real = socket.getaddrinfo

    def lead_inside(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "hooks.acme.com":
            return real(host, port, *args, **kwargs)
        return real(left.pop(0) if len(left) > 1 else left[0], port, *args, **kwargs)

    def note(address: Any, *_: Any, **__: Any) -> None:
        reached.append(address[0])
        raise OSError("no route to host")

    monkeypatch.setattr(socket, "getaddrinfo", lead_inside)
    monkeypatch.setattr("urllib3.util.connection.create_connection", note)
    store_webhook(acme, url="https://hooks.acme.com/")
    fire(definition)
    for _ in answers:
        assert deliver_due_webhooks().failed == 1
        let_retries_be_due()
    assert [address for address in reached if address != "93.184.216.34"] == []
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.last_status) == ("pending", None)
    assert delivery.last_error == "The address is not one of the public internet, or not https"


def test_an_address_inside_that_was_stored_all_the_same_reaches_nobody(
    acme: Workspace, definition: SignalDefinition, settings: Settings
) -> None:
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = []
    with Receiver() as inside:
        store_webhook(acme, url=inside.url)
        store_webhook(acme, url=inside.url.replace("http:", "https:"))
        fire(definition)
        assert deliver_due_webhooks().failed == 2
        assert inside.ids == []


def test_after_a_day_it_is_given_up_and_is_still_in_the_log(
    definition: SignalDefinition, webhook: Webhook, receiver: Receiver
) -> None:
    fire(definition)
    receiver.answer(500)
    for _ in range(len(RETRIES) + 1):
        assert deliver_due_webhooks().failed == 1
        let_retries_be_due()
    assert deliver_due_webhooks().failed == 0
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("failed", len(RETRIES) + 1)
    assert len(receiver.ids) == len(RETRIES) + 1
    assert Signal.objects.exists()
