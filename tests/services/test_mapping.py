"""Which account an event belongs to: what may be chosen, what covers most, what belongs to none."""

from __future__ import annotations

import pytest

from integrations_posthog.client.usage_replies import ChoiceCount
from integrations_posthog.errors import InvalidMapping
from integrations_posthog.services.mapping import (
    Mapping,
    best_mapping,
    choices_to_measure,
    coverage_of,
    parse_mapping,
)

EMAIL = Mapping(strategy="email_domain")
COMPANY = Mapping(strategy="person_property", value="company")


@pytest.mark.parametrize(
    ("mapping", "key"),
    [
        (Mapping(strategy="group", value="3"), "`$group_3`"),
        (COMPANY, "ifNull(toString(person.properties.`company`), '')"),
        (
            Mapping(strategy="event_property", value="Org Id"),
            "ifNull(toString(properties.`Org Id`), '')",
        ),
        (EMAIL, "lower(extract(trim(ifNull(toString(person.properties.email), '')), '@([^@]+)$'))"),
    ],
)
def test_each_strategy_has_its_expression(mapping: Mapping, key: str) -> None:
    assert mapping.key == key


@pytest.mark.parametrize(
    ("strategy", "value"),
    [
        ("nothing", ""),
        ("group", ""),
        ("group", "5"),
        ("group", "company"),
        ("email_domain", "x"),
        ("person_property", ""),
        ("person_property", "a`b"),
        ("person_property", "a'b"),
        ("event_property", "a\\b"),
        ("event_property", "ä"),
        ("event_property", "x" * 101),
        ("event_property", "a\0b"),
        ("event_property", "{after}"),
    ],
)
def test_what_posthog_cannot_be_asked_for_is_no_mapping(strategy: str, value: str) -> None:
    with pytest.raises(InvalidMapping) as refusal:
        parse_mapping(strategy=strategy, value=value)
    assert refusal.value.hint


def test_white_space_around_a_value_does_not_matter() -> None:
    assert parse_mapping(strategy="person_property", value=" company ") == COMPANY
    assert parse_mapping(strategy="email_domain", value=None) == EMAIL


@pytest.mark.parametrize(
    ("mapping", "key", "reason"),
    [
        (COMPANY, "", "no_account"),
        (COMPANY, "x" * 200, None),
        (COMPANY, "ü" * 200, None),
        (COMPANY, "x" * 201, "too_long"),
        (COMPANY, "a\0b", "contains_nul"),
        (COMPANY, "a\ud800", "not_text"),
        (COMPANY, "gmail.com", None),
        (EMAIL, "gmail.com", "public_email_provider"),
        (EMAIL, "initech.example", None),
    ],
)
def test_each_event_without_an_account_has_a_reason(
    mapping: Mapping, key: str, reason: str | None
) -> None:
    assert mapping.unattributed_reason(key) == reason


class TestCoverage:
    def test_public_mail_providers_do_not_count(self) -> None:
        [email] = coverage_of(
            [
                ChoiceCount("all", "", 200, 1),
                ChoiceCount("email_domain", "gmail.com", 90, 1),
                ChoiceCount("email_domain", "initech.example", 50, 1),
                ChoiceCount("email_domain", "hooli.example", 10, 1),
            ],
            choices=[],
        )
        assert (email.strategy, email.value) == ("email_domain", "")
        assert (email.events, email.accounts, email.share) == (60, 2, 0.3)

    def test_the_most_comes_first_and_is_the_best(self) -> None:
        coverage = coverage_of(
            [
                ChoiceCount("all", "", 100, 1),
                ChoiceCount("event_property company", "", 80, 8),
                ChoiceCount("group 0", "", 80, 9),
                ChoiceCount("email_domain", "initech.example", 93, 7),
            ],
            choices=["event_property company", "group 0"],
        )
        assert [one.strategy for one in coverage] == ["email_domain", "group", "event_property"]
        assert best_mapping(coverage[1:]) == Mapping(strategy="group", value="0")

    def test_one_account_for_everybody_is_not_proposed(self) -> None:
        coverage = coverage_of(
            [
                ChoiceCount("all", "", 100, 1),
                ChoiceCount("event_property company", "", 100, 1),
                ChoiceCount("group 0", "", 20, 2),
            ],
            choices=["event_property company", "group 0"],
        )
        assert best_mapping(coverage) == Mapping(strategy="group", value="0")

    def test_a_choice_that_nobody_asked_for_is_none(self) -> None:
        counts = [ChoiceCount("all", "", 9, 1), ChoiceCount("group 7", "", 9, 3)]
        assert coverage_of(counts, choices=["group 0"]) == []

    def test_without_events_e_mail_domains_are_proposed(self) -> None:
        assert coverage_of([], choices=[]) == []
        assert best_mapping([]) == EMAIL

    def test_the_present_choice_is_measured_too(self) -> None:
        mine = Mapping(strategy="event_property", value="tenant")
        names = choices_to_measure(mine).keys()
        assert {"group 0", "group 4", "person_property company", "event_property tenant"} <= names
        assert not any(name.startswith("email_domain") for name in names)
