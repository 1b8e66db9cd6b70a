"""Evaluation and delivery beside whoever removes what they work on: nobody waits for somebody who
waits for them, and nothing is left of what is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from beton.models import Workspace
from integrations_posthog.client.webhooks import Attempt
from integrations_posthog.models import (
    Account,
    Signal,
    SignalDefinition,
    UsageSource,
    Webhook,
    WebhookDelivery,
)
from integrations_posthog.services.signals import deliveries, evaluation, outcomes, scores
from integrations_posthog.services.signals.outcomes import note_outcome
from integrations_posthog.wiring import usage_service
from tests import webhooks
from tests.connections import actor
from tests.evaluations import (
    LAST,
    at_least,
    define,
    definitions_of,
    evaluate_as_of,
    signals_of,
    store_history,
    use,
)
from tests.webhooks import store_delivery, store_webhook

from .conftest import NOW, REFUSED

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    source = store_history(acme)
    for number in range(3):
        use(source, f"Company {number}", {LAST: 7})
    return source


def while_it_does(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    *,
    first: Callable[[], object],
    second: Callable[[], object],
) -> list[BaseException]:
    """Do the first until it has come to a function, then begin the second, and let both end.

    Returns:
        What went wrong with either of them.
    """
    come, real = threading.Event(), getattr(module, name)
    troubles: list[BaseException] = []

    def wait_here(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        if not come.is_set():
            come.set()
            other.join(1)  # So that it has ended, or waits.
        return found

    def act(what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as exc:  # noqa: BLE001  (whatever it is, the test tells)
            troubles.append(exc)
        finally:
            connections.close_all()

    def act_second() -> None:
        assert come.wait(30)
        act(second)

    monkeypatch.setattr(module, name, wait_here)
    other = threading.Thread(target=act_second)
    one = threading.Thread(target=act, args=(first,))
    for thread in (other, one):
        thread.start()
    for thread in (one, other):
        thread.join(20)
        assert not thread.is_alive()
    return troubles


def purge(workspace: Workspace) -> None:
    usage_service(workspace=workspace, actor=actor()).purge(confirm=workspace.slug)


class TestEvaluation:
    def test_a_workspace_can_be_deleted_meanwhile(
        self, acme: Workspace, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define(acme, at_least(5))
        store_webhook(acme)
        troubles = while_it_does(
            monkeypatch,
            evaluation,
            "_fire",
            first=lambda: evaluate_as_of(source, LAST),
            second=Workspace.objects.get().delete,
        )
        assert troubles == []
        assert not Signal.objects.exists()
        assert not SignalDefinition.objects.exists()

    @pytest.mark.parametrize("after", ["_fire", "history_of"])
    def test_usage_can_be_purged_meanwhile_and_nothing_is_told_of_it(
        self, after: str, acme: Workspace, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define(acme, at_least(5))
        troubles = while_it_does(
            monkeypatch,
            evaluation,
            after,
            first=lambda: evaluate_as_of(source, LAST),
            second=lambda: purge(acme),
        )
        assert troubles == []
        assert not Signal.objects.exists()
        assert not Account.objects.exists()

    def test_what_is_dismissed_meanwhile_counts_no_more(
        self, acme: Workspace, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define(acme, at_least(5))
        [signal, *_] = evaluate_as_of(source, LAST)
        troubles = while_it_does(
            monkeypatch,
            scores,
            "_parts",
            first=lambda: evaluate_as_of(source, LAST),
            second=lambda: signals_of(acme).dismiss(str(signal.pk), reason="A competitor"),
        )
        assert troubles == []
        assert Account.objects.get(pk=signal.account_id).score == 0

    def test_what_is_paused_meanwhile_counts_no_more(
        self, acme: Workspace, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        definition = define(acme, at_least(5))
        evaluate_as_of(source, LAST)
        troubles = while_it_does(
            monkeypatch,
            scores,
            "_parts",
            first=lambda: evaluate_as_of(source, LAST),
            second=lambda: definitions_of(acme).pause(str(definition.pk)),
        )
        assert troubles == []
        assert set(Account.objects.values_list("score", flat=True)) == {0}


class TestDelivery:
    @pytest.fixture
    def claimed(self, acme: Workspace) -> WebhookDelivery:
        """Of a signal, on its way."""
        signal = webhooks.store_signal(webhooks.store_definition(acme))
        webhook = store_webhook(acme)
        store_delivery(webhook, signal=signal)
        delivery = deliveries._claim_next(webhook.pk, now=NOW)
        assert delivery is not None
        return delivery

    @pytest.mark.parametrize("gone", ["workspace", "usage", "webhook"])
    @pytest.mark.parametrize("outcome", ["refused", "gone"])
    def test_what_it_belongs_to_can_be_deleted_meanwhile(
        self,
        gone: str,
        outcome: str,
        acme: Workspace,
        claimed: WebhookDelivery,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ways: dict[str, Callable[[], object]] = {
            "workspace": Workspace.objects.get().delete,
            "usage": lambda: purge(acme),
            "webhook": Webhook.objects.get().delete,
        }
        attempt = REFUSED if outcome == "refused" else Attempt(status=410, error="Gone")
        troubles = while_it_does(
            monkeypatch,
            outcomes,
            "_note_failure",
            first=lambda: note_outcome(claimed, attempt, now=NOW, chance=0),
            second=ways[gone],
        )
        assert troubles == []
        assert not WebhookDelivery.objects.exists()
