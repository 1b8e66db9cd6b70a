"""What support staff sees of webhooks and of their messages in Django's admin."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from beton.models import Workspace
from integrations_posthog.models import Webhook, WebhookDelivery

from .support import APP, rows, support, text_of
from .webhooks import HORIZON, store_definition, store_delivery, store_signal, store_webhook

pytestmark = pytest.mark.django_db

WEBHOOKS, DELIVERIES = f"{APP}/webhook/", f"{APP}/webhookdelivery/"
LISTS = (WEBHOOKS, DELIVERIES)
VIEW = ("view_webhook", "view_webhookdelivery")
URL = "https://hooks.acme.com/pql"


@pytest.fixture
def webhook(acme: Workspace) -> Webhook:
    return store_webhook(acme, url=URL, state="paused", pause_reason="It is gone.")


@pytest.fixture
def delivery(acme: Workspace, webhook: Webhook) -> WebhookDelivery:
    signal = store_signal(store_definition(acme))
    failed = {"attempts": 3, "last_status": 500, "last_error": "The receiver answered 500"}
    return store_delivery(webhook, signal=signal, last_attempt_at=HORIZON, **failed)


class TestLists:
    def test_a_webhook_says_how_it_fares(self, webhook: Webhook) -> None:
        [row] = rows(support(*VIEW).get(WEBHOOKS))
        assert row[:3] == [URL, "Acme", "Paused"]
        assert "It is gone." in row

    def test_a_delivery_says_what_became_of_it(self, delivery: WebhookDelivery) -> None:
        [row] = rows(support(*VIEW).get(DELIVERIES))
        assert row[:7] == [
            delivery.pk,
            "Acme",
            URL,
            "Pending",
            "3",
            "500",
            "The receiver answered 500",
        ]

    @pytest.mark.parametrize(
        ("address", "query", "shown"),
        [
            (WEBHOOKS, "state__exact=paused", 1),
            (WEBHOOKS, "state__exact=active", 1),
            (WEBHOOKS, "q=globex", 1),
            (WEBHOOKS, "q=hooks.", 1),
            (WEBHOOKS, "", 2),
            (DELIVERIES, "state__exact=pending", 1),
            (DELIVERIES, "q=Acme", 1),
            (DELIVERIES, "q=msg_0001", 1),
            (DELIVERIES, "q=hooks.acme", 1),
            (DELIVERIES, "", 2),
        ],
    )
    def test_they_can_be_narrowed_and_searched(
        self, delivery: WebhookDelivery, globex: Workspace, address: str, query: str, shown: int
    ) -> None:
        other = store_webhook(globex, url="https://other.example/")
        store_delivery(other, state="delivered")
        assert len(rows(support(*VIEW).get(f"{address}?{query}"))) == shown

    @pytest.mark.parametrize("address", LISTS)
    def test_more_rows_take_no_more_queries(self, delivery: WebhookDelivery, address: str) -> None:
        sue = support(*VIEW)
        sue.get(address)
        with CaptureQueriesContext(connection) as for_few:
            few = rows(sue.get(address))
        for number in range(5):
            store_delivery(store_webhook(Workspace.objects.create(name=f"W{number}")))
        with CaptureQueriesContext(connection) as for_many:
            many = rows(sue.get(address))
        assert len(many) == len(few) + 5
        assert len(for_many) == len(for_few)


class TestPages:
    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (Webhook, [URL, "Acme", "Paused", "It is gone."]),
            (WebhookDelivery, ["Acme", URL, "Initech viewed 120 reports", "signal.fired", "500"]),
        ],
    )
    def test_each_shows_all_there_is_but_the_secret_and_nothing_to_edit(
        self, delivery: WebhookDelivery, model: type[Any], words: list[str]
    ) -> None:
        address = f"{APP}/{model.__name__.lower()}/{model.objects.get().pk}/change/"
        shown = support(*VIEW).get(address)
        assert [word in text_of(shown) for word in words] == [True] * len(words)
        html = shown.content.decode()
        secret = delivery.webhook.secret
        assert secret.open() not in html
        assert secret.token not in html
        main = html.partition('id="content"')[2]
        assert not re.search(r'<(input|textarea|select)(?![^>]*type="hidden")', main)

    @pytest.mark.parametrize("address", LISTS)
    def test_what_one_may_not_view_is_not_shown(self, webhook: Webhook, address: str) -> None:
        assert support("view_posthogworkspaceconfig").get(address).status_code == 403

    @pytest.mark.parametrize(
        ("address", "lookup"),
        [
            (WEBHOOKS, "secret__startswith"),
            (WEBHOOKS, "secret"),
            (WEBHOOKS, "workspace__name__startswith"),
            (DELIVERIES, "webhook__secret__startswith"),
            (DELIVERIES, "payload__contains"),
            (DELIVERIES, "webhook__workspace__posthog_config__posthog_api_key__startswith"),
        ],
    )
    def test_no_address_compares_a_column(
        self, delivery: WebhookDelivery, address: str, lookup: str
    ) -> None:
        assert support(*VIEW).get(address, {lookup: "x"}).status_code == 400
