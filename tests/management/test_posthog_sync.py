"""``manage.py posthog_sync``: usage is read while one watches, and how it ended is said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.management import progress
from integrations_posthog.models import PosthogWorkspaceConfig, SyncDay, SyncRun
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.wiring import usage_service
from tests.connections import actor, connect, service_of
from tests.processes import ROOT, environment

from .conftest import Run

COMMAND = "posthog_sync"
QUERY = "/query/"
DAYS = 35
SO_FAR = r"\d+ of \d+ days, [\d,]+ events, \d+ requests?, \d+\.\d MB"


@pytest.fixture(autouse=True)
def _short_history(settings: Settings, posthog: Sandbox) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_FIRST_DAYS = DAYS
    settings.INTEGRATIONS_POSTHOG_SYNC_HISTORY_DAYS = DAYS


def ask_for_sync(workspace: Workspace) -> SyncRun:
    """A run that nobody performs yet."""
    return usage_service(workspace=workspace, actor=actor()).request_sync()


def events_in_posthog() -> int:
    return sum(SyncDay.objects.values_list("events_posthog", flat=True))


class TestOne:
    def test_a_workspace_is_synced_by_its_id_or_slug(self, run: Run, acme: Workspace) -> None:
        connect(acme)
        first = run(COMMAND, "--workspace", acme.pk)
        assert first.code == 0
        last = first.out.splitlines()[-1]
        assert last.startswith(f"Done: {DAYS} of {DAYS} days, {events_in_posthog():,} events, ")
        assert re.fullmatch(rf"Done: {SO_FAR}\.", last)
        second = run(COMMAND, "--workspace", acme.slug)
        assert "Done: 0 of 0 days, 0 events, 1 request, 0.0 MB." in second.out
        assert SyncDay.objects.green().count() == DAYS

    def test_whoever_runs_it_is_who_asked(
        self, run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(acme)
        monkeypatch.setenv("LOGNAME", "olga")
        run(COMMAND, "--workspace", "acme")
        assert SyncRun.objects.get().actor_name == "olga (command line)"

    def test_a_full_sync_reads_the_last_month_again(self, run: Run, acme: Workspace) -> None:
        connect(acme)
        run(COMMAND, "--workspace", "acme")
        done = run(COMMAND, "--workspace", "acme", "--full")
        assert "Done: 30 of 30 days" in done.out
        assert SyncRun.objects.latest("id").kind == "full"

    def test_so_many_days_are_looked_at_as_one_says(self, run: Run, acme: Workspace) -> None:
        connect(acme)
        assert run(COMMAND, "--workspace", "acme", "--days", "50").code == 0
        assert SyncDay.objects.green().count() == 50

    @pytest.mark.parametrize("days", ["0", "-3", "3651", "9999999"])
    def test_too_few_days_or_too_many_are_refused(
        self, run: Run, acme: Workspace, days: str
    ) -> None:
        connect(acme)
        done = run(COMMAND, "--workspace", "acme", f"--days={days}")
        assert (done.code, done.error) == (1, "--days takes a number from 1 to 3,650.")
        assert not SyncRun.objects.exists()

    def test_without_a_working_connection_it_says_what_to_do(
        self, run: Run, acme: Workspace
    ) -> None:
        nothing = run(COMMAND, "--workspace", "acme")
        assert (nothing.code, nothing.error) == (
            1,
            "PostHog is not connected in this workspace. Connect PostHog first.",
        )
        connect(acme)
        service_of(acme).disconnect()
        away = run(COMMAND, "--workspace", "acme")
        PosthogWorkspaceConfig.objects.update(is_active=True, is_validated=False)
        refused = run(COMMAND, "--workspace", "acme")
        assert away.code == refused.code == 1
        assert away.error == refused.error
        assert away.error.endswith("Connect PostHog anew, or re-check the connection, then sync.")
        assert not SyncRun.objects.exists()

    def test_beside_another_sync_of_the_workspace_it_does_nothing(
        self, run: Run, acme: Workspace
    ) -> None:
        connect(acme)
        other = ask_for_sync(acme)
        SyncRun.objects.update(lease_expires_at=timezone.now() + timedelta(minutes=1))
        done = run(COMMAND, "--workspace", "acme")
        assert done.code == 1
        assert done.error.startswith("A sync is running already. Wait until it is done")
        assert SyncRun.objects.get() == other

    def test_a_sync_that_fails_says_how_far_it_came_and_why(
        self, run: Run, acme: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        posthog.us.after_queries(3, lambda: posthog.us.revoke(KEYS.full))
        done = run(COMMAND, "--workspace", "acme")
        assert done.code == 1
        assert re.match(
            rf"Failed after {SO_FAR}\. Invalid or unauthorized API key\. Check in PostHog",
            done.error,
        )
        assert "Done" not in done.out
        assert PosthogWorkspaceConfig.objects.get().is_validated is False

    @pytest.mark.parametrize("terminal", [True, False])
    def test_where_posthog_wants_it_to_wait_it_says_so_and_goes_on(
        self, run: Run, acme: Workspace, posthog: Sandbox, terminal: bool
    ) -> None:
        connect(acme)
        posthog.us.fail("429", path=QUERY, retry_after=1, times=1)
        start = timezone.now()
        done = run(COMMAND, "--workspace", "acme", terminal=terminal)
        assert timezone.now() - start >= timedelta(seconds=0.5)
        assert done.code == 0
        waiting = done.out.index("PostHog's rate limit exceeded. ")
        assert waiting < done.out.index("Going on in 1 seconds.") < done.out.index("Done: ")
        assert SyncRun.objects.get().state == "done"
        assert bool(re.search(r"\r +\r", done.progress)) == terminal, "The bar is in the way"


class TestRun:
    def test_it_goes_on_with_the_run_that_one_names(self, run: Run, acme: Workspace) -> None:
        connect(acme)
        asked = ask_for_sync(acme)
        assert run(COMMAND, "--run", str(asked.pk)).code == 0
        performed = SyncRun.objects.get()
        assert (performed.state, performed.actor_name) == ("done", "alice")

    @pytest.mark.parametrize(
        "columns",
        [
            {"state": "done", "finished_at": timezone.now()},
            {"state": "running", "lease_expires_at": timezone.now() + timedelta(hours=1)},
            {"state": "waiting", "waiting_until": timezone.now() + timedelta(hours=1)},
        ],
        ids=["ended", "in other hands", "waiting"],
    )
    def test_a_run_that_is_not_to_be_had_is_left_alone(
        self, run: Run, acme: Workspace, posthog: Sandbox, columns: dict[str, object]
    ) -> None:
        connect(acme)
        asked = ask_for_sync(acme)
        SyncRun.objects.update(**columns)
        before = SyncRun.objects.values().get(), len(posthog.us.requests)
        done = run(COMMAND, "--run", str(asked.pk))
        assert (done.code, done.error) == (
            1,
            f"Run {asked.pk} has ended, or is in other hands.",
        )
        assert (SyncRun.objects.values().get(), len(posthog.us.requests)) == before


class TestAll:
    def test_each_working_connection_is_synced_under_its_name(
        self, run: Run, acme: Workspace, globex: Workspace
    ) -> None:
        away, refused = (Workspace.objects.create(name=name) for name in ("Away", "Refused"))
        for workspace in (acme, globex, away, refused):
            connect(workspace, KEYS.full if workspace == acme else KEYS.several)
        service_of(away).disconnect()
        PosthogWorkspaceConfig.objects.filter(workspace=refused).update(is_validated=False)
        done = run(COMMAND)
        assert done.code == 0
        names = {"Acme", "Globex", "Away", "Refused"}
        assert names & set(done.out.splitlines()) == {"Acme", "Globex"}
        assert done.out.count("Done: ") == SyncRun.objects.filter(state="done").count() == 2

    def test_one_that_fails_keeps_no_other_from_it_and_ends_it_with_one(
        self, run: Run, acme: Workspace, globex: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        connect(globex, KEYS.several)
        posthog.us.revoke(KEYS.full)
        done = run(COMMAND)
        assert (done.code, done.error) == (1, "Syncs that failed: 1.")
        assert "Invalid or unauthorized API key" in done.progress
        assert done.out.count("Done: ") == 1
        states = SyncRun.objects.values_list("source__connection__workspace__name", "state")
        assert dict(states) == {"Acme": "failed", "Globex": "done"}

    @pytest.mark.parametrize("named", ["run", "workspace"])
    def test_ctrl_c_ends_it_and_leaves_a_run_to_go_on_with(
        self, run: Run, acme: Workspace, globex: Workspace, posthog: Sandbox, named: str
    ) -> None:
        connect(acme)
        connect(globex)
        posthog.us.on_query(lambda n: os.kill(os.getpid(), signal.SIGINT) if n == 8 else None)
        done = run(COMMAND)
        posthog.us.heal()
        assert done.code == 1
        assert re.fullmatch(
            rf"Stopped \({SO_FAR}\)\. The next sync or tick goes on from here\.", done.error
        )
        stopped = SyncRun.objects.get()
        assert stopped.finished_at is None
        green = SyncDay.objects.green().count()
        ids = {"run": stopped.pk, "workspace": stopped.source.connection.workspace_id}
        assert run(COMMAND, f"--{named}", str(ids[named])).code == 0
        assert SyncRun.objects.get().state == "done"
        assert 0 < green < SyncDay.objects.green().count() == DAYS

    def test_with_nothing_connected_there_is_nothing_to_do(self, run: Run, acme: Workspace) -> None:
        done = run(COMMAND)
        assert (done.code, done.out) == (0, "There is no working connection.\n")


class TestProgress:
    def test_on_a_terminal_a_bar_shows_days_and_events_a_second(
        self, run: Run, acme: Workspace
    ) -> None:
        connect(acme)
        done = run(COMMAND, terminal=True)
        assert f"{DAYS}/{DAYS}" in done.progress
        assert re.search(rf"{events_in_posthog():,} events, [\d,]+ a second", done.progress)
        assert re.fullmatch(rf"Acme\nDone: {SO_FAR}\.\n", done.out)

    def test_elsewhere_it_is_told_in_plain_lines(
        self, run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(acme)
        monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
        done = run(COMMAND)
        assert done.progress == ""
        heading, *lines, last = done.out.splitlines()
        assert all(re.fullmatch(SO_FAR, line) for line in lines)
        assert last == f"Done: {lines[-1]}."
        days = [int(line.split()[0]) for line in lines]
        assert days == sorted(days)
        assert (heading, days[0], days[-1]) == ("Acme", 0, DAYS)

    def test_plain_lines_are_far_between(
        self, run: Run, acme: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(acme)
        monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 600)
        assert len(run(COMMAND).out.splitlines()) == 3


def test_all_days_and_so_many_of_them_contradict_each_other(run: Run, acme: Workspace) -> None:
    done = run(COMMAND, "--full", "--days", "3")
    assert done.code == 1
    assert "not allowed with argument --full" in done.error


def test_its_process_is_not_burdened_with_what_backtests_need() -> None:
    loads = "import django, sys; django.setup(); import integrations_posthog.management.commands."
    command = [sys.executable, "-c", f"{loads}{COMMAND}; sys.exit('numpy' in sys.modules)"]
    assert subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode == 0
