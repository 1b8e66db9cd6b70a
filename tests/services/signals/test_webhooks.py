"""What can be done to a workspace's webhooks, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from beton.models import Workspace
from integrations_posthog.client.hosts import Network
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.errors import (
    InvalidInput,
    InvalidReceiver,
    NotFound,
    PermissionDenied,
    TooManyWebhooks,
)
from integrations_posthog.models import PosthogConnectionEvent, Webhook, WebhookDelivery
from integrations_posthog.services.signals.deliveries import Tally
from integrations_posthog.services.signals.webhooks import MOST_WEBHOOKS, WebhookService
from integrations_posthog.services.store import Actor
from tests.webhooks import store_delivery, store_webhook

from .conftest import NETWORK, NOW, REFUSED, Receivers

URL = "https://hooks.acme.com/pql?token=hush"

pytestmark = pytest.mark.django_db


def service_of(
    workspace: Workspace, *, network: Network = NETWORK, confirm: Callable[[], None] = lambda: None
) -> WebhookService:
    actor = Actor(name="alice", confirm=confirm)
    return WebhookService(workspace=workspace, actor=actor, clock=lambda: NOW, network=network)


@pytest.fixture
def service(acme: Workspace) -> WebhookService:
    return service_of(acme)


def history() -> list[tuple[str, str, str]]:
    events = PosthogConnectionEvent.objects.newest_first()
    return list(events.values_list("action", "actor_name", "hint"))


class TestCreate:
    def test_it_is_active_and_its_secret_is_told_once(self, service: WebhookService) -> None:
        created = service.create(url=URL)
        webhook = service.webhook(created.webhook.pk)
        assert (webhook.url, webhook.state, webhook.created_at) == (URL, "active", NOW)
        assert created.secret is not None
        assert created.secret.startswith("whsec_")
        assert webhook.secret.open() == created.secret
        assert created.secret not in repr(created) + repr(webhook.__dict__)

    def test_it_is_in_the_history_without_what_may_be_secret_of_the_address(
        self, service: WebhookService
    ) -> None:
        service.create(url=URL)
        assert history() == [("webhook_add", "alice", "https://hooks.acme.com")]

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("https://hooks.acme.com", "https://hooks.acme.com/"),
            (" https://Hooks.Acme.com:443/a?b=c&d ", "https://hooks.acme.com/a?b=c&d"),
            ("https://hooks.acme.com?b=c", "https://hooks.acme.com/?b=c"),
            ("https://hooks.acme.com/" + "a" * 477, "https://hooks.acme.com/" + "a" * 477),
        ],
    )
    def test_an_address_is_kept_in_its_one_spelling(
        self, service: WebhookService, given: str, kept: str
    ) -> None:
        assert service.create(url=given).webhook.url == kept

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "hooks.acme.com",
            "http://hooks.acme.com/",
            "ftp://hooks.acme.com/",
            "https://",
            "https://user:word@hooks.acme.com/",
            "https://hooks.acme.com:8443/",
            "https://hooks.acme.com/#top",
            "https://hooks.acme.com/#",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.1",
            "https://169.254.169.254/latest/meta-data",
            "https://hooks.acme.com/\x00",
            "https://hooks.acme.com\\@127.0.0.1/",
        ],
    )
    def test_an_address_that_may_not_be_sent_to_is_refused(
        self, service: WebhookService, url: str
    ) -> None:
        with pytest.raises(InvalidReceiver) as refusal:
            service.create(url=url)
        assert refusal.value.error_type == "invalid_host"
        assert "PostHog in your browser" not in (refusal.value.hint or "")
        assert not Webhook.objects.exists()

    @pytest.mark.parametrize(
        "url", ["https://hooks.acme.com/" + "a" * 478, "https://hooks.acme.com?" + "a" * 477]
    )
    def test_an_address_that_is_too_long_is_refused(
        self, service: WebhookService, url: str
    ) -> None:
        with pytest.raises(InvalidInput):
            service.create(url=url)

    def test_what_the_operator_trusts_may_be_sent_to(self, acme: Workspace) -> None:
        network = Network(cloud_regions=(), trusted_origins=frozenset({"http://10.0.0.7:8000"}))
        created = service_of(acme, network=network).create(url="http://10.0.0.7:8000/hook")
        assert created.webhook.url == "http://10.0.0.7:8000/hook"

    def test_there_are_ten_at_most_in_a_workspace(
        self, acme: Workspace, globex: Workspace, service: WebhookService
    ) -> None:
        for _ in range(MOST_WEBHOOKS):
            store_webhook(acme)
        with pytest.raises(TooManyWebhooks):
            service.create(url=URL)
        assert service_of(globex).create(url=URL)
        service.delete(service.webhooks()[0].pk)
        assert service.create(url=URL)


class TestChange:
    def test_pausing_and_activating(self, service: WebhookService, acme: Workspace) -> None:
        webhook = store_webhook(acme, failing_since=NOW)
        paused = service.change(webhook.pk, state="paused").webhook
        assert (paused.state, paused.pause_reason) == ("paused", "Paused by alice.")
        again = service.change(webhook.pk, state="active")
        assert (again.webhook.state, again.webhook.pause_reason) == ("active", "")
        assert again.webhook.failing_since is None
        assert again.secret is None
        assert [action for action, *_ in history()] == ["webhook_change"] * 2

    def test_to_be_paused_once_more_changes_no_reason(
        self, service: WebhookService, acme: Workspace
    ) -> None:
        webhook = store_webhook(acme, state="paused", pause_reason="The receiver answered 410.")
        changed = service.change(webhook.pk, state="paused").webhook
        assert changed.pause_reason == "The receiver answered 410."

    def test_another_address_has_not_failed_yet(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL, failing_since=NOW)
        store_delivery(webhook)
        changed = service.change(webhook.pk, url="https://new.acme.com").webhook
        assert (changed.url, changed.failing_since) == ("https://new.acme.com/", None)
        assert receivers.deliver() == Tally(delivered=1)
        assert receivers.sent[0]["url"] == "https://new.acme.com/"

    def test_another_secret_is_told_once_and_signs_from_then_on(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme)
        store_delivery(webhook)
        old = webhook.secret.open()
        changed = service.change(webhook.pk, new_secret=True)
        assert changed.secret not in (None, old)
        receivers.deliver()
        assert receivers.sent[0]["secret"] == changed.secret

    def test_what_makes_no_sense_is_refused_and_changes_nothing(
        self, service: WebhookService, acme: Workspace
    ) -> None:
        webhook = store_webhook(acme, url=URL)
        with pytest.raises(InvalidInput):
            service.change(webhook.pk, state="broken")
        with pytest.raises(InvalidReceiver):
            service.change(webhook.pk, url="http://inside/", state="paused", new_secret=True)
        after = service.webhook(webhook.pk)
        assert (after.state, after.secret.token) == ("active", webhook.secret.token)
        assert history() == []


class TestDelete:
    def test_it_goes_with_its_deliveries_and_nothing_is_sent_any_more(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL)
        store_delivery(webhook)
        service.delete(webhook.pk)
        assert not Webhook.objects.exists()
        assert not WebhookDelivery.objects.exists()
        assert receivers.deliver() == Tally()
        assert history() == [("webhook_remove", "alice", "https://hooks.acme.com")]


class TestSendTest:
    def test_it_says_that_it_is_one_and_is_in_the_log(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL, state="paused", failing_since=NOW)
        delivery = service.send_test(webhook.pk)
        [sent] = receivers.sent
        assert (sent["url"], sent["secret"]) == (URL, webhook.secret.open())
        payload = json.loads(sent["payload"])
        assert (payload["type"], payload["data"]["webhook_id"]) == ("signal.test", webhook.pk)
        assert payload["timestamp"] == "2026-11-23T12:00:00Z"
        assert list(service.deliveries(webhook.pk)) == [delivery]
        kept = service.deliveries(webhook.pk).get()
        assert (kept.pk, kept.payload) == (sent["message_id"], sent["payload"])
        assert (kept.state, kept.attempts, kept.last_status) == ("delivered", 1, 200)
        assert (kept.signal, kept.next_attempt_at, kept.delivered_at) == (None, None, NOW)
        assert service.webhook(webhook.pk).failing_since == NOW

    def test_it_is_not_tried_again(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL)
        receivers.answer(URL, REFUSED)
        delivery = service.send_test(webhook.pk)
        assert (delivery.state, delivery.last_status) == ("failed", 500)
        assert delivery.last_error == "The receiver answered 500"
        receivers.pass_time(days=1)
        assert receivers.deliver() == Tally()
        assert service.webhook(webhook.pk).failing_since is None

    def test_410_to_a_test_pauses_nothing(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL)
        receivers.answer(URL, Attempt(status=410, error="The receiver answered 410"))
        service.send_test(webhook.pk)
        assert service.webhook(webhook.pk).state == "active"

    def test_one_that_is_deleted_meanwhile_is_not_found(
        self, service: WebhookService, acme: Workspace, receivers: Receivers
    ) -> None:
        webhook = store_webhook(acme, url=URL)

        def delete_meanwhile() -> Attempt:
            Webhook.objects.all().delete()
            return Attempt(status=200)

        receivers.answers[URL] = delete_meanwhile
        with pytest.raises(NotFound):
            service.send_test(webhook.pk)
        assert not WebhookDelivery.objects.exists()


ACTS: dict[str, Callable[[WebhookService, str], object]] = {
    "change": lambda service, pk: service.change(pk, state="paused"),
    "delete": lambda service, pk: service.delete(pk),
    "test": lambda service, pk: service.send_test(pk),
    "deliveries": lambda service, pk: service.deliveries(pk),
    "webhook": lambda service, pk: service.webhook(pk),
}


@pytest.mark.parametrize("act", ACTS)
def test_those_of_other_workspaces_do_not_exist(
    act: str, service: WebhookService, globex: Workspace, receivers: Receivers
) -> None:
    theirs = store_webhook(globex)
    for pk in (theirs.pk, "none", "", "\x00", "x" * 1000, "ü"):
        with pytest.raises(NotFound):
            ACTS[act](service, pk)
    assert receivers.sent == []
    assert Webhook.objects.get().state == "active"
    assert list(service.webhooks()) == []


def create(service: WebhookService, _: str) -> object:
    return service.create(url=URL)


@pytest.mark.parametrize("act", ["create", "change", "delete", "test"])
def test_who_may_not_any_more_when_it_comes_to_storing_changes_nothing(
    act: str, acme: Workspace, receivers: Receivers
) -> None:
    def refuse() -> None:
        raise PermissionDenied

    webhook = store_webhook(acme)
    with pytest.raises(PermissionDenied):
        (ACTS | {"create": create})[act](service_of(acme, confirm=refuse), webhook.pk)
    assert Webhook.objects.get().state == "active"
    assert not WebhookDelivery.objects.exists()
    assert history() == []
