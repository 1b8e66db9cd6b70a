"""Rules to learn from, and to test by."""

from __future__ import annotations

from typing import Any


def example_rules() -> dict[str, dict[str, Any]]:
    """One rule of each form, by what it looks for."""
    invitations = {
        "measure": "events",
        "events": ["invite_sent"],
        "days": 14,
        "compare": {"to": "value", "at_least": 5},
    }
    more_people = {
        "measure": "active_people",
        "events": None,
        "days": 7,
        "compare": {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 5},
    }
    return {
        "All of these": {"all": [more_people, invitations]},
        "Any of these": {"any": [more_people, invitations]},
        "One after another": {
            "sequence": [
                invitations,
                invitations
                | {"events": ["pricing_viewed"], "compare": {"to": "value", "at_least": 1}},
            ],
            "within_days": 14,
        },
        "Usage falls": {
            "all": [
                {
                    "measure": "events",
                    "events": None,
                    "days": 14,
                    "compare": {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 20},
                }
            ]
        },
        "Silence": {
            "all": [
                {
                    "measure": "active_days",
                    "events": None,
                    "days": 14,
                    "compare": {"to": "value", "at_most": 0},
                }
            ]
        },
        "Among the most active": {
            "all": [
                {
                    "measure": "distinct_events",
                    "events": None,
                    "days": 28,
                    "compare": {"to": "percentile", "at_least": 95},
                }
            ]
        },
        "For the first time": {
            "all": [
                {
                    "measure": "events",
                    "events": ["integration_connected"],
                    "days": 7,
                    "compare": {"to": "first_time", "silent_days": 30},
                }
            ]
        },
    }
