"""The page of a backtest: what it takes in, and how it tells what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from beton.models import Workspace
from integrations_posthog import limits
from integrations_posthog.errors import InvalidInput, ServiceUnavailable
from integrations_posthog.models import SignalDefinition, UsageSource
from integrations_posthog.services.signals import definitions
from integrations_posthog.services.signals.backtest import BacktestResult, Caught, Interval
from tests.signals import store_definition
from tests.usage import store_usage

from .conftest import HTMX, As, text_of

ASKED = {"goal_event": "upgraded", "horizon_days": "30"}


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


def result(**columns: Any) -> BacktestResult:
    """A definition that foretells its goal, or whatever these columns say."""
    facts: dict[str, Any] = {
        "sample": "ok",
        "accounts": 1_985,
        "exposed": 412,
        "goals": 231,
        "precision": interval(0.237, 0.198, 0.281),
        "recall": interval(0.41, 0.35, 0.47),
        "lift": interval(2.9, 2.2, 3.8),
        "median_lead_days": 11.5,
        "signals_per_week": 13.2,
        "caught_by_weekly_top": (Caught(5, 0.18), Caught(50, 0.72)),
        "changed_after": 3,
    }
    if columns.get("sample") == "too_few":
        facts |= dict.fromkeys(("precision", "recall", "lift", "median_lead_days"))
        facts |= {"caught_by_weekly_top": (), "exposed": 4, "goals": 2}
    return BacktestResult(**facts | columns)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech"], days=40)


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    return store_definition(acme)


@pytest.fixture
def client(logged_in: As, alice: User) -> Client:
    return logged_in(alice)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[dict[str, Any]]]:
    """Have backtests end like this, and note what they are asked."""

    def end_with(outcome: object) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def run(definition: SignalDefinition, **kwargs: Any) -> object:
            asked.append({"definition": definition, **kwargs})
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(definitions, "run_backtest", run)
        return asked

    return end_with


Runs = Callable[[object], list[dict[str, Any]]]


def page_of(definition: SignalDefinition) -> str:
    return f"/settings/posthog/definitions/{definition.pk}/backtest"


class TestAsking:
    def test_nothing_is_replayed_before_a_goal_is_named(
        self, client: Client, source: UsageSource, definition: SignalDefinition, runs: Runs
    ) -> None:
        asked = runs(result())
        page = client.get(page_of(definition))
        assert page.status_code == 200
        assert 'value="30"' in page.content.decode()
        assert '<option value="invite sent">' in page.content.decode()
        assert asked == []

    def test_it_asks_for_the_goal_the_horizon_and_the_days(
        self, client: Client, source: UsageSource, definition: SignalDefinition, runs: Runs
    ) -> None:
        asked = runs(result())
        client.get(page_of(definition), ASKED | {"first": "2026-10-20", "last": "2026-11-20"})
        assert asked == [
            {
                "definition": definition,
                "source": source,
                "goal_event": "upgraded",
                "horizon_days": 30,
                "first": date(2026, 10, 20),
                "last": date(2026, 11, 20),
            }
        ]

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"goal_event": " "}, "This field is required."),
            ({"goal_event": "x" * 201}, "at most 200 characters"),
            ({"horizon_days": "0"}, "greater than or equal to 1"),
            ({"horizon_days": "soon"}, "Enter a whole number."),
            ({"first": "yesterday"}, "Enter a valid date."),
            ({"first": "2026-11-20", "last": "2026-11-19"}, "Is before the first day."),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(
        self,
        client: Client,
        source: UsageSource,
        definition: SignalDefinition,
        runs: Runs,
        wrong: dict[str, str],
        words: str,
    ) -> None:
        asked = runs(result())
        response = client.get(page_of(definition), ASKED | wrong)
        assert response.status_code == 422
        assert words in text_of(response)
        assert asked == []

    def test_a_refusal_is_told(
        self, client: Client, source: UsageSource, definition: SignalDefinition, runs: Runs
    ) -> None:
        runs(InvalidInput(hint="first is a day from 2026-10-14 on."))
        response = client.get(page_of(definition), ASKED)
        assert response.status_code == 422
        assert "first is a day from 2026-10-14 on." in text_of(response)

    def test_while_the_cache_that_counts_is_down_the_page_says_so(
        self,
        client: Client,
        source: UsageSource,
        definition: SignalDefinition,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """With a status that htmx shows; of 500 and more it shows nothing."""

        def fail(**_: object) -> None:
            raise ServiceUnavailable

        monkeypatch.setattr(limits, "count_attempt", fail)
        page = client.get(page_of(definition), ASKED, headers=HTMX)
        assert page.status_code == 422
        assert "The service is not available at the moment" in text_of(page)

    def test_what_is_asked_is_what_is_replayed(
        self, client: Client, source: UsageSource, definition: SignalDefinition
    ) -> None:
        days = {"first": "2026-11-01", "last": "2026-11-21"}
        page = client.get(page_of(definition), ASKED | days | {"goal_event": "invite sent"})
        assert "Too few to tell" in text_of(page)
        page = client.get(page_of(definition), ASKED | {"goal_event": "nothing of the kind"})
        assert page.status_code == 422
        assert "no event 'nothing of the kind' is held" in text_of(page).replace("&#x27;", "'")

    def test_there_are_so_many_a_minute(
        self,
        client: Client,
        source: UsageSource,
        definition: SignalDefinition,
        runs: Runs,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "BACKTEST_RATE", "1/m")
        asked = runs(result())
        client.get(page_of(definition))
        for status in (200, 429):
            page = client.get(page_of(definition), {"goal_event": "paid", "horizon_days": "30"})
            assert page.status_code == status
        assert 0 < int(page.headers["Retry-After"]) <= 60
        assert "Rate limit exceeded" in page.content.decode()
        assert len(asked) == 1

    def test_before_the_first_sync_there_is_nothing_to_replay(
        self, client: Client, definition: SignalDefinition, runs: Runs
    ) -> None:
        asked = runs(result())
        assert "Nothing is synced yet." in text_of(client.get(page_of(definition), ASKED))
        assert asked == []

    def test_a_member_may_run_one_too_for_it_changes_nothing(
        self,
        logged_in: As,
        carol: User,
        source: UsageSource,
        definition: SignalDefinition,
        runs: Runs,
    ) -> None:
        runs(result())
        page = logged_in(carol).get(page_of(definition), ASKED)
        assert "It foretells the goal" in text_of(page)
        assert "Run the backtest" in text_of(page)

    def test_with_htmx_only_the_panel_is_sent(
        self, client: Client, source: UsageSource, definition: SignalDefinition, runs: Runs
    ) -> None:
        runs(result())
        html = client.get(page_of(definition), ASKED, headers=HTMX).content.decode()
        assert html.strip().startswith('<div id="posthog-backtest"')


class TestOutcome:
    @pytest.fixture
    def text(
        self, client: Client, source: UsageSource, definition: SignalDefinition, runs: Runs
    ) -> Callable[..., str]:
        def told(**columns: Any) -> str:
            runs(result(**columns))
            return text_of(client.get(page_of(definition), ASKED))

        return told

    def test_each_figure_has_its_interval(self, text: Callable[..., str]) -> None:
        shown = text()
        assert "24 % 20 % to 28 %" in shown
        assert "41 % 35 % to 47 %" in shown
        assert "2.9 × 2.2 to 3.8" in shown

    def test_the_rest_is_told_too(self, text: Callable[..., str]) -> None:
        shown = text()
        assert "Accounts 1,985 Pointed at 412 Goals 231" in shown
        assert "Median lead time 11.5 days" in shown
        assert "Signals a week 13.2" in shown
        assert "those with the most active people first." in shown
        assert "The first 5 18 % The first 50 72 %" in shown
        assert "3 signals rest on days in which events came in after" in shown

    @pytest.mark.parametrize(
        ("lift", "verdict"),
        [
            ((2.9, 2.2, 3.8), "It foretells the goal"),
            ((1.2, 0.8, 1.6), "It cannot be told from chance"),
            ((0.5, 0.3, 0.8), "It points away from the goal"),
        ],
    )
    def test_the_verdict_follows_the_interval(
        self, text: Callable[..., str], lift: tuple[float, float, float], verdict: str
    ) -> None:
        assert verdict in text(lift=interval(*lift))

    def test_a_share_of_few_accounts_is_not_rounded_away(self, text: Callable[..., str]) -> None:
        assert "0.9 % 0.4 % to 1.8 %" in text(precision=interval(0.009, 0.004, 0.018))

    def test_where_there_is_no_lift_it_says_why(self, text: Callable[..., str]) -> None:
        shown = text(lift=None)
        assert "Too few goals to tell it from chance" in shown
        assert "No lift is told: too few accounts reached the goal" in shown
        assert "41 % 35 % to 47 %" in shown

    def test_too_few_is_said_plainly_and_without_figures(self, text: Callable[..., str]) -> None:
        shown = text(sample="too_few")
        assert "Too few to tell" in shown
        assert "The definition pointed at 4 of 1,985 accounts, and 2 reached upgraded." in shown
        assert "95 % interval" not in shown
        assert "Median lead time Unknown" in shown

    def test_where_no_day_changed_that_is_said(self, text: Callable[..., str]) -> None:
        assert "No signal rests on a day in which events came in" in text(changed_after=0)
