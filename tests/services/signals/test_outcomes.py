"""What attempts mean: tried again over a day, given up, and a webhook that is paused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from beton.models import Workspace
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.encryption import SealedText
from integrations_posthog.models import PosthogConnectionEvent, Webhook, WebhookDelivery
from integrations_posthog.services.signals.deliveries import CLAIM_LASTS, Tally, _claim_next
from integrations_posthog.services.signals.outcomes import (
    JITTER,
    PAUSE_AFTER,
    RETRIES,
    note_outcome,
)
from tests.webhooks import store_delivery, store_webhook

from .conftest import NOW, REFUSED, Receivers

URL = "https://hooks.acme.com/pql?token=hush"

pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook(acme: Workspace) -> Webhook:
    return store_webhook(acme, url=URL)


@pytest.fixture
def delivery(webhook: Webhook) -> WebhookDelivery:
    return store_delivery(webhook)


def wait_for_the_next(receivers: Receivers, delivery: WebhookDelivery) -> timedelta:
    """Let the time pass that is still to be waited for."""
    delivery.refresh_from_db()
    assert delivery.next_attempt_at is not None
    waited = delivery.next_attempt_at - receivers.now
    receivers.now = delivery.next_attempt_at
    return waited


class TestDelivery:
    def test_success_is_noted(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        receivers.deliver()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == (
            "delivered",
            1,
            None,
        )
        assert delivery.delivered_at == delivery.last_attempt_at == NOW
        assert (delivery.last_status, delivery.last_error) == (200, "")

    def test_failure_is_noted_and_the_error_of_a_success_before_it_forgotten(
        self, delivery: WebhookDelivery, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        receivers.deliver()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == ("pending", 1)
        assert (delivery.last_status, delivery.last_error) == (500, "The receiver answered 500")
        receivers.answer(URL, Attempt(error="The receiver hung up"))
        wait_for_the_next(receivers, delivery)
        receivers.deliver()
        delivery.refresh_from_db()
        assert (delivery.last_status, delivery.last_error) == (None, "The receiver hung up")

    def test_it_is_tried_again_and_again_over_a_day_and_then_given_up(
        self, delivery: WebhookDelivery, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        for wait in RETRIES:
            assert receivers.deliver() == Tally(failed=1)
            assert wait <= wait_for_the_next(receivers, delivery) <= wait * (1 + JITTER)
        assert receivers.deliver() == Tally(failed=1)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.next_attempt_at) == ("failed", None)
        assert delivery.attempts == len(RETRIES) + 1
        assert timedelta(hours=23) < receivers.now - NOW < timedelta(hours=27)
        receivers.pass_time(days=30)
        assert receivers.deliver() == Tally()

    def test_each_try_is_the_same_message_at_another_time(
        self, delivery: WebhookDelivery, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        receivers.deliver()
        wait_for_the_next(receivers, delivery)
        receivers.deliver()
        first, second = receivers.sent
        assert first["at"] < second["at"]
        assert first["message_id"] == second["message_id"] == delivery.pk
        assert first["payload"] == second["payload"] == delivery.payload

    def test_the_waits_differ_from_each_other(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        waits = set()
        for chance in (0.0, 0.5, 1.0):
            claimed = _claim_next(webhook.pk, now=NOW)
            assert claimed is not None
            note_outcome(claimed, REFUSED, now=NOW, chance=chance)
            delivery.refresh_from_db()
            assert delivery.next_attempt_at is not None
            waits.add(delivery.next_attempt_at - NOW)
            WebhookDelivery.objects.update(next_attempt_at=NOW, attempts=0)
        assert waits == {timedelta(seconds=seconds) for seconds in (10, 10.5, 11)}

    def test_who_comes_too_late_with_a_failure_changes_nothing(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        slow = _claim_next(webhook.pk, now=NOW)
        later = NOW + CLAIM_LASTS
        other = _claim_next(webhook.pk, now=later)
        assert slow is not None
        assert other is not None
        note_outcome(other, Attempt(status=200), now=later, chance=0)
        note_outcome(slow, REFUSED, now=later, chance=0)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.last_status) == ("delivered", 200)

    def test_who_comes_too_late_with_a_failure_leaves_another_attempt_its_time(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        slow = _claim_next(webhook.pk, now=NOW)
        later = NOW + CLAIM_LASTS
        assert slow is not None
        assert _claim_next(webhook.pk, now=later) is not None
        note_outcome(slow, REFUSED, now=later, chance=0)
        delivery.refresh_from_db()
        assert (delivery.attempts, delivery.next_attempt_at) == (2, later + CLAIM_LASTS)

    def test_a_success_counts_however_late_it_comes(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        slow = _claim_next(webhook.pk, now=NOW)
        later = NOW + CLAIM_LASTS
        other = _claim_next(webhook.pk, now=later)
        assert slow is not None
        assert other is not None
        note_outcome(other, REFUSED, now=later, chance=0)
        note_outcome(slow, Attempt(status=200), now=later, chance=0)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.next_attempt_at) == ("delivered", None)

    def test_a_secret_that_cannot_be_decrypted_is_a_failure_like_others(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        lost = SealedText(Fernet(Fernet.generate_key()).encrypt(b"whsec_").decode())
        Webhook.objects.update(secret=lost)
        assert receivers.deliver() == Tally(failed=1)
        delivery.refresh_from_db()
        assert delivery.last_error == "The signing secret cannot be decrypted: ask for a new one"
        assert receivers.sent == []

    def test_a_mistake_of_ours_in_one_attempt_is_logged_and_no_end_of_the_others(
        self,
        acme: Workspace,
        delivery: WebhookDelivery,
        receivers: Receivers,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def stumble() -> Attempt:
            raise RuntimeError("disk on fire")

        store_delivery(store_webhook(acme))
        receivers.answers[URL] = stumble
        assert receivers.deliver() == Tally(delivered=1, failed=1)
        delivery.refresh_from_db()
        assert delivery.last_error == "Unexpected error of ours; it has been logged"
        assert "disk on fire" in caplog.text


class TestWebhook:
    def test_since_when_it_fails_is_kept_until_it_works(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        receivers.deliver()
        wait_for_the_next(receivers, delivery)
        receivers.deliver()
        webhook.refresh_from_db()
        assert webhook.failing_since == NOW
        receivers.answer(URL, Attempt(status=204))
        wait_for_the_next(receivers, delivery)
        receivers.deliver()
        webhook = Webhook.objects.get()
        assert (webhook.failing_since, webhook.state) == (None, "active")

    def test_after_three_days_of_failure_it_is_paused_and_says_what_to_do(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        receivers.deliver()
        for ago, state in ((timedelta(minutes=1), "active"), (timedelta(0), "paused")):
            receivers.now = NOW + PAUSE_AFTER - ago
            store_delivery(webhook, next_attempt_at=receivers.now)
            WebhookDelivery.objects.exclude(next_attempt_at=receivers.now).update(state="failed")
            receivers.deliver()
            webhook.refresh_from_db()
            assert webhook.state == state
        assert webhook.pause_reason.startswith("No delivery has succeeded for 3 days.")
        assert "activate the webhook again" in webhook.pause_reason
        assert len(webhook.pause_reason) < 255

    def test_a_success_within_these_days_begins_the_count_anew(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        receivers.answer(URL, REFUSED)
        receivers.deliver()
        receivers.answer(URL, Attempt(status=200))
        wait_for_the_next(receivers, delivery)
        receivers.deliver()
        receivers.answer(URL, REFUSED)
        receivers.now = NOW + PAUSE_AFTER
        store_delivery(webhook, next_attempt_at=receivers.now)
        receivers.deliver()
        webhook.refresh_from_db()
        assert (webhook.state, webhook.failing_since) == ("active", receivers.now)

    def test_410_pauses_it_at_once_and_what_waits_is_kept(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        store_delivery(webhook)
        receivers.answer(URL, Attempt(status=410, error="The receiver answered 410"))
        assert receivers.deliver() == Tally(failed=1)
        webhook.refresh_from_db()
        assert webhook.state == "paused"
        assert webhook.pause_reason.startswith("The receiver answered 410")
        assert len(webhook.pause_reason) < 255
        receivers.pass_time(days=9)
        assert receivers.deliver() == Tally()
        assert WebhookDelivery.objects.pending().count() == 2

        webhook.activate()
        webhook.save()
        receivers.answer(URL, Attempt(status=200))
        assert receivers.deliver() == Tally(delivered=2)

    def test_a_pause_is_in_the_history_without_what_may_be_secret_of_the_address(
        self, delivery: WebhookDelivery, webhook: Webhook, receivers: Receivers
    ) -> None:
        receivers.answer(URL, Attempt(status=410, error="The receiver answered 410"))
        receivers.deliver()
        event = PosthogConnectionEvent.objects.get()
        assert (event.action, event.outcome, event.actor_name) == (
            "webhook_pause",
            "ok",
            "delivery",
        )
        assert event.hint.startswith("https://hooks.acme.com: The receiver answered 410")
        assert "hush" not in event.hint

    def test_who_paused_it_meanwhile_has_their_reason_kept(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        claimed = _claim_next(webhook.pk, now=NOW)
        assert claimed is not None
        webhook.pause(reason="Paused by alice.")
        webhook.save()
        note_outcome(claimed, Attempt(status=410, error="x"), now=NOW, chance=0)
        webhook.refresh_from_db()
        assert webhook.pause_reason == "Paused by alice."
        assert not PosthogConnectionEvent.objects.exists()

    def test_what_an_old_address_answers_says_nothing_of_the_new_one(
        self, delivery: WebhookDelivery, webhook: Webhook
    ) -> None:
        claimed = _claim_next(webhook.pk, now=NOW)
        assert claimed is not None
        Webhook.objects.update(url="https://new.acme.com/")
        note_outcome(claimed, Attempt(status=410, error="x"), now=NOW, chance=0)
        webhook.refresh_from_db()
        assert (webhook.state, webhook.failing_since) == ("active", None)
        delivery.refresh_from_db()
        assert delivery.state == "pending"
