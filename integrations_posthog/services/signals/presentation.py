"""A signal as others get to read it: by the API, and by webhook."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...models import Signal


def signal_data(signal: Signal) -> dict[str, Any]:
    """What is told of a signal, as JSON has it. Reads its version, definition and account."""
    version, account = signal.version, signal.account
    return {
        "id": str(signal.pk),
        "definition": {
            "id": str(version.definition_id),
            "name": version.name,
            "version": version.number,
        },
        "account": {"id": str(account.pk), "key": account.key, "name": account.name},
        "fired_on": signal.fired_on.isoformat(),
        "late": signal.late,
        "state": signal.state,
        "sentence": signal.sentence,
        "evidence": signal.evidence,
        "as_of": signal.fired_on.isoformat(),
        "horizon": utc_text(signal.horizon) if signal.horizon else None,
        "posthog_url": signal.posthog_url,
    }


def utc_text(moment: datetime) -> str:
    """A moment in UTC: ``2026-11-22T14:05:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
