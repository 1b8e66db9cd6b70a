"""Definitions to start from. Each proposes events out of those that a project really has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

USUAL_WEIGHT = 40
USUAL_COOLDOWN_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Template:
    """A definition to start from.

    Attributes:
        slug: names the template.
        purpose: expansion, activation or risk.
        weight: below zero for what speaks against an account.
        words: parts of the names of events that fit; empty where the rule counts all events.
        condition: its only one, without its events.
    """

    slug: str
    name: str
    purpose: str
    description: str
    weight: int
    words: tuple[str, ...]
    condition: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A template, filled with events of the project.

    ``events`` are those that fit, ``rule`` is None where the project has none that do.
    """

    template: Template
    events: tuple[str, ...]
    rule: dict[str, Any] | None


TEMPLATES = (
    Template(
        slug="more-people",
        name="More people at work",
        purpose="expansion",
        description="Half as many people again are active as in the week before; six or more.",
        weight=40,
        words=(),
        condition={
            "measure": "active_people",
            "days": 7,
            "compare": {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 6},
        },
    ),
    Template(
        slug="usage-rise",
        name="Usage rises",
        purpose="expansion",
        description="Twice as many events as in the two weeks before.",
        weight=30,
        words=(),
        condition={
            "measure": "events",
            "days": 14,
            "compare": {"to": "own_past", "ratio_at_least": 2, "min_volume": 40},
        },
    ),
    Template(
        slug="invitations",
        name="Invites colleagues",
        purpose="expansion",
        description="Several invitations within two weeks.",
        weight=30,
        words=("invite_sent", "invite sent", "invited", "invite", "member_added", "team"),
        condition={
            "measure": "events",
            "days": 14,
            "compare": {"to": "value", "at_least": 3},
        },
    ),
    Template(
        slug="pricing-interest",
        name="Looks at prices",
        purpose="expansion",
        description="Prices, plans or billing are looked at on several days.",
        weight=30,
        words=("pricing", "plan", "billing", "checkout", "upgrade"),
        condition={
            "measure": "active_days",
            "days": 14,
            "compare": {"to": "value", "at_least": 2},
        },
    ),
    Template(
        slug="activation",
        name="Activation reached",
        purpose="activation",
        description="What a new account has to do once, done for the first time.",
        weight=20,
        words=(
            "onboarding_completed",
            "activated",
            "integration_connected",
            "created",
            "completed",
        ),
        condition={
            "measure": "events",
            "days": 7,
            "compare": {"to": "first_time", "silent_days": 60},
        },
    ),
    Template(
        slug="usage-fall",
        name="Usage falls",
        purpose="risk",
        description="Half of the events of the two weeks before, or fewer.",
        weight=-30,
        words=(),
        condition={
            "measure": "events",
            "days": 14,
            "compare": {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 40},
        },
    ),
    Template(
        slug="silence",
        name="Falls silent",
        purpose="risk",
        description="Nothing for two weeks, after two weeks of work.",
        weight=-40,
        words=(),
        condition={
            "measure": "active_days",
            "days": 14,
            "compare": {"to": "own_past", "ratio_at_most": 0, "min_volume": 3},
        },
    ),
)
"""Expansion four times, activation once, risk twice."""

_MOST_EVENTS = 5


def proposals(events: Iterable[str]) -> list[Proposal]:
    """All templates, each with the events that fit it.

    Args:
        events: the names of the project's events, the most frequent first.
    """
    names = list(events)
    return [_proposal(template, names) for template in TEMPLATES]


def _proposal(template: Template, names: list[str]) -> Proposal:
    if not template.words:
        return Proposal(template=template, events=(), rule=_rule(template, None))
    fitting = _fitting(template.words, names)
    return Proposal(
        template=template,
        events=fitting,
        rule=_rule(template, list(fitting)) if fitting else None,
    )


def _fitting(words: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    """The events whose names hold the first of the words that any name holds."""
    for word in words:
        found = [name for name in names if word in name.lower()]
        if found:
            return tuple(found[:_MOST_EVENTS])
    return ()


def _rule(template: Template, events: list[str] | None) -> dict[str, Any]:
    return {"all": [{"events": events, **template.condition}]}
