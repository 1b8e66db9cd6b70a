"""The API's calls about webhooks: what they answer, to whom, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog import limits
from integrations_posthog.models import PosthogConnectionEvent, Webhook, WebhookDelivery
from tests.receivers import Receiver
from tests.webhooks import HORIZON, store_definition, store_delivery, store_signal, store_webhook

BASE = "/api/posthog/webhooks"
URL = "https://hooks.acme.com/pql"

As = Callable[[User], APIClient]


@pytest.fixture
def api(alice: User, session_client: As) -> APIClient:
    """Alice's, who may change things."""
    return session_client(alice)


@pytest.fixture
def webhook(acme: Workspace) -> Webhook:
    return store_webhook(acme, url=URL)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """One that the operator trusts."""
    with Receiver() as receiver:
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [receiver.origin]
        yield receiver


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error_type"]


class TestCreate:
    def test_the_answer_tells_the_secret_and_no_other_does(self, api: APIClient) -> None:
        response = api.post(BASE, {"url": URL}, format="json")
        created = response.json()
        assert response.status_code == 201
        webhook = Webhook.objects.get()
        assert created == {
            "id": webhook.pk,
            "url": URL,
            "state": "active",
            "pause_reason": None,
            "failing_since": None,
            "created_at": created["created_at"],
            "secret": webhook.secret.open(),
        }
        told = {name: value for name, value in created.items() if name != "secret"}
        assert api.get(f"{BASE}/{webhook.pk}").json() == told
        assert api.get(BASE).json()["results"] == [told]
        changed = api.patch(f"{BASE}/{webhook.pk}", {"state": "active"}, format="json")
        assert changed.json() == told

    @pytest.mark.parametrize(
        ("body", "error_type"),
        [
            ({"url": "https://10.0.0.1/"}, "invalid_host"),
            ({"url": "http://hooks.acme.com/"}, "invalid_host"),
            ({"url": "https://hooks.acme.com/" + "a" * 500}, "invalid_format"),
            ({"url": ""}, "invalid_format"),
            ({"url": [URL]}, "invalid_format"),
            ({}, "invalid_format"),
            ([], "invalid_format"),
        ],
    )
    def test_what_is_no_address_of_a_receiver_is_refused(
        self, api: APIClient, body: Any, error_type: str
    ) -> None:
        response = api.post(BASE, body, format="json")
        assert refused(response) == (400, error_type)
        assert not Webhook.objects.exists()

    def test_the_eleventh_is_refused(self, api: APIClient, acme: Workspace) -> None:
        for _ in range(10):
            store_webhook(acme)
        response = api.post(BASE, {"url": URL}, format="json")
        assert refused(response) == (400, "invalid_format")
        assert "Delete one" in response.json()["hint"]


class TestList:
    def test_the_newest_come_first_a_page_at_a_time(self, api: APIClient, acme: Workspace) -> None:
        made = [
            store_webhook(acme, url=f"{URL}/{day}", created_at=HORIZON + timedelta(days=day))
            for day in range(3)
        ]
        first = api.get(BASE, {"page_size": 2}).json()
        second = api.get(first["next"]).json()
        shown = [row["id"] for row in first["results"] + second["results"]]
        assert shown == [webhook.pk for webhook in reversed(made)]
        assert second["next"] is None

    def test_a_pause_says_why(self, api: APIClient, acme: Workspace) -> None:
        store_webhook(acme, state="paused", pause_reason="It is gone.", failing_since=HORIZON)
        [row] = api.get(BASE).json()["results"]
        assert (row["state"], row["pause_reason"]) == ("paused", "It is gone.")
        assert row["failing_since"] == "2026-11-23T00:10:00Z"


class TestChange:
    def test_what_is_given_is_changed_and_nothing_else(
        self, api: APIClient, webhook: Webhook
    ) -> None:
        one = f"{BASE}/{webhook.pk}"
        paused = api.patch(one, {"state": "paused"}, format="json").json()
        assert (paused["state"], paused["pause_reason"]) == ("paused", "Paused by alice.")
        moved = api.patch(one, {"url": "https://new.acme.com"}, format="json").json()
        assert (moved["url"], moved["state"]) == ("https://new.acme.com/", "paused")
        assert Webhook.objects.get().secret.open() == webhook.secret.open()

    def test_a_new_secret_is_told_once(self, api: APIClient, webhook: Webhook) -> None:
        changed = api.patch(f"{BASE}/{webhook.pk}", {"new_secret": True}, format="json").json()
        assert changed["secret"] == Webhook.objects.get().secret.open() != webhook.secret.open()
        assert "secret" not in api.get(f"{BASE}/{webhook.pk}").json()

    @pytest.mark.parametrize(
        ("body", "error_type"),
        [
            ({"state": "broken"}, "invalid_format"),
            ({"state": None}, "invalid_format"),
            ({"new_secret": "perhaps"}, "invalid_format"),
            ({"url": "https://[::1]/"}, "invalid_host"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, api: APIClient, webhook: Webhook, body: dict[str, Any], error_type: str
    ) -> None:
        response = api.patch(f"{BASE}/{webhook.pk}", body, format="json")
        assert refused(response) == (400, error_type)
        assert not PosthogConnectionEvent.objects.exists()

    def test_half_a_character_is_refused_like_any_other_text(
        self, api: APIClient, webhook: Webhook
    ) -> None:
        body = '{"state": "\\ud800"}'
        response = api.patch(f"{BASE}/{webhook.pk}", body, content_type="application/json")
        assert refused(response) == (400, "invalid_format")

    def test_a_refusal_does_not_repeat_a_key_that_was_pasted_in_the_wrong_place(
        self, api: APIClient, webhook: Webhook
    ) -> None:
        key = "phx_" + "k" * 40
        response = api.patch(f"{BASE}/{webhook.pk}", {"state": key}, format="json")
        assert refused(response) == (400, "invalid_format")
        assert "kkkk" not in response.content.decode()

    def test_what_changes_nothing_is_not_in_the_history(
        self, api: APIClient, webhook: Webhook
    ) -> None:
        for body in ({}, {"state": "active"}, {"url": URL}, {"new_secret": False}):
            assert api.patch(f"{BASE}/{webhook.pk}", body, format="json").status_code == 200
        assert not PosthogConnectionEvent.objects.exists()

    def test_it_can_be_deleted(self, api: APIClient, webhook: Webhook) -> None:
        store_delivery(webhook)
        response = api.delete(f"{BASE}/{webhook.pk}")
        assert (response.status_code, response.content) == (204, b"")
        assert not Webhook.objects.exists()
        assert refused(api.delete(f"{BASE}/{webhook.pk}")) == (404, "not_found")


class TestTest:
    @pytest.mark.parametrize(
        ("status", "told"),
        [
            (204, {"delivered": True, "status": 204, "error": None}),
            (500, {"delivered": False, "status": 500, "error": "The receiver answered 500"}),
        ],
    )
    def test_it_is_sent_at_once_and_the_answer_says_how_it_went(
        self,
        api: APIClient,
        acme: Workspace,
        receiver: Receiver,
        status: int,
        told: dict[str, Any],
    ) -> None:
        webhook = store_webhook(acme, url=receiver.url)
        receiver.secret = webhook.secret.open()
        receiver.answer(status)
        response = api.post(f"{BASE}/{webhook.pk}/test")
        assert (response.status_code, response.json()) == (200, told)
        [message] = receiver.messages
        assert message["type"] == "signal.test"
        assert WebhookDelivery.objects.get().pk == receiver.ids[0]

    def test_a_receiver_that_is_not_there_is_an_answer_too(
        self, api: APIClient, acme: Workspace, receiver: Receiver
    ) -> None:
        receiver.kill()
        told = api.post(f"{BASE}/{store_webhook(acme, url=receiver.url).pk}/test").json()
        assert (told["delivered"], told["status"]) == (False, None)
        assert told["error"] == "The receiver could not be reached, or hung up"

    def test_there_are_ten_a_minute_for_a_workspace(
        self, api: APIClient, acme: Workspace, receiver: Receiver, bob: User, session_client: As
    ) -> None:
        one, other = [store_webhook(acme, url=receiver.url) for _ in range(2)]
        count = int(limits.WEBHOOK_TEST_RATE.partition("/")[0])
        for _ in range(count):
            assert api.post(f"{BASE}/{one.pk}/test").status_code == 200
        response = session_client(bob).post(f"{BASE}/{other.pk}/test")
        assert refused(response) == (429, "rate_limited")
        assert response.json()["error"] == "Rate limit exceeded"
        assert 0 < int(response.headers["Retry-After"]) <= 60
        assert len(receiver.ids) == count == 10


class TestDeliveries:
    def test_a_row_tells_how_it_fares(
        self, api: APIClient, acme: Workspace, webhook: Webhook
    ) -> None:
        signal = store_signal(store_definition(acme))
        store_delivery(
            webhook,
            id="msg_a",
            signal=signal,
            attempts=2,
            last_attempt_at=HORIZON,
            last_status=500,
            last_error="The receiver answered 500",
        )
        [row] = api.get(f"{BASE}/{webhook.pk}/deliveries").json()["results"]
        assert row == {
            "id": "msg_a",
            "signal_id": str(signal.pk),
            "state": "pending",
            "attempts": 2,
            "next_attempt_at": "2026-11-23T00:10:00Z",
            "last_attempt_at": "2026-11-23T00:10:00Z",
            "last_status": 500,
            "last_error": "The receiver answered 500",
            "delivered_at": None,
            "created_at": "2026-11-23T00:10:00Z",
        }

    def test_a_test_is_of_no_signal(self, api: APIClient, webhook: Webhook) -> None:
        store_delivery(webhook, state="delivered")
        [row] = api.get(f"{BASE}/{webhook.pk}/deliveries").json()["results"]
        assert (row["signal_id"], row["last_error"]) == (None, None)

    def test_each_is_on_one_page_whatever_comes_meanwhile(
        self, api: APIClient, webhook: Webhook, acme: Workspace
    ) -> None:
        made = {store_delivery(webhook).pk for _ in range(7)}
        store_delivery(store_webhook(acme))
        page = api.get(f"{BASE}/{webhook.pk}/deliveries", {"page_size": 3}).json()
        shown = page["results"]
        store_delivery(webhook)
        while page["next"]:
            page = api.get(page["next"]).json()
            shown += page["results"]
        assert len(shown) == len(made)
        assert {row["id"] for row in shown} == made

    @pytest.mark.parametrize(
        ("path", "cursor"),
        [("/{id}/deliveries", "none"), ("", "none"), ("", "cD1ub3doZXJl")],
    )
    def test_a_cursor_that_is_none_is_refused(
        self, api: APIClient, webhook: Webhook, path: str, cursor: str
    ) -> None:
        response = api.get(BASE + path.format(id=webhook.pk), {"cursor": cursor})
        assert refused(response) == (400, "invalid_format")


CALLS = [
    ("post", ""),
    ("patch", "/{id}"),
    ("delete", "/{id}"),
    ("post", "/{id}/test"),
    ("get", "/{id}"),
    ("get", "/{id}/deliveries"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_member_may_read_and_no_more(
    method: str, path: str, carol: User, webhook: Webhook, session_client: As
) -> None:
    address = BASE + path.format(id=webhook.pk)
    body = {"url": URL, "state": "paused"} if method != "get" else {}
    response = getattr(session_client(carol), method)(address, body, format="json")
    assert response.status_code == (200 if method == "get" else 403)
    assert Webhook.objects.get().state == "active"
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(("method", "path"), CALLS[1:])
@pytest.mark.parametrize("whose", ["another's", "nobody's", "no id"])
def test_one_that_is_not_of_the_workspace_is_not_found(
    method: str, path: str, whose: str, api: APIClient, globex: Workspace
) -> None:
    theirs = store_webhook(globex)
    webhook_id = {"another's": theirs.pk, "nobody's": "0" * 36, "no id": "x" * 300}[whose]
    response = getattr(api, method)(BASE + path.format(id=webhook_id), format="json")
    assert refused(response) == (404, "not_found")
    assert response.json()["hint"] == "There is no such webhook in this workspace."
    assert Webhook.objects.get().state == "active"
    assert not WebhookDelivery.objects.exists()
