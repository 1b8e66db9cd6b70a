"""``manage.py posthog_signals``: the ranked list, what would be found, and why not."""

from __future__ import annotations

import pytest

from beton.models import Workspace
from integrations_posthog.models import Signal, UsageSource
from tests.connections import store_connection
from tests.evaluations import LAST, at_least, day, define, store_history, use

from .conftest import Run

COMMAND = "posthog_signals"
RULE = at_least(5, events=["report viewed"])


@pytest.fixture(autouse=True)
def _a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's: Initech viewed 7 reports and Hooli 30 on the last day, Globex one long ago."""
    source = store_history(acme)
    use(source, "Initech", {LAST: 7})
    use(source, "Hooli", {LAST: 30})
    use(source, "Globex", {day(0): 1})
    return source


class TestRanking:
    def test_accounts_come_by_score_each_with_its_reasons(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE, weight=40)
        define(acme, at_least(20, days=14), name="Very busy", weight=30)
        done = run(COMMAND, "--workspace", "acme")
        assert done.code == 0
        assert done.out.splitlines() == [
            "Acme",
            " Score  Grade  Account                     Why",
            "  70.0  M75    Hooli                       +40  30 × report viewed in 1 day",
            "                                           +30  30 events in 14 days",
            "  40.0  M50    Initech                     +40  7 × report viewed in 1 day",
            "Signals that fired now: 3.",
        ]

    def test_of_the_same_score_the_most_active_comes_first_as_on_the_page(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "Aardvark", {LAST: 6})
        define(acme, RULE)
        lines = run(COMMAND, "--workspace", "acme").out.splitlines()
        assert [line.split()[2] for line in lines[2:5]] == ["Hooli", "Initech", "Aardvark"]

    def test_what_speaks_against_an_account_is_told_as_such(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE, weight=40)
        define(acme, at_least(20, days=14), name="Too busy", weight=-30)
        lines = run(COMMAND, "--workspace", "acme").out.splitlines()
        assert "                                           -30  30 events in 14 days" in lines

    def test_again_nothing_fires_twice(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        first = run(COMMAND, "--workspace", "acme").out
        again = run(COMMAND, "--workspace", "acme").out
        assert again == first.replace("now: 2", "now: 0")
        assert Signal.objects.count() == 2

    def test_one_workspace_s_trouble_is_not_the_others(
        self, run: Run, acme: Workspace, globex: Workspace, source: UsageSource
    ) -> None:
        use(store_history(globex), "Umbrella", {LAST: 7})
        broken = define(acme, RULE)
        broken.versions.update(rule={"nothing": []})
        define(globex, RULE)
        done = run(COMMAND)
        assert (done.code, done.error) == (1, "Unexpected errors: 1. They have been logged.")
        assert "7 × report viewed in 1 day" in done.out
        assert Signal.objects.get().account.name == "Umbrella"

    @pytest.mark.parametrize("columns", [60, 80, 100, 200])
    def test_no_line_is_wider_than_the_terminal(
        self,
        columns: int,
        run: Run,
        acme: Workspace,
        source: UsageSource,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("COLUMNS", f"{columns}")
        use(source, "A company with quite a long name, Limited", {LAST: 9})
        use(source, "Donaudampfschifffahrtsgesellschaft", {LAST: 9})
        names = [f"a rather long name of an event, number {number}" for number in range(3)]
        rule = at_least(1, events=["report viewed", *names])
        define(acme, {"any": rule["all"]})
        done = run(COMMAND)
        assert max(map(len, done.out.splitlines())) <= max(min(columns, 120), 80)
        assert "A company with quite a lo…" in done.out
        assert "Donaudampfschifffahrtsges…" in done.out

    def test_no_name_steers_the_terminal(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        use(source, "\x1b[2JEvil", {LAST: 9}, event="re\x07port")
        define(acme, at_least(5, events=["re\x07port"]))
        for arguments in ((), ("--as-of", LAST.isoformat()), ("--explain", "\x1b[2JEvil")):
            out = run(COMMAND, *arguments).out
            assert "�[2JEvil" in out
            assert "\x1b" not in out
            assert "\x07" not in out

    def test_without_a_name_every_connected_workspace_is_told(
        self, run: Run, acme: Workspace, globex: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        store_connection(globex)
        away = Workspace.objects.create(name="Away")
        store_connection(away, is_active=False)
        lines = run(COMMAND).out.splitlines()
        assert {"Acme", "Globex", "No account has a score."} <= set(lines)
        assert "Away" not in lines

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("globex", "PostHog is not connected in this workspace. Connect PostHog first."),
            ("initech", "There is no workspace with the id or slug 'initech'."),
        ],
    )
    def test_there_must_be_a_workspace_and_a_connection(
        self, name: str, error: str, run: Run, globex: Workspace
    ) -> None:
        done = run(COMMAND, "--workspace", name)
        assert (done.code, done.out, done.error) == (1, "", error)


class TestAsOf:
    def test_it_tells_what_active_definitions_find_and_stores_nothing(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        define(acme, at_least(1, days=300), name="Long")
        define(acme, RULE, name="Draft", state="draft")
        done = run(COMMAND, "--workspace", "acme", "--as-of", LAST.isoformat())
        assert done.code == 0
        assert done.out.splitlines() == [
            "Acme",
            "Busy: 2 accounts as of 2026-11-21",
            "  Hooli                       30 × report viewed in 1 day",
            "  Initech                     7 × report viewed in 1 day",
            "Long: too little history is held to tell.",
        ]
        assert not Signal.objects.exists()

    def test_a_day_that_cannot_be_judged_ends_with_one_and_says_which_can(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        done = run(COMMAND, "--as-of", "2026-11-22")
        assert done.code == 1
        assert "as_of is a day from 2026-10-01 to 2026-11-21." in done.out
        assert done.error == "Definitions that cannot be judged as of 2026-11-22: 1."

    def test_what_is_no_day_is_refused_in_words(self, run: Run, source: UsageSource) -> None:
        done = run(COMMAND, "--as-of", "yesterday")
        assert (done.code, done.error) == (1, "--as-of takes a day, such as 2026-11-20.")


class TestExplain:
    def test_each_condition_is_told_in_words(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        define(acme, at_least(20), name="Very busy", state="paused")
        define(acme, at_least(1, days=300), name="Long")
        account = source.accounts.get(name="Initech")
        told = [
            "Acme: Initech (initech.example)",
            "✓ Busy (active): met as of 2026-11-21",
            "    ✓ 7 × report viewed in 1 day",
            "✗ Very busy (paused): not met as of 2026-11-21",
            "    ✗ events in 1 day: 7, at least 20 needed",
            "? Long (active): too little history is held to tell.",
        ]
        for name in ("initech.example", "INITECH", f"{account.pk}"):
            done = run(COMMAND, "--explain", name)
            assert (done.code, done.out.splitlines()) == (0, told)
        assert not Signal.objects.exists()

    def test_an_earlier_day_can_be_asked_for(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        define(acme, RULE)
        done = run(COMMAND, "--explain", "globex", "--as-of", day(0).isoformat())
        assert "    ✗ report viewed in 1 day: 1, at least 5 needed" in done.out.splitlines()

    def test_an_account_that_is_not_there_ends_with_one(
        self, run: Run, acme: Workspace, source: UsageSource
    ) -> None:
        done = run(COMMAND, "--workspace", "acme", "--explain", "Umbrella")
        assert done.code == 1
        assert done.error == "There is no account with the key, name or id 'Umbrella'."
