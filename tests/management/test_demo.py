"""``manage.py demo``: what a newcomer is shown, and that all of it works."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.files import locks
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from beton.management.commands import demo
from beton.management.commands.demo import only_demo
from beton.models import Membership, Workspace
from integrations_posthog.models import Account, PosthogWorkspaceConfig, Signal, UsageSource
from integrations_posthog.sandbox import KEYS, ProductWorld, Sandbox
from tests.processes import ROOT, log_in, wait_until
from tests.usage import store_run

from .conftest import Run

USUAL_PORTS = (8000, 8010, 8011)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Demos want the usual ports: those of another run of these tests have to wait."""
    with (Path(tempfile.gettempdir()) / "beton-demo-tests.lock").open("w") as file:
        locks.lock(file, locks.LOCK_EX)
        yield


@pytest.fixture
def _development(settings: Settings, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a developer's machine; what the demo changes in them, and in the environment,
    ends with the test."""
    settings.DEBUG = True
    for name in ("POSTHOG_HOST", "POSTHOG_CLOUD_REGIONS", "POSTHOG_TRUSTED_ORIGINS"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the product, for all that is not about its figures."""
    world = partial(ProductWorld, accounts=100, people=1_000, sessions=12_000)
    monkeypatch.setattr(demo, "ProductWorld", world)


def section(printed: str, heading: str) -> str:
    return printed.partition(f"\n{heading}\n")[2].partition("\n\n")[0]


def log_in_of(printed: str) -> tuple[str, str]:
    [(name, password)] = re.findall(r"^  Log in as +(\S+) / (\S+)$", printed, re.MULTILINE)
    return name, password


@pytest.mark.usefixtures("_development", "_small")
class TestNoServe:
    def test_it_prints_each_check_and_the_status(self, run: Run) -> None:
        done = run("demo", "--no-serve")
        assert done.code == 0
        checks = section(done.out, "Connecting the workspace Acme to PostHog").splitlines()
        assert [line[:5] for line in checks] == ["  ✓ K", "  ✓ R", "  ✓ S", "  ✓ P", "  ✓ Q"]
        status = json.loads(section(done.out, "Status"))
        assert (status["is_validated"], status["workspace_name"]) == (True, "Acme Corp")

    def test_a_sync_that_an_earlier_one_left_is_gone_on_with(self, run: Run) -> None:
        assert run("demo", "--no-serve").code == 0
        source = UsageSource.objects.get()
        expires_at = timezone.now() + timedelta(seconds=8)
        left = store_run(source, lease_holder="dead", lease_expires_at=expires_at)
        # On the same ports as before, the demo finds the same project.
        done = run("demo", "--no-serve")
        assert done.code == 0
        assert "An earlier demo left one unfinished" in done.out
        left.refresh_from_db()
        assert left.state == "done"

    def test_a_second_demo_leaves_the_first_one_s_users_and_keys_alone(self, run: Run) -> None:
        with only_demo():
            done = run("demo", "--no-serve")
        assert done.code == 1
        assert "A demo is at work on this database. Stop it with Ctrl-C" in done.error
        assert not User.objects.exists()
        assert run("demo", "--no-serve").code == 0

    def test_the_cookie_of_the_curl_command_and_the_log_in_work(self, run: Run) -> None:
        done = run("demo", "--no-serve")
        [cookie] = re.findall(r'-H "Cookie: beton_session=(\w+)"$', done.out, re.MULTILINE)
        client = Client()
        client.cookies["beton_session"] = cookie
        status = client.get("/api/posthog/status").json()
        assert status == json.loads(section(done.out, "Status"))

        name, password = log_in_of(done.out)
        client = Client()
        client.post("/login/", {"username": name, "password": password})
        for path in ("/settings/posthog/", "/admin/", "/api/docs"):
            assert f":8000{path}\n" in re.sub(r":80\d\d", ":8000", done.out)
            assert client.get(path).status_code == 200

    def test_a_second_run_finds_what_the_first_one_made(self, run: Run) -> None:
        first = run("demo", "--no-serve")
        # On other ports than this time.
        PosthogWorkspaceConfig.objects.update(posthog_host="http://127.0.0.1:1")
        second = run("demo", "--no-serve")
        assert second.code == 0
        for rows in (Workspace.objects, User.objects, Membership.objects):
            assert rows.count() == 1
        assert PosthogWorkspaceConfig.objects.count() == 1
        assert log_in_of(first.out) != log_in_of(second.out)

    def test_it_shows_every_key_of_the_stand_in_and_says_that_nothing_is_served(
        self, run: Run
    ) -> None:
        printed = run("demo", "--no-serve").out
        shown = section(printed, "Keys of the stand-in PostHog to try, five a minute")
        assert shown.splitlines() == [f"  {key.value}  {key.about}" for key in KEYS]
        assert "Nothing is served now" in printed.splitlines()[-1]


@pytest.mark.usefixtures("_development")
def test_it_ends_with_leads_and_with_how_well_they_are_foretold(run: Run) -> None:
    printed = run("demo", "--no-serve").out
    assert_it_ranks_accounts_each_with_its_sentences(printed)
    assert_it_tells_how_well_more_people_at_work_foretell_upgrades(printed)


def assert_it_ranks_accounts_each_with_its_sentences(printed: str) -> None:
    heading = "The accounts that look readiest to buy, by 7 definitions"
    _, *lines = section(printed, heading).splitlines()
    heads = [re.match(r" +([\d.]+)  (M\d+) ", line) for line in lines]
    scores = [float(head[1]) for head in heads if head]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= 60
    assert all(re.search(r" [+-]\d+  \S", line) for line in lines)
    rises = [re.findall(r"active people (\d+) → (\d+) in 7 days", line) for line in lines]
    found = [(int(before), int(now)) for rise in rises for before, now in rise]
    assert len(found) >= 5
    assert all(now >= 6 and now >= 1.5 * before for before, now in found)
    # Most accounts have none of it.
    signals = Signal.objects.filter(version__name="More people at work")
    assert 50 < signals.values("account").distinct().count() < Account.objects.count() / 4


def assert_it_tells_how_well_more_people_at_work_foretell_upgrades(printed: str) -> None:
    heading = "How well one of these definitions foretells upgrades"
    told = section(printed, heading)
    [[lift, low, high]] = re.findall(
        r"^  Lift +([\d.]+) \[([\d.]+) to ([\d.]+)\] +times as often", told, re.MULTILINE
    )
    assert 1.2 <= float(low) < float(lift) < float(high)
    assert re.search(r"^  Precision +\d+% \[\d+% to \d+%\] +of \d+ accounts", told, re.MULTILINE)
    assert re.search(r"^  Recall +\d+% \[\d+% to \d+%\] +of \d+ upgrades", told, re.MULTILINE)


def test_without_debug_it_refuses(run: Run, db: None) -> None:
    done = run("demo", "--no-serve")
    assert (done.code, done.out) == (1, "")
    assert "DJANGO_DEBUG=true" in done.error
    assert not User.objects.exists()


@pytest.mark.usefixtures("_development")
class TestReal:
    def test_it_asks_the_posthog_of_the_settings_with_a_key_of_ones_own(
        self, run: Run, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POSTHOG_API_KEY", KEYS.several.value)
        done = run("demo", "--real", "--no-serve")
        assert done.code == 0
        assert posthog.us.requests
        assert json.loads(section(done.out, "Status"))["workspace_name"] == "Umbrella Retail"
        assert "stand-in" not in done.out
        assert KEYS.several.value not in done.out

    def test_a_refused_key_ends_it_in_words(
        self, run: Run, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POSTHOG_API_KEY", KEYS.revoked.value)
        done = run("demo", "--real", "--no-serve")
        assert done.code == 1
        assert "  ✗ Key      Invalid or unauthorized API key" in done.out
        assert done.error.startswith("Invalid or unauthorized API key. Check in PostHog")


class Serving:
    """The demo, serving on a fresh database, and what it has printed so far."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "printed"
        environment = {
            "DJANGO_SETTINGS_MODULE": "beton.settings",
            "DJANGO_DEBUG": "true",
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "BETON_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "PYTHONUNBUFFERED": "",  # Python's default: what goes to a file may be held back.
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> None:
        """Until it serves, or has ended."""
        wait_until(self._serves_or_has_ended, seconds=120)
        assert self.process.poll() is None, self.printed

    @property
    def origin(self) -> str:
        [origin] = re.findall(r"Settings page +(http://127\.0\.0\.1:\d+)/", self.printed)
        return str(origin)

    def _serves_or_has_ended(self) -> bool:
        if self.process.poll() is not None:
            return True
        if "Serving, until Ctrl-C" not in self.printed:
            return False
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.origin}/healthz", timeout=30).status_code == 200
        return False


@contextmanager
def taken(*ports: int) -> Iterator[None]:
    """These ports are listened on: by us, unless somebody else does."""
    with ExitStack() as stack:
        for port in ports:
            listener = stack.enter_context(socket.socket())
            # A server that ended a moment ago keeps its port from others, but not from the demo.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                listener.listen()
        yield


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with taken(*USUAL_PORTS):
        serving = Serving(tmp_path)
        try:
            serving.wait()
            yield serving
        finally:
            serving.process.kill()
            serving.process.wait()


def test_while_it_serves_all_that_it_printed_works_until_ctrl_c(serving: Serving) -> None:
    printed = serving.printed
    ports = {int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", printed)}
    assert len(ports) == 3
    assert ports.isdisjoint(USUAL_PORTS)

    assert curl(section(printed, "Try the API")) == json.loads(section(printed, "Status"))
    name, password = log_in_of(printed)
    assert "Acme Production" in log_in(serving.origin, name=name, password=password).text
    assert_a_sync_that_somebody_asks_for_is_done(serving)

    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(timeout=60) == 0
    assert "Traceback" not in serving.printed


def assert_a_sync_that_somebody_asks_for_is_done(serving: Serving) -> None:
    """By a process of its own, which has to know the stand-in."""
    [cookie] = re.findall(r'"Cookie: (.+)"', serving.printed)
    url, headers = f"{serving.origin}/api/posthog/sync", {"Cookie": cookie}

    def run() -> dict[str, Any]:
        found: dict[str, Any] = requests.get(url, headers=headers, timeout=30).json()
        return found

    # The first tick reads the rest of the history, meanwhile.
    wait_until(lambda: run()["state"] == "done", seconds=120)
    asked = requests.post(url, headers=headers, timeout=30)
    assert asked.status_code == 202, asked.text
    wait_until(lambda: run()["state"] not in ("running", "waiting"), seconds=60)
    found = run()
    assert (found["state"], found["run"]["id"]) == ("done", asked.json()["run_id"])


def curl(command: str) -> object:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} --silent --show-error"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
