"""A signal's receipt says what was counted, against what, day by day, and where to look it up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from beton.models import Workspace
from integrations_posthog.models import Account, Signal, UsageSource
from integrations_posthog.services.signals.evidence import posthog_url
from tests.evaluations import LAST, define, evaluate_as_of, store_history, use

pytestmark = pytest.mark.django_db

YESTERDAY = LAST - timedelta(days=1)
AGO_2, AGO_3 = (LAST - timedelta(days=number) for number in (2, 3))


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_history(acme, posthog_host="https://us.posthog.com", posthog_project_id="12345")


def condition(measure: str = "events", days: int = 2, **compare: Any) -> dict[str, Any]:
    return {
        "measure": measure,
        "events": None,
        "days": 7 if measure == "active_people" else days,
        "compare": compare,
    }


def receipt(workspace: Workspace, source: UsageSource, rule: dict[str, Any]) -> Signal:
    """That of the last day's only signal."""
    define(workspace, rule)
    evaluate_as_of(source, LAST)
    return Signal.objects.get(fired_on=LAST)


def series(signal: Signal) -> list[tuple[str, float]]:
    return [(one["day"], one["value"]) for one in signal.evidence["series"]]


class TestReceipt:
    def test_it_names_window_value_before_and_threshold(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {AGO_3: 4, AGO_2: 0, YESTERDAY: 2, LAST: 7})
        rule = {"all": [condition(to="own_past", ratio_at_least=2)]}
        evidence = receipt(acme, source, rule).evidence
        assert evidence["window"] == {
            "from": YESTERDAY.isoformat(),
            "to": LAST.isoformat(),
            "days": 2,
        }
        assert (evidence["value"], evidence["before"], evidence["threshold"]) == (9, 4, 8)
        assert (evidence["measure"], evidence["events"], evidence["days"]) == ("events", None, 2)

    def test_the_series_holds_the_time_that_it_is_compared_with(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {AGO_3: 4, YESTERDAY: 2, LAST: 7})
        signal = receipt(acme, source, {"all": [condition(to="own_past", ratio_at_least=2)]})
        days = [one.isoformat() for one in (AGO_3, AGO_2, YESTERDAY, LAST)]
        assert series(signal) == list(zip(days, [4, 0, 2, 7], strict=True))
        assert sum(value for _, value in series(signal)[2:]) == signal.evidence["value"]

    def test_of_a_plain_number_it_is_the_window(self, acme: Workspace, source: UsageSource) -> None:
        use(source, "Initech", {AGO_3: 4, LAST: 7})
        signal = receipt(acme, source, {"all": [condition(to="value", at_least=5)]})
        assert series(signal) == [(YESTERDAY.isoformat(), 0), (LAST.isoformat(), 7)]

    def test_of_people_it_is_the_stored_window_of_each_day(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {YESTERDAY: 1}, people=3)
        use(source, "Initech", {LAST: 1}, people=9)
        rule = {"all": [condition("active_people", to="value", at_least=5)]}
        signal = receipt(acme, source, rule)
        assert [value for _, value in series(signal)] == [0, 0, 0, 0, 0, 3, 9]
        assert signal.evidence["value"] == 9

    def test_the_first_condition_that_is_met_stands_for_the_whole_and_all_are_told(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {LAST: 7})
        rule = {
            "any": [
                condition(to="value", at_least=50),
                condition("active_days", to="value", at_least=1),
            ]
        }
        signal = receipt(acme, source, rule)
        assert signal.evidence["measure"] == "active_days"
        assert [one["met"] for one in signal.evidence["conditions"]] == [False, True]
        assert [one["needed"] for one in signal.evidence["conditions"]] == [50, 1]
        assert signal.sentence == "active on 1 of 2 days"

    def test_a_sequence_tells_of_each_condition_as_of_its_own_day(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {AGO_2: 7}, event="invited")
        use(source, "Initech", {LAST: 1}, event="paid")
        conditions = [
            {**condition(days=1, to="value", at_least=least), "events": [name]}
            for name, least in (("invited", 5), ("paid", 1))
        ]
        signal = receipt(acme, source, {"sequence": conditions, "within_days": 7})
        told = [(one["as_of"], one["value"]) for one in signal.evidence["conditions"]]
        assert told == [(AGO_2.isoformat(), 7), (LAST.isoformat(), 1)]
        assert signal.sentence == "7 × invited in 1 day; 1 × paid in 1 day"

    def test_its_horizon_is_that_of_its_day(self, acme: Workspace, source: UsageSource) -> None:
        use(source, "Initech", {LAST: 7})
        signal = receipt(acme, source, {"all": [condition(to="value", at_least=5)]})
        assert signal.horizon == source.days.get(day=LAST).horizon


class TestPostHog:
    def address(self, source: UsageSource, strategy: str, value: str, key: str) -> str:
        source.strategy, source.value = strategy, value
        return posthog_url(source, Account(source=source, key=key, name=key))

    def query(self, address: str) -> Any:
        return json.loads(unquote(address.partition("#q=")[2]))["source"]

    def test_a_group_has_a_page(self, source: UsageSource) -> None:
        address = self.address(source, "group", "0", "acme & co/1")
        assert address == "https://us.posthog.com/project/12345/groups/0/acme%20%26%20co%2F1"

    def test_a_domain_is_searched_for_among_people(self, source: UsageSource) -> None:
        address = self.address(source, "email_domain", "", "initech.example")
        assert address.startswith("https://us.posthog.com/project/12345/persons#q=")
        assert self.query(address)["search"] == "@initech.example"

    @pytest.mark.parametrize(
        ("strategy", "page", "kind"),
        [("person_property", "persons", "person"), ("event_property", "activity/explore", "event")],
    )
    def test_a_property_is_asked_for(
        self, strategy: str, page: str, kind: str, source: UsageSource
    ) -> None:
        address = self.address(source, strategy, "company", 'In"itech')
        assert address.startswith(f"https://us.posthog.com/project/12345/{page}#q=")
        assert self.query(address)["properties"] == [
            {"key": "company", "value": ['In"itech'], "operator": "exact", "type": kind}
        ]
