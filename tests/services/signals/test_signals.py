"""A workspace's signals: listed, taken note of, dismissed, explained; and the criteria of fit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from beton.models import Workspace
from integrations_posthog.errors import InvalidInput, NotFound, PermissionDenied
from integrations_posthog.models import Account, FitCriteria, Signal, UsageSource
from integrations_posthog.pql.sentences import needed_text
from integrations_posthog.services.signals.presentation import signal_data
from integrations_posthog.services.signals.signals import Explanation, SignalService
from integrations_posthog.services.store import Actor
from tests.evaluations import (
    LAST,
    NOW,
    at_least,
    day,
    define,
    evaluate_as_of,
    fired,
    signals_of,
    store_history,
    use,
)

pytestmark = pytest.mark.django_db

RULE = at_least(5)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage: Initech was busy on the last day, Hooli a little."""
    source = store_history(acme)
    use(source, "Initech", {day(0): 1, LAST: 7})
    use(source, "Hooli", {day(0): 1, LAST: 3})
    return source


@pytest.fixture
def signal(acme: Workspace, source: UsageSource) -> Signal:
    """Initech's."""
    define(acme, RULE)
    [signal] = evaluate_as_of(source, LAST)
    return signal


def account(source: UsageSource, name: str) -> Account:
    return source.accounts.get(name=name)


class TestStates:
    def test_who_took_note_and_when_is_kept(self, acme: Workspace, signal: Signal) -> None:
        signals_of(acme).acknowledge(str(signal.pk))
        signal.refresh_from_db()
        assert (signal.state, signal.state_actor_name) == ("acknowledged", "alice")
        assert (signal.state_changed_at, signal.state_reason) == (NOW, "")
        assert account(signal.account.source, "Initech").score == 40

    def test_a_dismissed_one_counts_no_more_until_somebody_takes_note(
        self, acme: Workspace, source: UsageSource, signal: Signal
    ) -> None:
        signals_of(acme).dismiss(str(signal.pk), reason="A pilot that ends.")
        signal.refresh_from_db()
        assert (signal.state, signal.state_reason) == ("dismissed", "A pilot that ends.")
        assert account(source, "Initech").score == 0
        signals_of(acme).acknowledge(str(signal.pk))
        assert account(source, "Initech").score == 40

    def test_it_does_not_fire_again(
        self, acme: Workspace, source: UsageSource, signal: Signal
    ) -> None:
        signals_of(acme).dismiss(str(signal.pk), reason="No.")
        assert signals_of(acme).evaluate() == []
        assert len(fired(acme)) == 1

    def test_one_of_another_workspace_is_not_found(self, globex: Workspace, signal: Signal) -> None:
        service = signals_of(globex)
        with pytest.raises(NotFound):
            service.signal(str(signal.pk))
        with pytest.raises(NotFound):
            service.acknowledge(str(signal.pk))
        with pytest.raises(NotFound):
            service.dismiss(str(signal.pk), reason="No.")
        assert list(service.signals()) == []
        assert Signal.objects.get().state == "new"

    def test_who_may_no_longer_changes_nothing(self, acme: Workspace, signal: Signal) -> None:
        def refuse() -> None:
            raise PermissionDenied

        actor = Actor(name="carol", confirm=refuse)
        service = SignalService(workspace=acme, actor=actor, clock=lambda: NOW)
        with pytest.raises(PermissionDenied):
            service.dismiss(str(signal.pk), reason="No.")
        with pytest.raises(PermissionDenied):
            service.change_fit_criteria([])
        assert Signal.objects.get().state == "new"
        assert not FitCriteria.objects.exists()


class TestEvaluate:
    def test_it_tells_what_fired_now_and_the_next_time_nothing(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        assert [one.account.name for one in signals_of(acme).evaluate()] == ["Initech"]
        assert signals_of(acme).evaluate() == []

    def test_without_usage_there_is_nothing_to_evaluate(self, acme: Workspace) -> None:
        define(acme, RULE)
        assert signals_of(acme).evaluate() == []


def test_what_is_told_of_a_signal(signal: Signal) -> None:
    told = signal_data(signal)
    assert told == {
        "id": str(signal.pk),
        "definition": {"id": str(signal.version.definition_id), "name": "Busy", "version": 1},
        "account": {"id": str(signal.account_id), "key": "initech.example", "name": "Initech"},
        "fired_on": LAST.isoformat(),
        "late": False,
        "state": "new",
        "sentence": "7 events in 1 day",
        "evidence": signal.evidence,
        "as_of": LAST.isoformat(),
        "horizon": "2026-11-22T08:00:00Z",
        "posthog_url": signal.posthog_url,
    }


class TestExplain:
    def explain(
        self, workspace: Workspace, source: UsageSource, name: str, rule: Any, **asked: Any
    ) -> Explanation:
        definition = define(workspace, rule)
        found = account(source, name)
        return signals_of(workspace).explain(account=found, definition=definition, **asked)

    def test_what_is_missing_is_told_with_its_numbers(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        verdict = self.explain(acme, source, "Hooli", RULE).verdict
        assert verdict is not None
        assert not verdict.met
        [one] = verdict.judgements
        assert (one.value, one.needed, one.as_of) == (3, 5, LAST)

    def test_it_agrees_with_what_fires(self, acme: Workspace, source: UsageSource) -> None:
        rules = [at_least(number, days=days) for number in (1, 3, 4, 8) for days in (1, 2, 40)]
        for rule in rules:
            for name in ("Initech", "Hooli"):
                verdict = self.explain(acme, source, name, rule).verdict
                assert verdict is not None
                Signal.objects.all().delete()
                evaluate_as_of(source, LAST)
                found = Signal.objects.filter(account__name=name, version__rule=rule)
                assert verdict.met == found.exists(), (name, rule)

    def test_the_bar_of_a_percentile_is_that_of_all_accounts(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        rule = at_least(1)
        rule["all"][0]["compare"] = {"to": "percentile", "at_least": 90}
        verdict = self.explain(acme, source, "Hooli", rule).verdict
        assert verdict is not None
        assert verdict.judgements[0].needed == 7

    def test_a_fall_that_is_too_small_says_so(self, acme: Workspace, source: UsageSource) -> None:
        use(source, "Hooli", {LAST - timedelta(days=1): 10})
        compare = {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 20}
        condition = {"measure": "events", "events": None, "days": 1, "compare": compare}
        verdict = self.explain(acme, source, "Hooli", {"all": [condition]}).verdict
        assert verdict is not None
        assert needed_text(verdict.judgements[0]) == (
            "events in 1 day: 3, at most 5 needed; 10 before, and 20 in one of the two"
        )

    def test_too_little_history_is_no_verdict(self, acme: Workspace, source: UsageSource) -> None:
        told = self.explain(acme, source, "Hooli", at_least(5, days=300))
        assert (told.as_of, told.verdict) == (None, None)

    def test_an_account_that_came_today_has_none_yet(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Newcomer", {LAST + timedelta(days=1): 9})
        told = self.explain(acme, source, "Newcomer", RULE)
        assert (told.as_of, told.verdict) == (None, None)

    @pytest.mark.parametrize("as_of", [day(39), LAST + timedelta(days=1)])
    def test_a_day_that_cannot_be_judged_is_refused_with_those_that_can(
        self, as_of: date, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Newcomer", {day(40): 9})
        with pytest.raises(InvalidInput) as caught:
            self.explain(acme, source, "Newcomer", RULE, as_of=as_of)
        assert caught.value.hint == f"as_of is a day from {day(40)} to {LAST}."


class TestFit:
    LARGE = {"property": "employees", "at_least": 50}

    def test_other_criteria_count_at_once_and_for_this_workspace_alone(
        self, acme: Workspace, globex: Workspace, source: UsageSource
    ) -> None:
        other = store_history(globex)
        use(other, "Nordwind", {LAST: 1})
        Account.objects.update(properties={"employees": 80})
        assert signals_of(acme).fit_criteria() == []
        assert signals_of(acme).change_fit_criteria([self.LARGE]) == [self.LARGE]
        assert set(source.accounts.values_list("fit", flat=True)) == {100}
        assert other.accounts.get().fit is None
        signals_of(acme).change_fit_criteria([])
        assert set(source.accounts.values_list("fit", flat=True)) == {None}

    def test_what_cannot_be_leaves_the_old_ones(self, acme: Workspace) -> None:
        signals_of(acme).change_fit_criteria([self.LARGE])
        with pytest.raises(InvalidInput) as caught:
            signals_of(acme).change_fit_criteria([{"property": "plan"}])
        assert caught.value.hint == "criteria[0]: give exactly one of at_least, at_most, one_of."
        assert signals_of(acme).fit_criteria() == [self.LARGE]
