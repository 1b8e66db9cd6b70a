"""The use cases of a workspace's webhooks: list, add, change, remove and test them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models

from ...client.hosts import Network, allowed_url, canonical_origin
from ...client.webhooks import new_secret as make_secret
from ...errors import InvalidHost, InvalidInput, InvalidReceiver, NotFound, TooManyWebhooks
from ...models import Webhook, WebhookDelivery
from ...models.webhooks import WebhookDeliveryQuerySet, WebhookQuerySet
from ..store import Action, Actor, ConnectionStore
from .messages import attempt, new_message_id, payload_of_test

MOST_WEBHOOKS = 10
"""Of a workspace."""

LONGEST_URL = 500
_ID = re.compile(r"[0-9A-Za-z-]{1,36}")
State = Webhook.State


@dataclass(frozen=True, kw_only=True)
class ChangedWebhook:
    """A webhook after a change.

    Attributes:
        secret: what its messages are signed with, if it is new; this is the only time that it is
            told.
    """

    webhook: Webhook
    secret: str | None = field(default=None, repr=False)


class WebhookService:
    """The webhooks of one workspace, acted upon by one actor.

    Args:
        workspace: an instance of the host's workspace model.
        actor: who acts.
        clock: tells the time, with its zone.
        network: what the operator allows.
    """

    def __init__(
        self,
        *,
        workspace: models.Model,
        actor: Actor,
        clock: Callable[[], datetime],
        network: Network,
    ) -> None:
        self.workspace = workspace
        self._actor = actor
        self._clock = clock
        self._network = network
        self._store = ConnectionStore(workspace=workspace, actor=actor, clock=clock)

    def webhooks(self) -> WebhookQuerySet:
        """All of them."""
        return Webhook.objects.filter(workspace=self.workspace.pk)

    def webhook(self, webhook_id: str) -> Webhook:
        """One of them.

        Raises:
            NotFound: there is none with this id in this workspace.
        """
        is_id = _ID.fullmatch(webhook_id)
        webhook = self.webhooks().filter(pk=webhook_id).first() if is_id else None
        if webhook is None:
            raise NotFound(hint="There is no such webhook in this workspace.")
        return webhook

    def deliveries(self, webhook_id: str) -> WebhookDeliveryQuerySet:
        """The messages to one of them, tests too.

        Raises:
            NotFound: there is none with this id in this workspace.
        """
        return WebhookDelivery.objects.filter(webhook=self.webhook(webhook_id))

    def create(self, *, url: str) -> ChangedWebhook:
        """Add a webhook, with a secret of its own.

        Args:
            url: the address of the receiver.

        Raises:
            InvalidReceiver: it may not be sent to.
            InvalidInput: it is too long.
            TooManyWebhooks: the workspace has as many as it may have.
            PermissionDenied: the actor may not, or no longer.
        """
        address, secret = self._receiver(url), make_secret()
        with self._store.transaction():
            if self.webhooks().count() >= MOST_WEBHOOKS:
                raise TooManyWebhooks
            webhook = Webhook(workspace_id=self.workspace.pk, url=address, created_at=self._clock())
            webhook.set_secret(secret)
            webhook.save()
            self._record(Action.WEBHOOK_ADD, webhook)
        return ChangedWebhook(webhook=webhook, secret=secret)

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        state: str | None = None,
        new_secret: bool = False,
    ) -> ChangedWebhook:
        """Change what is given of a webhook; what waits is sent as it then is.

        Args:
            url: the address of the receiver.
            state: active or paused.
            new_secret: whether to sign with another secret from now on, and not with the old one.

        Raises:
            NotFound: there is none with this id in this workspace.
            InvalidReceiver: the address may not be sent to.
            InvalidInput: it is too long, or there is no such state.
            PermissionDenied: the actor may not, or no longer.
        """
        address = None if url is None else self._receiver(url)
        if state is not None and state not in State.values:
            raise InvalidInput(hint=f"A state is one of: {', '.join(State.values)}.")
        secret = make_secret() if new_secret else None
        with self._store.transaction():
            webhook = self._held(webhook_id)
            before = (webhook.url, webhook.state)
            if address is not None and address != webhook.url:
                webhook.url, webhook.failing_since = address, None
            if state is not None and state != webhook.state:
                self._set_state(webhook, state)
            if secret is not None:
                webhook.set_secret(secret)
            if secret is not None or (webhook.url, webhook.state) != before:
                webhook.save()
                self._record(Action.WEBHOOK_CHANGE, webhook)
        return ChangedWebhook(webhook=webhook, secret=secret)

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook, with its deliveries; what waits is not sent any more.

        Raises:
            NotFound: there is none with this id in this workspace.
            PermissionDenied: the actor may not, or no longer.
        """
        with self._store.transaction():
            webhook = self._held(webhook_id)
            self._record(Action.WEBHOOK_REMOVE, webhook)
            webhook.delete()

    def send_test(self, webhook_id: str) -> WebhookDelivery:
        """Send a message that says it is a test, at once and once, even where it is paused.

        Returns:
            The entry of the log that says how it went. It says nothing of how signals fare.

        Raises:
            NotFound: there is none with this id in this workspace.
            PermissionDenied: the actor may not, or no longer.
        """
        webhook, now = self.webhook(webhook_id), self._clock()
        delivery = WebhookDelivery(
            id=new_message_id(now=now),
            webhook=webhook,
            payload=payload_of_test(webhook_id=webhook.pk, now=now),
            attempts=1,
            created_at=now,
            last_attempt_at=now,
        )
        outcome = attempt(delivery, at=now, network=self._network)
        delivered = outcome.is_delivered
        delivery.state = WebhookDelivery.State.DELIVERED if delivered else "failed"
        delivery.delivered_at = self._clock() if delivered else None
        delivery.last_status, delivery.last_error = outcome.status, outcome.error
        with self._store.transaction():
            self._held(webhook_id)
            delivery.save(force_insert=True)
        return delivery

    def _receiver(self, url: str) -> str:
        if len(url) > LONGEST_URL:
            raise InvalidInput(hint=f"An address has {LONGEST_URL} characters at most.")
        try:
            address = allowed_url(url, trusted_origins=self._network.trusted_origins)
        except InvalidHost as exc:
            hint = None if exc.hint == InvalidHost.default_hint else exc.hint
            raise InvalidReceiver(hint=hint) from exc
        if len(address) > LONGEST_URL:
            raise InvalidInput(hint=f"An address has {LONGEST_URL} characters at most.")
        return address

    def _held(self, webhook_id: str) -> Webhook:
        """The webhook, and nobody else changes it until the transaction ends."""
        pk = self.webhook(webhook_id).pk
        return self.webhooks().select_for_update().get(pk=pk)

    def _set_state(self, webhook: Webhook, state: str) -> None:
        if state == State.PAUSED:
            webhook.pause(reason=f"Paused by {self._actor.name}.")
        else:
            webhook.activate()

    def _record(self, action: str, webhook: Webhook) -> None:
        # Not the whole address: receivers may take what is in it for a secret.
        self._store.record(action, hint=canonical_origin(webhook.url))
