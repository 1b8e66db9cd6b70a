"""Templates are definitions to start from, with events that the project really has."""

from __future__ import annotations

import pytest

from integrations_posthog.pql.rules import parse_rule
from integrations_posthog.pql.templates import TEMPLATES, Proposal, proposals

EVENTS = [
    "$pageview",
    "invite_sent",
    "Invite Sent (old)",
    "pricing_viewed",
    "onboarding_completed",
    "report_created",
]


def by_slug(events: list[str]) -> dict[str, Proposal]:
    return {one.template.slug: one for one in proposals(events)}


def test_there_are_some_for_expansion_activation_and_risk() -> None:
    purposes = [template.purpose for template in TEMPLATES]
    assert purposes == ["expansion"] * 4 + ["activation"] + ["risk"] * 2
    assert all((template.weight < 0) == (template.purpose == "risk") for template in TEMPLATES)


@pytest.mark.parametrize("events", [EVENTS, [], ["$pageview"] * 9])
def test_whatever_is_proposed_is_a_rule(events: list[str]) -> None:
    for one in proposals(events):
        if one.rule is not None:
            assert parse_rule(one.rule).event_names == set(one.events)


def test_each_proposes_the_events_that_fit_it() -> None:
    found = by_slug(EVENTS)
    assert found["invitations"].events == ("invite_sent",)
    assert found["pricing-interest"].events == ("pricing_viewed",)
    assert found["activation"].events == ("onboarding_completed",)


def test_the_most_frequent_ones_come_first_and_five_at_most() -> None:
    many = [f"pricing_{number}" for number in range(9)]
    assert by_slug(many)["pricing-interest"].events == tuple(many[:5])


def test_a_project_without_such_events_gets_no_rule_for_them() -> None:
    found = by_slug(["$pageview"])
    assert {slug for slug, one in found.items() if one.rule is None} == {
        "invitations",
        "pricing-interest",
        "activation",
    }


def test_what_counts_all_events_needs_none() -> None:
    for slug in ("more-people", "usage-rise", "usage-fall", "silence"):
        rule = by_slug([])[slug].rule
        assert rule is not None
        assert rule["all"][0]["events"] is None
