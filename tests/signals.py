"""Definitions and signals to arrange a test by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
)
from integrations_posthog.services.signals import scores
from integrations_posthog.services.signals.evidence import posthog_url

from .usage import VERIFIED_AT

LAST_DAY = date(2026, 11, 21)
"""The last day of ``store_usage`` that is over, and so the one as of which rules are judged."""

MORE_PEOPLE: dict[str, Any] = {
    "measure": "active_people",
    "events": None,
    "days": 7,
    "compare": {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 4},
}
INVITATIONS: dict[str, Any] = {
    "measure": "events",
    "events": ["invite sent"],
    "days": 14,
    "compare": {"to": "value", "at_least": 3},
}
SENTENCE = "active people 4 → 11 in 7 days"


def store_definition(
    workspace: Workspace,
    *,
    name: str = "More people at work",
    state: str = "active",
    weight: int = 40,
    rule: Mapping[str, Any] | None = None,
    cooldown_days: int = 14,
    **columns: Any,
) -> SignalDefinition:
    """A definition in its first version.

    Args:
        columns: of the definition.
    """
    definition = SignalDefinition.objects.create(workspace=workspace, state=state, **columns)
    version = SignalDefinitionVersion.objects.create(
        definition=definition,
        number=1,
        name=name,
        rule=rule or {"all": [MORE_PEOPLE]},
        weight=weight,
        cooldown_days=cooldown_days,
        actor_name="alice",
        created_at=VERIFIED_AT,
    )
    definition.version = version
    definition.save()
    return definition


def store_signal(
    account: Account,
    definition: SignalDefinition,
    *,
    fired_on: date = LAST_DAY,
    sentence: str = SENTENCE,
    **columns: Any,
) -> Signal:
    """A signal with its receipt, and the scores that follow from it.

    Args:
        columns: of the signal.
    """
    facts = {
        "sentence": sentence,
        "evidence": evidence(fired_on),
        "horizon": VERIFIED_AT,
        "posthog_url": posthog_url(account.source, account),
    }
    assert definition.version is not None
    signal = Signal.objects.create(
        version=definition.version, account=account, fired_on=fired_on, **facts | columns
    )
    scores.refresh(account.source, as_of=LAST_DAY)
    return signal


def evidence(fired_on: date, **facts: Any) -> dict[str, Any]:
    """The receipt of active people that rose from 4 to 11 within two weeks."""
    days = [fired_on - timedelta(days=ago) for ago in reversed(range(14))]
    values = [4, 4, 4, 5, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11]
    receipt: dict[str, Any] = {
        "measure": "active_people",
        "events": None,
        "days": 7,
        "value": 11,
        "before": 4,
        "threshold": 6,
        "window": {"from": days[7].isoformat(), "to": days[-1].isoformat(), "days": 7},
        "series": [
            {"day": day.isoformat(), "value": value}
            for day, value in zip(days, values, strict=True)
        ],
    }
    return receipt | facts
