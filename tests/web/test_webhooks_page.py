"""The pages of webhooks: what they say, to whom, and what each form does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog import limits
from integrations_posthog.models import Webhook, WebhookDelivery
from tests.receivers import Receiver
from tests.webhooks import HORIZON, store_definition, store_delivery, store_signal, store_webhook

from .conftest import HTMX, As, text_of

WEBHOOKS = "/settings/posthog/webhooks/"
ADD = f"{WEBHOOKS}add"
URL = "https://hooks.acme.com/pql"


@pytest.fixture
def client(logged_in: As, alice: User) -> Client:
    """Alice's, who may change things."""
    return logged_in(alice)


@pytest.fixture
def webhook(acme: Workspace) -> Webhook:
    return store_webhook(acme, url=URL)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """One that the operator trusts."""
    with Receiver() as receiver:
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [receiver.origin]
        yield receiver


def page_of(webhook: Webhook, form: str = "") -> str:
    return f"{WEBHOOKS}{webhook.pk}/{form}"


def forms_on(response: Any) -> set[str]:
    """Where its forms post to."""
    found = re.findall(r'<form [^>]*action="(/settings/[^"]*)"', response.content.decode())
    return set(found)


class TestList:
    def test_each_says_how_it_fares(self, client: Client, acme: Workspace) -> None:
        store_webhook(acme, url="https://a.example/")
        store_webhook(acme, url="https://b.example/", failing_since=HORIZON)
        store_webhook(acme, url="https://c.example/", state="paused", failing_since=HORIZON)
        text = text_of(client.get(WEBHOOKS))
        assert "https://a.example/ Active" in text
        assert "https://b.example/ Failing since 23 Nov 2026, 00:10 UTC" in text
        assert "https://c.example/ Paused" in text

    def test_before_there_is_one_it_says_so(self, client: Client) -> None:
        assert "There is none yet." in text_of(client.get(WEBHOOKS))

    def test_where_there_are_ten_it_says_what_to_do(self, client: Client, acme: Workspace) -> None:
        for _ in range(10):
            store_webhook(acme)
        response = client.get(WEBHOOKS)
        assert "There are 10 at most. Delete one to add another." in text_of(response)
        assert ADD not in forms_on(response)


class TestAdd:
    @pytest.mark.parametrize("headers", [{}, HTMX], ids=["without htmx", "with htmx"])
    def test_the_secret_is_shown_once(self, client: Client, headers: dict[str, str]) -> None:
        response = client.post(ADD, {"url": URL}, headers=headers)
        webhook = Webhook.objects.get()
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"]
        assert webhook.secret.open() in response.content.decode()
        assert "Copy it now: it is not shown again." in text_of(response)
        for address in (WEBHOOKS, page_of(webhook)):
            assert "whsec_" not in client.get(address).content.decode()

    def test_an_address_that_may_not_be_sent_to_is_shown_again_with_the_reason(
        self, client: Client
    ) -> None:
        response = client.post(ADD, {"url": 'https://127.0.0.1/"<b>'})
        assert response.status_code == 422
        assert "Invalid webhook address" in text_of(response)
        assert "This address is not one of the public internet." in text_of(response)
        assert 'value="https://127.0.0.1/&quot;&lt;b&gt;"' in response.content.decode()
        assert not Webhook.objects.exists()

    def test_who_comes_by_get_sees_the_list(self, client: Client) -> None:
        assert client.get(ADD).headers["Location"] == WEBHOOKS


class TestOne:
    def test_the_log_says_what_became_of_each_message(
        self, client: Client, acme: Workspace, webhook: Webhook
    ) -> None:
        definition = store_definition(acme)
        tried = {"attempts": 2, "last_attempt_at": HORIZON}
        for day, (state, status, error) in enumerate(
            [
                ("pending", 500, "The receiver answered 500"),
                ("delivered", 204, ""),
                ("failed", None, "The receiver could not be reached, or hung up"),
            ]
        ):
            signal = store_signal(
                definition, fired_on=f"2026-11-{day + 1:02}", sentence=f"No {day}"
            )
            answer = {"state": state, "last_status": status, "last_error": error}
            store_delivery(webhook, signal=signal, **tried, **answer)
        store_delivery(webhook, state="failed", last_error="Late", **tried)
        store_delivery(webhook)
        at = "23 Nov 2026, 00:10 UTC"
        text = text_of(client.get(page_of(webhook)))
        assert f"No 0 {at} Waiting next attempt {at} 2 The receiver answered 500 {at}" in text
        assert f"No 1 {at} Delivered 2 The receiver answered 204 {at}" in text
        assert f"No 2 {at} Given up 2 The receiver could not be reached, or hung up {at}" in text
        assert f"Test {at} Failed 2 Late {at}" in text
        assert "0 None yet" in text

    def test_a_pause_says_why_and_what_happens_meanwhile(
        self, client: Client, acme: Workspace
    ) -> None:
        webhook = store_webhook(acme, state="paused", pause_reason="It is <gone>.")
        store_delivery(webhook)
        text = text_of(client.get(page_of(webhook)))
        assert "It is <gone>. What waits here is kept, and sent once it is active again." in text
        assert "next attempt" not in text

    def test_the_log_is_shown_a_page_at_a_time(self, client: Client, webhook: Webhook) -> None:
        for _ in range(120):
            store_delivery(webhook)
        pages = [client.get(page_of(webhook), {"page": number}) for number in (1, 2, 3)]
        assert [page.content.decode().count('<th scope="row">') for page in pages] == [50, 50, 20]
        assert "51 to 100 of 120 Previous Next" in text_of(pages[1])

    def test_more_messages_take_no_more_queries(
        self, client: Client, acme: Workspace, webhook: Webhook
    ) -> None:
        definition = store_definition(acme)
        store_delivery(webhook, signal=store_signal(definition))
        client.get(page_of(webhook))
        with CaptureQueriesContext(connection) as for_one:
            client.get(page_of(webhook))
        for day in range(1, 11):
            store_delivery(webhook, signal=store_signal(definition, fired_on=f"2026-10-{day:02}"))
        with CaptureQueriesContext(connection) as for_many:
            client.get(page_of(webhook))
        assert len(for_many) == len(for_one)

    @pytest.mark.parametrize("form", ["", "secret", "delete"])
    @pytest.mark.parametrize("webhook_id", ["none", "x" * 300, "%C3%BC"])
    def test_one_that_there_is_not_is_not_found(
        self, client: Client, form: str, webhook_id: str
    ) -> None:
        assert client.get(f"{WEBHOOKS}{webhook_id}/{form}").status_code == 404

    @pytest.mark.parametrize("form", ["test", "change", "secret", "delete"])
    def test_that_of_another_workspace_is_not_found(
        self, client: Client, globex: Workspace, form: str
    ) -> None:
        theirs = store_webhook(globex)
        response = client.post(page_of(theirs, form), {"state": "paused"})
        assert response.status_code == 404
        assert Webhook.objects.get().state == "active"
        assert not WebhookDelivery.objects.exists()


class TestForms:
    def test_a_test_says_how_it_went(
        self, client: Client, acme: Workspace, receiver: Receiver
    ) -> None:
        webhook = store_webhook(acme, url=receiver.url)
        response = client.post(page_of(webhook, "test"))
        assert "The test was delivered The receiver answered 200." in text_of(response)
        receiver.answer(302, location="https://elsewhere.example/")
        response = client.post(page_of(webhook, "test"), headers=HTMX)
        assert response.status_code == 200
        said = "The test was not delivered The receiver answered 302; redirects are not followed."
        assert said in text_of(response)
        assert len(receiver.ids) == 2

    def test_tests_are_limited(
        self,
        client: Client,
        acme: Workspace,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "WEBHOOK_TEST_RATE", "1/m")
        webhook = store_webhook(acme, url=receiver.url)
        client.post(page_of(webhook, "test"))
        response = client.post(page_of(webhook, "test"))
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 60
        assert "Rate limit exceeded" in text_of(response)
        assert len(receiver.ids) == 1

    def test_it_can_be_paused_and_activated(self, client: Client, webhook: Webhook) -> None:
        paused = client.post(page_of(webhook, "change"), {"state": "paused"})
        assert "Paused by alice." in text_of(paused)
        assert Webhook.objects.get().state == "paused"
        client.post(page_of(webhook, "change"), {"state": "active"})
        assert Webhook.objects.get().state == "active"

    def test_it_can_get_another_address(self, client: Client, webhook: Webhook) -> None:
        client.post(page_of(webhook, "change"), {"url": "https://new.acme.com"})
        assert Webhook.objects.get().url == "https://new.acme.com/"
        response = client.post(page_of(webhook, "change"), {"url": "https://10.0.0.1/"})
        assert response.status_code == 422
        assert 'value="https://10.0.0.1/"' in response.content.decode()
        assert Webhook.objects.get().url == "https://new.acme.com/"

    def test_another_secret_is_asked_for_twice_and_shown_once(
        self, client: Client, webhook: Webhook
    ) -> None:
        asked = client.get(page_of(webhook, "secret"))
        assert "Sign with another secret?" in text_of(asked)
        assert Webhook.objects.get().secret.open() == webhook.secret.open()
        made = client.post(page_of(webhook, "secret"))
        fresh = Webhook.objects.get().secret.open()
        assert fresh != webhook.secret.open()
        assert fresh in made.content.decode()
        assert fresh not in client.get(page_of(webhook)).content.decode()

    def test_deleting_is_asked_for_twice_and_leads_to_the_list(
        self, client: Client, webhook: Webhook
    ) -> None:
        asked = client.get(page_of(webhook, "delete"))
        assert "Delete this webhook?" in text_of(asked)
        assert Webhook.objects.exists()
        assert client.post(page_of(webhook, "delete")).headers["Location"] == WEBHOOKS
        assert not Webhook.objects.exists()


class TestMembers:
    def test_they_see_it_and_no_form(self, logged_in: As, carol: User, webhook: Webhook) -> None:
        store_delivery(webhook, last_error="Late", last_attempt_at=HORIZON)
        carols = logged_in(carol)
        for address in (WEBHOOKS, page_of(webhook), page_of(webhook, "delete")):
            response = carols.get(address)
            assert URL in text_of(response)
            assert "You can look, but not change this." in text_of(response)
            assert not {form for form in forms_on(response) if form.startswith(WEBHOOKS)}
        assert "Late" in text_of(carols.get(page_of(webhook)))

    @pytest.mark.parametrize("form", ["test", "change", "secret", "delete"])
    def test_they_change_nothing(
        self, logged_in: As, carol: User, webhook: Webhook, form: str
    ) -> None:
        response = logged_in(carol).post(page_of(webhook, form), {"state": "paused"})
        assert response.status_code == 403
        assert "You do not have permission" in text_of(response)
        after = Webhook.objects.get()
        assert (after.state, after.secret.token) == ("active", webhook.secret.token)
        assert not WebhookDelivery.objects.exists()

    def test_they_add_none(self, logged_in: As, carol: User) -> None:
        assert logged_in(carol).post(ADD, {"url": URL}).status_code == 403
        assert not Webhook.objects.exists()
