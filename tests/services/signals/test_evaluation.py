"""Evaluation fires once an episode, for new days and changed ones, however often it is run."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, connections

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageSource,
)
from integrations_posthog.pql.rules import RuleError, parse_rule
from integrations_posthog.services.signals import evaluation
from integrations_posthog.services.signals.evaluation import evaluate
from integrations_posthog.services.signals.judging import history_of
from tests.evaluations import (
    LAST,
    at_least,
    day,
    define,
    definitions_of,
    evaluate_as_of,
    fired,
    hold,
    morning_after,
    store_history,
    use,
)
from tests.rules import NAMES, random_rule
from tests.usage import store_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage: days that are held, and nobody yet."""
    return store_history(acme)


def silence(days: int) -> dict[str, Any]:
    """The rule of no event within some days."""
    condition = {"measure": "events", "events": None, "days": days}
    return {"all": [{**condition, "compare": {"to": "value", "at_most": 0}}]}


def days_of(workspace: Workspace) -> list[date]:
    return [one for _, one, _ in fired(workspace)]


def live(source: UsageSource, *, first: int, last: int) -> None:
    """Evaluate day by day, as if each had just been read."""
    for number in range(first, last + 1):
        source.days.filter(day__gt=day(number)).delete()
        hold(source, first=day(number), last=day(number))
        evaluate_as_of(source, day(number))


class TestEpisodes:
    def test_it_fires_on_the_first_day_of_each_and_not_on_the_others(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (30, 31, 32, 40)})
        define(acme, at_least(5))
        evaluate_as_of(source, LAST)
        assert days_of(acme) == [day(30), day(40)]

    def test_one_that_goes_on_from_evaluation_to_evaluation_fires_once(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in range(44, 52)})
        define(acme, at_least(5))
        live(source, first=43, last=51)
        assert fired(acme) == [("Initech", day(44), False)]

    def test_while_it_cools_down_nothing_fires_and_then_it_is_armed_again(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (30, 34, 38, 42)})
        use(source, "Hooli", {day(n): 7 for n in (34,)})
        define(acme, at_least(5), cooldown_days=7)
        live(source, first=29, last=45)
        assert [(name, one) for name, one, _ in fired(acme)] == [
            ("Initech", day(30)),
            ("Hooli", day(34)),
            ("Initech", day(38)),
        ]

    def test_silence_fires_for_who_was_there_before(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 1 for n in range(40)})
        use(source, "Newcomer", {LAST: 1})
        define(acme, silence(3))
        evaluate_as_of(source, LAST)
        assert [(name, one) for name, one, _ in fired(acme)] == [("Initech", day(42))]

    def test_a_draft_and_a_paused_one_fire_nothing(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {LAST: 7})
        define(acme, at_least(5), state="draft")
        define(acme, at_least(5), state="paused")
        assert evaluate_as_of(source, LAST) == []

    def test_one_that_cannot_be_evaluated_keeps_no_other_from_it(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {LAST: 7})
        broken, _ = define(acme, at_least(5)), define(acme, at_least(5), name="Sound")
        SignalDefinitionVersion.objects.filter(definition=broken).update(rule={"none": []})
        with pytest.raises(ExceptionGroup) as failed:
            evaluate_as_of(source, LAST)
        assert [type(one) for one in failed.value.exceptions] == [RuleError]
        assert Signal.objects.get().version.name == "Sound"
        assert source.accounts.get().score == 40

    def test_another_workspace_s_accounts_are_left_alone(
        self, acme: Workspace, globex: Workspace, source: UsageSource
    ) -> None:
        other = store_history(globex)
        use(other, "Nordwind", {LAST: 7})
        use(source, "Initech", {LAST: 7})
        define(acme, at_least(5))
        evaluate_as_of(other, LAST)
        evaluate_as_of(source, LAST)
        assert [name for name, _, _ in fired(acme)] == ["Initech"]
        assert fired(globex) == []


class TestLateness:
    def test_a_new_definition_finds_the_last_four_weeks_and_all_but_the_last_day_is_late(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        newest = LAST - timedelta(days=27)
        use(source, "Initech", {newest - timedelta(days=1): 7, newest: 1, LAST: 7})
        use(source, "Hooli", {newest: 7})
        define(acme, at_least(5))
        evaluate_as_of(source, LAST)
        assert fired(acme) == [("Hooli", newest, True), ("Initech", LAST, False)]

    def test_new_days_are_prompt_even_if_there_are_several(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, at_least(5))
        evaluate_as_of(source, LAST)
        use(source, "Initech", {LAST + timedelta(days=n): 7 for n in (1, 3)})
        hold(source, first=LAST + timedelta(days=1), last=LAST + timedelta(days=3))
        evaluate_as_of(source, LAST + timedelta(days=3))
        assert [late for _, _, late in fired(acme)] == [False, False]

    def test_what_a_paused_one_would_have_found_is_late_once_it_is_active_again(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        definition = str(define(acme, at_least(5)).pk)
        live(source, first=44, last=46)
        definitions_of(acme).pause(definition)
        use(source, "Initech", {day(48): 7, LAST: 7})
        live(source, first=47, last=51)
        assert fired(acme) == []
        definitions_of(acme).activate(definition)
        assert fired(acme) == [("Initech", day(48), True), ("Initech", LAST, False)]
        use(source, "Initech", {day(n): 7 for n in (53, 55)})
        hold(source, first=day(52), last=day(55))
        evaluate_as_of(source, day(55))
        assert [late for _, _, late in fired(acme)] == [True, False, False, False]

    def test_so_it_is_where_those_days_are_read_only_after_it_was_activated(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        definition = str(define(acme, at_least(5)).pk)
        source.days.filter(day__gt=day(44)).delete()
        evaluate_as_of(source, day(44))
        definitions_of(acme).pause(definition)
        use(source, "Initech", {day(48): 7, LAST: 7})
        definitions_of(acme).activate(definition)
        hold(source, first=day(45))
        evaluate_as_of(source, LAST)
        assert fired(acme) == [("Initech", day(48), True), ("Initech", LAST, False)]

    @pytest.mark.parametrize("change", ["activated", "edited"])
    def test_what_was_over_when_it_began_is_late_though_it_is_read_later(
        self, acme: Workspace, source: UsageSource, change: str
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (40, 45, 51)})
        source.days.filter(day__gt=day(42)).delete()
        if change == "activated":
            definition = str(define(acme, at_least(5), state="draft").pk)
            definitions_of(acme).activate(definition)
        else:
            definition = str(define(acme, at_least(50)).pk)
            evaluate_as_of(source, day(42))
            definitions_of(acme).update(definition, rule=at_least(5))
        hold(source, first=day(43))
        evaluate_as_of(source, LAST)
        assert [(on, late) for _, on, late in fired(acme)] == [
            (day(40), True),
            (day(45), True),
            (day(51), False),
        ]

    def test_a_change_of_an_old_day_adds_what_is_missing_marked_as_late(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(45): 7})
        define(acme, at_least(5))
        live(source, first=44, last=51)
        use(source, "Hooli", {day(47): 9})
        again = morning_after(LAST) + timedelta(hours=1)
        source.days.filter(day=day(47)).update(verified_at=again, horizon=again)
        evaluate(source, now=again + timedelta(minutes=5))
        assert fired(acme) == [("Initech", day(45), False), ("Hooli", day(47), True)]

    def test_what_an_old_day_s_change_brings_about_later_is_late_too(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Hooli", {day(49): 3})
        define(acme, at_least(5, days=5))
        live(source, first=44, last=51)
        assert fired(acme) == []
        use(source, "Hooli", {day(46): 2})
        again = morning_after(LAST) + timedelta(hours=1)
        source.days.filter(day=day(46)).update(verified_at=again)
        evaluate(source, now=again + timedelta(minutes=5))
        assert fired(acme) == [("Hooli", day(49), True)]

    def test_a_day_that_was_read_before_an_evaluation_but_stored_after_it_is_found_by_the_next(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, at_least(5))
        live(source, first=44, last=51)
        evaluated_at = morning_after(LAST) + timedelta(minutes=5)
        use(source, "Hooli", {day(47): 9})
        source.days.filter(day=day(47)).update(verified_at=evaluated_at - timedelta(seconds=1))
        evaluate(source, now=evaluated_at + timedelta(hours=1))
        assert fired(acme) == [("Hooli", day(47), True)]

    def test_what_has_fired_stays_as_it_was_when_its_day_changes(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(49): 7, day(50): 7})
        define(acme, at_least(5))
        live(source, first=44, last=51)
        before = Signal.objects.values().get()
        use(source, "Initech", {day(48): 9, day(49): 8})
        again = morning_after(LAST) + timedelta(hours=1)
        source.days.filter(day__in=[day(48), day(49)]).update(verified_at=again)
        evaluate(source, now=again + timedelta(minutes=5))
        assert Signal.objects.values().get() == before


class TestWhatCanBeJudged:
    def test_the_part_of_today_that_is_held_is_not_judged(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        today = LAST + timedelta(days=1)
        use(source, "Initech", {day(n): 1 for n in range(52)})
        use(source, "Hooli", {today: 99})
        hold(source, first=today, last=today, horizon=morning_after(LAST))
        define(acme, at_least(5))
        define(acme, silence(1))
        evaluate(source, now=morning_after(LAST))
        assert fired(acme) == []
        hold(source, first=today, last=today)
        evaluate_as_of(source, today)
        assert fired(acme) == [("Hooli", today, False), ("Initech", today, False)]

    def test_a_day_is_over_by_the_project_s_own_clock(self, source: UsageSource) -> None:
        source.project_timezone = "America/Los_Angeles"
        source.save()
        source.days.filter(day=LAST).update(horizon=morning_after(LAST) - timedelta(hours=1))
        history = history_of(source)
        assert history is not None
        assert history.last == LAST - timedelta(days=1)

    def test_a_rule_is_judged_from_the_day_on_that_all_it_looks_back_on_is_held(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        source.days.filter(day__lt=day(40)).delete()
        use(source, "Initech", {day(n): 2 for n in range(40, 52)})
        define(acme, at_least(5, days=7), name="A week")
        define(acme, at_least(5, days=20), name="Longer than what is held")
        evaluate_as_of(source, LAST)
        assert days_of(acme) == [day(46)]

    def test_before_a_gap_nothing_is_held(self, acme: Workspace, source: UsageSource) -> None:
        source.days.filter(day=day(40)).delete()
        history = history_of(source)
        assert history is not None
        assert (history.first, history.last) == (day(41), LAST)

    @pytest.mark.parametrize("state", ["red", "pending"])
    def test_days_that_are_to_be_read_anew_are_judged_by_what_is_held_of_them(
        self, acme: Workspace, source: UsageSource, state: str
    ) -> None:
        """Or while a sync reads them, or cannot, all would be as it was weeks ago."""
        use(source, "Initech", {day(37): 7})
        define(acme, at_least(5), weight=80)
        evaluate_as_of(source, LAST)
        score = source.accounts.get().score
        source.days.filter(day__gte=day(30)).update(state=state)
        evaluate(source, now=morning_after(LAST) + timedelta(hours=1))
        assert source.accounts.get().score == score == 40

    def test_half_a_day_is_not_judged_amid_others_either(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        half = day(50)
        use(source, "Initech", {day(n): 10 for n in range(52) if n != 50})
        define(acme, silence(1))
        read = {"horizon": morning_after(day(49)), "verified_at": morning_after(day(49))}
        hold(source, first=half, last=half, state="red", **read)
        history = history_of(source)
        assert history is not None
        assert (history.first, history.last) == (LAST, LAST)
        assert evaluate_as_of(source, LAST) == []

    def test_without_any_day_nothing_happens(self, acme: Workspace) -> None:
        source = store_source(acme)
        define(acme, at_least(5))
        assert evaluate_as_of(source, LAST) == []
        assert SignalDefinitionVersion.objects.get().evaluated_at is None

    def test_a_source_that_was_replaced_is_evaluated_from_its_beginning(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(45): 7})
        definition = define(acme, at_least(5))
        evaluate_as_of(source, LAST)
        source.delete()
        assert fired(acme) == []
        replaced_at = morning_after(LAST) + timedelta(hours=1)
        other = store_history(acme, created_at=replaced_at)
        use(other, "initech inc", {day(45): 7})
        evaluate(other, now=replaced_at + timedelta(hours=1))
        assert [name for name, _, _ in fired(acme)] == ["initech inc"]
        assert SignalDefinition.objects.get() == definition


class TestIdempotence:
    def test_again_nothing_fires_twice(self, acme: Workspace, source: UsageSource) -> None:
        use(source, "Initech", {day(n): 7 for n in (30, 40, 51)})
        define(acme, at_least(5))
        first = evaluate_as_of(source, LAST)
        before = fired(acme)
        assert len(first) == len(before) == 3
        assert evaluate_as_of(source, LAST) == []
        SignalDefinitionVersion.objects.update(evaluated_at=None)
        assert evaluate_as_of(source, LAST) == []
        assert fired(acme) == before

    @pytest.mark.parametrize("crash_at", [1, 2, 3])
    def test_after_a_crash_it_goes_on_where_it_was(
        self,
        crash_at: int,
        acme: Workspace,
        source: UsageSource,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (30, 51)})
        for number in range(3):
            define(acme, at_least(5), name=f"Busy {number}")
        calls = 0
        real = evaluation._fire

        def crash(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            signals = real(*args)
            if calls == crash_at:
                Signal.objects.bulk_create(signals)
                raise SystemExit("killed")
            return signals

        monkeypatch.setattr(evaluation, "_fire", crash)
        with pytest.raises(SystemExit):
            evaluate_as_of(source, LAST)
        assert Signal.objects.count() == 2 * (crash_at - 1)
        evaluate_as_of(source, LAST)
        assert Signal.objects.count() == 6
        assert source.accounts.get().score == 100

    def test_an_edit_does_not_fire_the_episode_that_goes_on(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in range(45, 52)})
        definition = define(acme, at_least(5))
        live(source, first=44, last=51)
        definitions_of(acme).update(str(definition.pk), weight=10)
        assert fired(acme) == [("Initech", day(45), False)]

    @pytest.mark.parametrize("change", [{"weight": 10}, {"name": "Busier"}, {"cooldown_days": 1}])
    def test_nor_does_one_that_leaves_what_fires_as_it_was_however_long_it_goes_on(
        self, change: dict[str, Any], acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in range(10, 53)})
        definition = define(acme, at_least(5))
        live(source, first=9, last=51)
        definitions_of(acme).update(str(definition.pk), **change)
        live(source, first=52, last=52)
        assert fired(acme) == [("Initech", day(10), False)]

    def test_after_an_edit_of_the_name_new_days_are_prompt_and_old_ones_late(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (46, 52)})
        definition = define(acme, at_least(5))
        live(source, first=44, last=51)
        definitions_of(acme).update(str(definition.pk), name="Busier")
        use(source, "Hooli", {day(30): 9, day(47): 9})
        again = morning_after(LAST) + timedelta(hours=1)
        source.days.filter(day__in=[day(30), day(47)]).update(verified_at=again)
        hold(source, first=day(52), last=day(52))
        evaluate_as_of(source, day(52))
        assert fired(acme) == [
            ("Hooli", day(30), True),
            ("Initech", day(46), False),
            ("Hooli", day(47), True),
            ("Initech", day(52), False),
        ]

    def test_one_that_changes_the_rule_is_evaluated_anew(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Initech", {day(n): 7 for n in (40, 45)})
        use(source, "Hooli", {day(51): 4})
        definition = define(acme, at_least(5), cooldown_days=10)
        live(source, first=39, last=51)
        definitions_of(acme).update(str(definition.pk), rule=at_least(3))
        assert fired(acme) == [("Initech", day(40), False), ("Hooli", day(51), False)]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_workers_fire_nothing_twice_and_lose_nothing(
        self, acme: Workspace, source: UsageSource
    ) -> None:
        for number in range(20):
            use(source, f"Company {number}", {day(30 + number): 7, LAST: 9})
        for number in range(3):
            define(acme, at_least(5), name=f"Busy {number}")
        start = threading.Barrier(4)
        troubles: list[BaseException] = []

        def work() -> None:
            try:
                start.wait()
                evaluate_as_of(source, LAST)
            except BaseException as exc:  # noqa: BLE001  (whatever it is, the test tells)
                troubles.append(exc)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert troubles == []
        assert Signal.objects.count() == 3 * 40
        assert set(source.accounts.values_list("score", flat=True)) == {100.0}

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
    def test_who_waited_for_another_worker_goes_on_from_where_that_one_came_to(
        self, acme: Workspace, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(source, "Initech", {LAST: 7})
        define(acme, at_least(5))
        holds, waits = threading.Event(), threading.Event()
        spans: list[Any] = []
        real = evaluation._span

        def span(*args: Any) -> Any:
            found = real(*args)
            spans.append(found)
            if len(spans) == 1:
                holds.set()
                waits.wait(0.5)
            return found

        monkeypatch.setattr(evaluation, "_span", span)

        def second() -> None:
            holds.wait()
            evaluate_as_of(source, LAST)
            connections.close_all()

        thread = threading.Thread(target=second)
        thread.start()
        evaluate_as_of(source, LAST)
        thread.join()
        assert [one is None for one in spans] == [False, True]


@pytest.mark.parametrize("seed", range(connection.vendor == "postgresql", 6, 2))
def test_a_replay_of_a_range_equals_a_live_run_day_by_day(
    seed: int, acme: Workspace, globex: Workspace
) -> None:
    chance = Random(f"replay {seed}")
    sources = [store_history(acme), store_history(globex)]
    for number in range(8):
        usage = {day(n): chance.randrange(1, 9) for n in range(52) if chance.random() < 0.4}
        for source in sources:
            use(source, f"{number}", usage | {day(0): 1}, event=NAMES[number % 3])
    for _ in range(8):
        rule, cooldown_days = random_rule(chance), chance.choice([0, 3, 10])
        assert parse_rule(rule).lookback < 24
        for workspace in (acme, globex):
            define(workspace, rule, cooldown_days=cooldown_days)
    # Both begin on the same day: the first one four weeks before the last.
    begins = LAST - timedelta(days=27)
    for version in SignalDefinitionVersion.objects.filter(definition__workspace=acme):
        version.evaluated_from = begins
        version.evaluated_to = begins - timedelta(days=1)
        version.evaluated_at = morning_after(begins - timedelta(days=1))
        version.save()
    live(sources[0], first=(begins - day(0)).days, last=51)
    evaluate_as_of(sources[1], LAST)

    def told(workspace: Workspace) -> list[tuple[Any, ...]]:
        columns = ("account__name", "fired_on", "version__rule", "sentence", "evidence")
        found = Signal.objects.filter(version__definition__workspace=workspace)
        rows = found.order_by("fired_on", "account__name", "version_id").values_list(*columns)
        return [tuple(map(str, row)) for row in rows]

    assert told(acme) == told(globex)
    assert told(acme)
    assert not Signal.objects.filter(version__definition__workspace=acme, late=True).exists()


def test_ratios_are_compared_as_they_are_written(acme: Workspace, source: UsageSource) -> None:
    use(source, "Initech", {LAST - timedelta(days=1): 50, LAST: 55})
    use(source, "Hooli", {LAST - timedelta(days=1): 50, LAST: 54})
    compare = {"to": "own_past", "ratio_at_least": 1.1}
    condition = {"measure": "events", "events": None, "days": 1, "compare": compare}
    define(acme, {"all": [condition]})
    evaluate_as_of(source, LAST)
    [signal] = Signal.objects.filter(fired_on=LAST)
    assert signal.account.name == "Initech"
    assert signal.sentence == "events 50 → 55 in 1 day"


def test_accounts_and_days_are_asked_for_together_not_one_by_one(
    acme: Workspace, source: UsageSource, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        use(source, f"Company {number}", {day(30): 7, LAST: 7})
    define(acme, at_least(5))
    assert AccountDay.objects.count() == AccountEventDay.objects.count() == 120
    with django_assert_max_num_queries(30):
        assert len(evaluate_as_of(source, LAST)) == 120
    assert Account.objects.filter(score__gt=0).count() == 60
