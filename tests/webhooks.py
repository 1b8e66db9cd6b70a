"""Webhooks, and signals for them, to arrange a test by."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from beton.models import Workspace
from integrations_posthog.client.webhooks import new_secret
from integrations_posthog.models import (
    Account,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageSource,
    Webhook,
    WebhookDelivery,
)

from .usage import store_source

FIRED_ON = date(2026, 11, 22)
HORIZON = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
RULE = {
    "all": [
        {
            "measure": "events",
            "events": ["report viewed"],
            "days": 7,
            "compare": {"to": "value", "at_least": 100},
        }
    ]
}


def store_definition(workspace: Workspace, **columns: Any) -> SignalDefinition:
    """An active definition in its first version, or one that is as these columns say."""
    facts = {"name": "Power user", "rule": RULE, "weight": 20, "cooldown_days": 30}
    facts |= {"number": 1, "actor_name": "alice"}
    state = columns.pop("state", "active")
    definition = SignalDefinition.objects.create(workspace=workspace, state=state)
    definition.version = SignalDefinitionVersion.objects.create(
        definition=definition, **facts | columns
    )
    definition.save()
    return definition


def store_signal(
    definition: SignalDefinition, *, account: Account | None = None, **columns: Any
) -> Signal:
    """A signal of a definition's newest version; of an account of its own, if none is given."""
    version = definition.version
    assert version is not None
    facts = {
        "fired_on": FIRED_ON,
        "sentence": "Initech viewed 120 reports in 7 days.",
        "evidence": {"measured": 120, "bound": 100},
        "horizon": HORIZON,
        "posthog_url": "https://us.posthog.com/project/12345/sql",
    }
    account = account or store_account(definition.workspace)
    return Signal.objects.create(version=version, account=account, **facts | columns)


def store_account(workspace: Workspace, *, name: str = "Initech") -> Account:
    """An account of the workspace's usage; of both there is one of each name."""
    source = UsageSource.objects.filter(connection__workspace=workspace).first()
    source = source or store_source(workspace)
    account, _ = Account.objects.get_or_create(
        source=source, key=f"{name.lower()}.example", defaults={"name": name}
    )
    return account


def store_webhook(
    workspace: Workspace, *, url: str = "https://hooks.acme.com/pql", secret: str = "", **rest: Any
) -> Webhook:
    """An active webhook, or one that is as these columns say."""
    webhook = Webhook(workspace=workspace, url=url, **rest)
    webhook.set_secret(secret or new_secret())
    webhook.save()
    return webhook


def store_delivery(webhook: Webhook, **columns: Any) -> WebhookDelivery:
    """A delivery that is due now, or that is as these columns say."""
    number = WebhookDelivery.objects.count() + 1
    facts: dict[str, Any] = {"id": f"msg_{number:04}", "payload": '{"type":"signal.fired"}'}
    facts |= {"next_attempt_at": HORIZON, "created_at": HORIZON}
    return WebhookDelivery.objects.create(webhook=webhook, **facts | columns)
