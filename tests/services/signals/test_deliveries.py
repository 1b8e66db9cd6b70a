"""Signals on their way to webhooks: who is told, when again, and who waits for whom."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from beton.models import Workspace
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.models import (
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinition,
    Webhook,
    WebhookDelivery,
)
from integrations_posthog.services.signals import deliveries
from integrations_posthog.services.signals.deliveries import (
    AT_A_TIME,
    CLAIM_LASTS,
    ROUND_LASTS,
    Tally,
    enqueue,
)
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.signals.messages import new_message_id
from integrations_posthog.services.signals.outcomes import note_outcome
from integrations_posthog.signals import signal_fired
from tests.usage import store_usage
from tests.webhooks import FIRED_ON, store_definition, store_delivery, store_signal, store_webhook

from .conftest import NOW, REFUSED, Receivers

URL = "https://hooks.acme.com/pql"

pytestmark = pytest.mark.django_db


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    return store_definition(acme)


@pytest.fixture
def signal(definition: SignalDefinition) -> Signal:
    return store_signal(definition)


@pytest.fixture
def webhook(acme: Workspace) -> Webhook:
    return store_webhook(acme, url=URL)


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """What the host project was told."""
    told: list[Any] = []

    def note(sender: object, instance: Signal, **_: object) -> None:
        told.append((sender, instance.pk))

    signal_fired.connect(note)
    yield told
    signal_fired.disconnect(note)


class TestEnqueue:
    def test_each_active_webhook_of_the_workspace_gets_each_signal(
        self, acme: Workspace, globex: Workspace, definition: SignalDefinition
    ) -> None:
        first, second = store_webhook(acme), store_webhook(acme, url="https://hooks.acme.com/2")
        store_webhook(acme, state="paused")
        store_webhook(globex)
        signals = [store_signal(definition, fired_on=f"2026-11-{day}") for day in (20, 21)]
        enqueue(list(Signal.objects.all()), now=NOW)
        pairs = set(WebhookDelivery.objects.values_list("webhook", "signal"))
        assert pairs == {(hook.pk, one.pk) for hook in (first, second) for one in signals}

    def test_it_is_due_at_once_and_says_all_of_the_signal(
        self, webhook: Webhook, signal: Signal
    ) -> None:
        signal.refresh_from_db()
        enqueue([signal], now=NOW)
        delivery = WebhookDelivery.objects.get()
        assert (delivery.state, delivery.next_attempt_at, delivery.attempts) == ("pending", NOW, 0)
        assert delivery.pk.startswith("msg_")
        assert "." not in delivery.pk
        assert json.loads(delivery.payload) == {
            "type": "signal.fired",
            "timestamp": "2026-11-23T12:00:00Z",
            "data": {
                "id": str(signal.pk),
                "definition": {
                    "id": str(signal.version.definition_id),
                    "name": "Power user",
                    "version": 1,
                },
                "account": {
                    "id": str(signal.account_id),
                    "key": "initech.example",
                    "name": "Initech",
                },
                "fired_on": "2026-11-22",
                "late": False,
                "state": "new",
                "sentence": "Initech viewed 120 reports in 7 days.",
                "evidence": {"measured": 120, "bound": 100},
                "as_of": "2026-11-22",
                "horizon": "2026-11-23T00:10:00Z",
                "posthog_url": "https://us.posthog.com/project/12345/sql",
            },
        }

    def test_late_ones_are_told_to_nobody(
        self,
        webhook: Webhook,
        definition: SignalDefinition,
        told: list[Any],
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        late = store_signal(definition, late=True)
        with django_capture_on_commit_callbacks(execute=True):
            enqueue([late], now=NOW)
            enqueue([], now=NOW)
        assert not WebhookDelivery.objects.exists()
        assert told == []

    def test_later_messages_have_greater_ids(self) -> None:
        times = [NOW + timedelta(milliseconds=number) for number in range(100)]
        ids = [new_message_id(now=time) for time in times]
        assert ids == sorted(ids)
        assert len({new_message_id(now=NOW) for _ in range(100)}) == 100

    def test_saying_it_twice_makes_no_second_message(
        self, webhook: Webhook, signal: Signal
    ) -> None:
        enqueue([signal], now=NOW)
        enqueue([signal], now=NOW)
        assert WebhookDelivery.objects.count() == 1

    def test_of_many_signals_some_are_stored_at_a_time(
        self, acme: Workspace, webhook: Webhook, signal: Signal
    ) -> None:
        days = [FIRED_ON - timedelta(days=number) for number in range(1, 401)]
        series = [{"day": day.isoformat(), "value": 1} for day in days]
        facts: dict[str, Any] = {"version": signal.version, "account": signal.account}
        facts |= {"sentence": "Busy", "posthog_url": "", "evidence": {"series": series}}
        many = [Signal(fired_on=day, **facts) for day in days]
        Signal.objects.bulk_create(many)
        with CaptureQueriesContext(connection) as queries:
            enqueue(many, now=NOW)
        assert WebhookDelivery.objects.count() == 400
        assert max(len(query["sql"]) for query in queries) < 2_000_000

    def test_what_an_evaluation_finds_is_on_its_way_with_it(
        self, acme: Workspace, webhook: Webhook, receivers: Receivers
    ) -> None:
        source = store_usage(acme, accounts=["Early", "Fresh"], days=60)
        for model in (AccountDay, AccountEventDay):
            old = model._default_manager.filter(account__name="Fresh", day__lt="2026-11-21")
            old.delete()
        is_used = {"measure": "events", "events": None, "days": 7}
        compare = {"to": "value", "at_least": 1}
        store_definition(acme, rule={"all": [is_used | {"compare": compare}]})
        fired = {(one.account.name, one.late): one.pk for one in evaluate(source, now=NOW)}
        assert fired.keys() == {("Early", True), ("Fresh", False)}
        assert WebhookDelivery.objects.get().signal_id == fired["Fresh", False]


class TestHost:
    def test_it_is_told_after_the_commit(
        self,
        signal: Signal,
        told: list[Any],
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            enqueue([signal], now=NOW)
            assert told == []
        assert told == [(Signal, signal.pk)]

    def test_it_is_not_told_of_what_was_rolled_back(
        self,
        signal: Signal,
        told: list[Any],
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            enqueue([signal], now=NOW)
            transaction.set_rollback(True)
        assert told == []

    def test_a_receiver_that_fails_is_logged_and_keeps_nobody_else_from_being_told(
        self,
        signal: Signal,
        told: list[Any],
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(**_: object) -> None:
            raise RuntimeError("the host's own mistake")

        signal_fired.connect(fail)
        try:
            with (
                caplog.at_level(logging.ERROR),
                django_capture_on_commit_callbacks(execute=True),
            ):
                enqueue([signal], now=NOW)
        finally:
            signal_fired.disconnect(fail)
        assert told == [(Signal, signal.pk)]
        assert "the host's own mistake" in caplog.text


class TestRound:
    def test_what_is_due_is_sent_as_it_was_kept(
        self, webhook: Webhook, receivers: Receivers
    ) -> None:
        delivery = store_delivery(webhook)
        store_delivery(webhook, next_attempt_at=NOW + timedelta(seconds=1))
        store_delivery(webhook, state="failed", next_attempt_at=None)
        assert receivers.deliver() == Tally(delivered=1)
        [sent] = receivers.sent
        assert (sent["url"], sent["message_id"]) == (URL, delivery.pk)
        assert (sent["payload"], sent["at"]) == (delivery.payload, NOW)
        assert sent["secret"] == webhook.secret.open()
        assert receivers.deliver() == Tally()

    def test_one_that_fails_or_is_slow_keeps_no_other_from_its_messages(
        self, acme: Workspace, receivers: Receivers
    ) -> None:
        """All but one thread are held up until everybody else's messages have arrived."""
        all_others_have_theirs = threading.Event()
        others = [store_webhook(acme, url=f"https://ok.example/{n}") for n in range(20)]
        for other in others:
            store_delivery(other)
        left = threading.Semaphore(len(others) - 1)

        def arrive() -> Attempt:
            if not left.acquire(blocking=False):
                all_others_have_theirs.set()
            return Attempt(status=200)

        def hold_up() -> Attempt:
            assert all_others_have_theirs.wait(30)
            return REFUSED

        receivers.answers |= {other.url: arrive for other in others}
        for number in range(AT_A_TIME - 1):
            slow = store_webhook(acme, url=f"https://slow.example/{number}")
            store_delivery(slow, next_attempt_at=NOW - timedelta(hours=1))
            store_delivery(slow, next_attempt_at=NOW - timedelta(hours=1))
            receivers.answers[slow.url] = hold_up
        assert receivers.deliver() == Tally(delivered=20, failed=AT_A_TIME - 1)

    def test_receivers_are_waited_for_beside_each_other_but_each_gets_one_at_a_time(
        self, acme: Workspace, receivers: Receivers
    ) -> None:
        together = threading.Barrier(2, timeout=30)

        def meet() -> Attempt:
            together.wait()
            return Attempt(status=200)

        for name in ("a", "b"):
            webhook = store_webhook(acme, url=f"https://{name}.example/")
            for _ in range(3):
                store_delivery(webhook)
            receivers.answers[webhook.url] = meet
        assert receivers.deliver() == Tally(delivered=6)
        assert receivers.busiest == {"https://a.example/": 1, "https://b.example/": 1}

    def test_those_that_work_come_before_those_that_fail(
        self, acme: Workspace, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "AT_A_TIME", 1)
        failing = store_webhook(acme, url="https://bad.example/", failing_since=NOW)
        store_delivery(failing, next_attempt_at=NOW - timedelta(days=1))
        store_delivery(store_webhook(acme, url="https://new.example/"), next_attempt_at=NOW)
        before = NOW - timedelta(hours=1)
        store_delivery(store_webhook(acme, url="https://old.example/"), next_attempt_at=before)
        receivers.deliver()
        assert [sent["url"] for sent in receivers.sent] == [
            "https://old.example/",
            "https://new.example/",
            "https://bad.example/",
        ]

    def test_after_a_failure_the_rest_waits_for_the_next_round_in_the_same_order(
        self, webhook: Webhook, receivers: Receivers
    ) -> None:
        first, second, third = [store_delivery(webhook) for _ in range(3)]
        receivers.answer(URL, REFUSED)
        assert receivers.deliver() == Tally(failed=1)
        receivers.answer(URL, Attempt(status=200))
        receivers.pass_time(seconds=12)
        assert receivers.deliver() == Tally(delivered=3)
        assert receivers.ids() == [first.pk, second.pk, third.pk, first.pk]

    def test_it_ends_before_the_next_one_and_leaves_the_rest_to_it(
        self, webhook: Webhook, receivers: Receivers
    ) -> None:
        for _ in range(20):
            store_delivery(webhook)

        def take_long() -> Attempt:
            receivers.pass_time(seconds=10)
            return Attempt(status=200)

        receivers.answers[URL] = take_long
        tally = receivers.deliver()
        assert tally.delivered * 10 >= ROUND_LASTS.total_seconds()
        assert receivers.now - NOW < timedelta(minutes=1)
        receivers.answer(URL, Attempt(status=200))
        assert receivers.deliver() == Tally(delivered=20 - tally.delivered)
        assert len(set(receivers.ids())) == 20

    def test_a_webhook_that_is_deleted_meanwhile_is_no_trouble(
        self, acme: Workspace, webhook: Webhook, receivers: Receivers
    ) -> None:
        delivery = store_delivery(webhook)
        claimed = deliveries._claim_next(webhook.pk, now=NOW)
        webhook.delete()
        assert claimed == delivery
        note_outcome(claimed, REFUSED, now=NOW, chance=0)
        assert not WebhookDelivery.objects.exists()


class TestClaims:
    def test_of_two_who_saw_the_same_one_gets_it(self, webhook: Webhook) -> None:
        store_delivery(webhook)
        mine, theirs = [WebhookDelivery.objects.get() for _ in range(2)]
        assert deliveries._claim(mine, now=NOW)
        assert not deliveries._claim(theirs, now=NOW)
        assert WebhookDelivery.objects.get().attempts == 1

    @pytest.mark.parametrize("state", ["delivered", "failed"])
    def test_what_has_ended_meanwhile_is_not_begun_again(
        self, webhook: Webhook, state: str
    ) -> None:
        seen = store_delivery(webhook)
        WebhookDelivery.objects.update(state=state)
        assert not deliveries._claim(seen, now=NOW)

    def test_what_is_paused_meanwhile_is_not_sent(self, webhook: Webhook) -> None:
        seen = store_delivery(webhook)
        Webhook.objects.update(state="paused")
        assert not deliveries._claim(seen, now=NOW)

    def test_a_dead_workers_attempt_is_made_again_when_its_time_is_over(
        self, webhook: Webhook, receivers: Receivers
    ) -> None:
        store_delivery(webhook)
        assert deliveries._claim_next(webhook.pk, now=NOW) is not None
        receivers.now = NOW + CLAIM_LASTS - timedelta(seconds=1)
        assert receivers.deliver() == Tally()
        receivers.pass_time(seconds=1)
        assert receivers.deliver() == Tally(delivered=1)

    @pytest.mark.django_db(transaction=True)
    def test_while_one_is_sent_another_round_does_not_send_it(
        self, webhook: Webhook, receivers: Receivers
    ) -> None:
        store_delivery(webhook)
        others: list[Tally] = []
        sending, sent = threading.Event(), threading.Event()

        def answer() -> Attempt:
            sending.set()
            sent.wait(30)
            return Attempt(status=200)

        def other_round() -> None:
            sending.wait(30)
            others.append(receivers.deliver())
            sent.set()
            connection.close()

        receivers.answers[URL] = answer
        thread = threading.Thread(target=other_round)
        thread.start()
        assert receivers.deliver() == Tally(delivered=1)
        thread.join()
        assert others == [Tally()]
        assert len(receivers.sent) == 1


class TestLog:
    def test_what_has_ended_is_forgotten_after_thirty_days_and_what_waits_is_not(
        self, acme: Workspace, webhook: Webhook, receivers: Receivers
    ) -> None:
        long_ago, lately = NOW - timedelta(days=30, seconds=1), NOW - timedelta(days=30)
        paused = store_webhook(acme, state="paused")

        def store(made_at: datetime, state: str, to: Webhook = webhook) -> str:
            made = store_delivery(
                to, id=new_message_id(now=made_at), created_at=made_at, state=state
            )
            return made.pk

        for state in ("delivered", "failed"):
            store(long_ago, state)
        kept = {
            store(lately, "delivered"),
            store(NOW, "failed"),
            store(long_ago, "pending", paused),
        }
        receivers.deliver()
        assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == kept

    def test_much_is_forgotten_some_at_a_time(
        self, webhook: Webhook, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "_FORGOTTEN_AT_A_TIME", 3)
        for number in range(5):
            made_at = NOW - timedelta(days=90 - number)
            store_delivery(
                webhook, id=new_message_id(now=made_at), created_at=made_at, state="delivered"
            )
        receivers.deliver()
        assert WebhookDelivery.objects.count() == 2
        receivers.deliver()
        assert not WebhookDelivery.objects.exists()
