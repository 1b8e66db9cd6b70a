"""Definitions: drafts at first, changed by versions, previewed, switched on and off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from beton.models import Workspace
from integrations_posthog.errors import InvalidInput, InvalidRule, NotFound, PermissionDenied
from integrations_posthog.models import (
    AccountEvent,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.signals import definitions as module
from integrations_posthog.services.signals import evaluation
from integrations_posthog.services.signals.definitions import DefinitionService
from integrations_posthog.services.store import Actor
from tests.evaluations import (
    FIRST,
    LAST,
    NOW,
    at_least,
    day,
    define,
    definitions_of,
    evaluate_as_of,
    fired,
    hold,
    store_history,
    use,
)

pytestmark = pytest.mark.django_db

RULE = at_least(5)
SAYS: dict[str, Any] = {"name": "Busy", "weight": 40, "cooldown_days": 7, "rule": RULE}


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage, with Initech busy on the last day."""
    source = store_history(acme)
    use(source, "Initech", {day(0): 1, LAST: 7})
    return source


def versions(definition: SignalDefinition) -> list[tuple[int, str, int]]:
    found = definition.versions.order_by("number")
    return list(found.values_list("number", "name", "weight"))


class TestVersions:
    def test_a_new_one_is_a_draft_that_says_who_made_it_and_when(self, acme: Workspace) -> None:
        definition = definitions_of(acme).create(**SAYS)
        version = definition.version
        assert version is not None
        assert (definition.state, version.number) == ("draft", 1)
        assert (version.actor_name, version.created_at) == ("alice", NOW)
        assert {name: getattr(version, name) for name in SAYS} == SAYS

    def test_each_change_is_one_more_and_those_before_stay(self, acme: Workspace) -> None:
        service = definitions_of(acme)
        definition = service.create(**SAYS)
        service.update(str(definition.pk), weight=20)
        changed = service.update(str(definition.pk), name="Busier", weight=30)
        assert versions(definition) == [(1, "Busy", 40), (2, "Busy", 20), (3, "Busier", 30)]
        assert changed.version == definition.versions.get(number=3)

    def test_what_changes_nothing_is_none(self, acme: Workspace) -> None:
        service = definitions_of(acme)
        definition = service.create(**SAYS)
        service.update(str(definition.pk), **SAYS)
        service.update(str(definition.pk))
        assert SignalDefinitionVersion.objects.count() == 1

    def test_a_rule_that_cannot_be_changes_nothing(self, acme: Workspace) -> None:
        service = definitions_of(acme)
        definition = service.create(**SAYS)
        with pytest.raises(InvalidRule) as caught:
            service.update(str(definition.pk), name="Other", rule={"all": [{}]})
        assert caught.value.hint == (
            "all[0].measure: is one of events, active_days, distinct_events, active_people."
        )
        with pytest.raises(InvalidRule):
            service.create(**SAYS | {"rule": {}})
        assert SignalDefinitionVersion.objects.count() == 1

    def test_there_is_an_end_to_how_many(
        self, acme: Workspace, globex: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_DEFINITIONS", 2)
        definitions_of(globex).create(**SAYS)
        for _ in range(2):
            definitions_of(acme).create(**SAYS)
        with pytest.raises(InvalidInput) as caught:
            definitions_of(acme).create(**SAYS)
        assert caught.value.hint == (
            "A workspace has 2 definitions at most. Change one that is no longer needed."
        )
        assert definitions_of(acme).definitions().count() == 2

    def test_one_of_another_workspace_is_not_found(
        self, acme: Workspace, globex: Workspace
    ) -> None:
        theirs = str(definitions_of(globex).create(**SAYS).pk)
        service = definitions_of(acme)
        for act in (service.definition, service.update, service.pause, service.activate):
            with pytest.raises(NotFound):
                act(theirs)
        assert list(service.definitions()) == []
        assert SignalDefinition.objects.get().state == "draft"

    def test_who_may_no_longer_changes_nothing(self, acme: Workspace) -> None:
        def refuse() -> None:
            raise PermissionDenied

        definition = str(define(acme, RULE).pk)
        actor = Actor(name="carol", confirm=refuse)
        service = DefinitionService(workspace=acme, actor=actor, clock=lambda: NOW)
        with pytest.raises(PermissionDenied):
            service.create(**SAYS)
        with pytest.raises(PermissionDenied):
            service.update(definition, weight=1)
        with pytest.raises(PermissionDenied):
            service.pause(definition)
        assert SignalDefinition.objects.get().state == "active"
        assert SignalDefinitionVersion.objects.count() == 1


def test_a_rule_that_is_only_written_otherwise_goes_on(
    acme: Workspace, source: UsageSource
) -> None:
    condition = {"measure": "events", "days": 1, "compare": {"to": "value", "at_least": 5}}
    definition = define(acme, {"all": [condition]})
    for last in (day(40), LAST):
        source.days.filter(day__gt=last).delete()
        hold(source, last=last)
        evaluate_as_of(source, last)
    first = day(40 - 27)
    assert definition.versions.get().evaluated_from == first
    definitions_of(acme).update(
        str(definition.pk), name="Renamed", rule={"all": [condition | {"events": None}]}
    )
    version = SignalDefinition.objects.get().version
    assert version is not None
    assert (version.number, version.evaluated_from) == (2, first)


class TestStates:
    def test_activating_evaluates_at_once(self, acme: Workspace, source: UsageSource) -> None:
        definition = definitions_of(acme).create(**SAYS)
        assert fired(acme) == []
        assert definitions_of(acme).activate(str(definition.pk)).state == "active"
        assert fired(acme) == [("Initech", LAST, False)]
        assert source.accounts.get().score == 40

    def test_where_that_fails_it_is_active_all_the_same_and_the_next_sync_makes_up_for_it(
        self,
        acme: Workspace,
        source: UsageSource,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        definition = definitions_of(acme).create(**SAYS)
        with monkeypatch.context() as broken:
            broken.setattr(evaluation, "receipt_of", lambda *_: 1 / 0)
            assert definitions_of(acme).activate(str(definition.pk)).state == "active"
        assert f"Evaluating signal definition {definition.pk} failed" in caplog.text
        assert fired(acme) == []
        evaluate_as_of(source, LAST)
        assert fired(acme) == [("Initech", LAST, False)]

    def test_while_it_is_paused_its_signals_do_not_count(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        service = definitions_of(acme)
        definition = str(service.create(**SAYS).pk)
        service.activate(definition)
        service.pause(definition)
        assert (source.accounts.get().score, Signal.objects.count()) == (0, 1)
        service.activate(definition)
        assert (source.accounts.get().score, Signal.objects.count()) == (40, 1)

    def test_without_any_usage_it_can_be_switched_on(self, acme: Workspace) -> None:
        definition = definitions_of(acme).create(**SAYS)
        assert definitions_of(acme).activate(str(definition.pk)).state == "active"

    def test_another_weight_counts_at_once_for_what_has_fired(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        service = definitions_of(acme)
        definition = str(service.create(**SAYS).pk)
        service.activate(definition)
        service.update(definition, weight=15)
        assert source.accounts.get().score == 15

    def test_what_has_fired_keeps_the_version_it_fired_by(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        service = definitions_of(acme)
        definition = str(service.create(**SAYS).pk)
        service.activate(definition)
        service.update(definition, rule=at_least(6))
        signal = Signal.objects.get()
        assert (signal.version.number, signal.evidence["threshold"]) == (1, 5)


class TestPreview:
    def test_it_tells_how_many_and_the_most_active_first(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        for number in range(25):
            use(source, f"Company {number:02}", {LAST: 10 + number})
        found = definitions_of(acme).preview(RULE)
        assert (found.as_of, found.count, len(found.matches)) == (LAST, 26, 20)
        assert found.matches[0].account.name == "Company 24"
        assert found.matches[0].receipt.sentence == "34 events in 1 day"
        assert not Signal.objects.exists()

    def test_a_definition_is_previewed_whatever_its_state(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        definition = str(definitions_of(acme).create(**SAYS).pk)
        found = definitions_of(acme).preview_definition(definition)
        assert found == definitions_of(acme).preview(RULE)
        assert found.count == 1

    @pytest.mark.parametrize("as_of", [FIRST, LAST - timedelta(days=1)])
    def test_it_is_of_any_day_that_can_be_judged(
        self, as_of: date, acme: Workspace, source: UsageSource
    ) -> None:
        found = definitions_of(acme).preview(at_least(1), as_of=as_of)
        assert (found.as_of, found.count) == (as_of, int(as_of == FIRST))

    @pytest.mark.parametrize("as_of", [day(5), LAST + timedelta(days=1)])
    def test_another_day_is_refused_with_those_that_can(
        self, as_of: date, acme: Workspace, source: UsageSource
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            definitions_of(acme).preview(at_least(5, days=7), as_of=as_of)
        assert caught.value.hint == f"as_of is a day from {day(6)} to {LAST}."

    def test_too_little_history_is_no_error(self, acme: Workspace, source: UsageSource) -> None:
        found = definitions_of(acme).preview(at_least(5, days=300))
        assert (found.as_of, found.count, found.matches) == (None, 0, ())

    def test_percentiles_are_of_all_accounts(self, acme: Workspace, source: UsageSource) -> None:
        for number in range(9):
            use(source, f"Company {number}", {LAST: number + 20})
        rule = at_least(1)
        rule["all"][0]["compare"] = {"to": "percentile", "at_least": 90}
        found = definitions_of(acme).preview(rule)
        assert [match.account.name for match in found.matches] == ["Company 8", "Company 7"]


class TestTemplates:
    def test_they_propose_the_most_frequent_events_of_this_workspace(
        self, acme: Workspace, globex: Workspace, source: UsageSource
    ) -> None:
        other = store_history(globex)
        uses = ((source, "invite_a", 3), (source, "invite_b", 9), (other, "invite_c", 99))
        for whose, name, count in uses:
            account = use(whose, "Initech", {LAST: 1})
            event = UsageEvent.objects.create(source=whose, name=name)
            AccountEvent.objects.create(account=account, event=event, events=count, people=1)
        assert definitions_of(acme).event_names() == ["invite_b", "invite_a"]
        [found] = [
            one for one in definitions_of(acme).templates() if one.template.slug == "invitations"
        ]
        assert found.events == ("invite_b", "invite_a")
