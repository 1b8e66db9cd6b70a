"""A sync by real processes: handed over by the server, killed, and finished by another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from beton.models import Workspace
from integrations_posthog.models import SyncDay, SyncRun
from integrations_posthog.sandbox import Sandbox
from integrations_posthog.services.usage import UsageService
from integrations_posthog.wiring import usage_service
from tests.connections import actor, connect
from tests.processes import ROOT, environment, wait_until

from .conftest import Call, Serve

LEASE_SECONDS = 3


class Start(Protocol):
    def __call__(self, *arguments: str) -> subprocess.Popen[bytes]: ...


@pytest.fixture
def variables(posthog: Sandbox, transactional_db: None) -> dict[str, str]:
    """The environment of all processes: the stand-in is their PostHog, and leases are short."""
    regions = f"{posthog.us.url},{posthog.eu.url}"
    return {
        "POSTHOG_CLOUD_REGIONS": regions,
        "POSTHOG_TRUSTED_ORIGINS": regions,
        "POSTHOG_SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
    }


@pytest.fixture
def start(variables: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start a process of ours; whatever still runs in the end is killed."""
    with ExitStack() as running:
        log = running.enter_context((tmp_path / "processes.log").open("wb"))

        def start_process(*arguments: str) -> subprocess.Popen[bytes]:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=ROOT,
                    env=environment(**variables),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
            running.callback(process.kill)
            return process

        yield start_process


@pytest.fixture
def usage(acme: Workspace, alice: User, posthog: Sandbox) -> UsageService:
    """Acme's usage, connected and never synced."""
    connect(acme)
    return usage_service(workspace=acme, actor=actor())


def is_half_way() -> bool:
    days = SyncDay.objects.all()
    return days.green().exists() and days.pending().exists()


def is_done() -> bool:
    return SyncRun.objects.filter(state="done").exists()


def all_days_are_proven() -> bool:
    days = SyncDay.objects.all()
    return days.count() == days.green().count() == SyncRun.objects.get().days_back


def test_a_server_without_a_broker_hands_the_sync_to_a_process_of_its_own(
    serve: Serve, call: Call, usage: UsageService, alice: User, variables: dict[str, str]
) -> None:
    caller = call(serve(**variables), alice)
    answer = caller.submit("/api/posthog/sync", {})
    assert answer.status_code == 202
    wait_until(is_done, seconds=60)
    assert all_days_are_proven()
    assert str(SyncRun.objects.get().pk) == answer.json()["run_id"]


def test_a_killed_sync_is_finished_by_the_tick_when_its_lease_has_run_out(
    start: Start, usage: UsageService, posthog: Sandbox
) -> None:
    run = usage.request_sync()
    posthog.us.fail("slow", path="/query/", seconds=0.3)
    first = start("manage.py", "posthog_sync", "--run", str(run.pk))
    wait_until(is_half_way, seconds=60)
    first.kill()
    first.wait()
    posthog.us.heal()

    assert start("manage.py", "posthog_tick").wait(60) == 0
    assert not is_done(), "The dead worker's lease was not respected"
    wait_until(lambda: SyncRun.objects.free(now=timezone.now()).exists(), seconds=LEASE_SECONDS + 2)
    assert start("manage.py", "posthog_tick").wait(60) == 0
    assert is_done()
    assert all_days_are_proven()
    assert SyncRun.objects.count() == 1


def test_a_sync_that_is_interrupted_says_so_and_leaves_the_rest_to_the_next(
    start: Start, usage: UsageService, posthog: Sandbox, tmp_path: Path
) -> None:
    run = usage.request_sync()
    posthog.us.fail("slow", path="/query/", seconds=0.3)
    first = start("manage.py", "posthog_sync", "--run", str(run.pk))
    wait_until(is_half_way, seconds=60)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 1
    posthog.us.heal()
    said = (tmp_path / "processes.log").read_text()
    assert "Stopped (" in said
    assert "The next sync or tick goes on from here." in said
    assert "Traceback" not in said

    assert start("manage.py", "posthog_sync", "--run", str(run.pk)).wait(60) == 0
    assert all_days_are_proven()


def test_of_two_workers_the_other_finishes_what_a_killed_one_began(
    start: Start,
    usage: UsageService,
    posthog: Sandbox,
    redis_url: str,
    variables: dict[str, str],
) -> None:
    variables |= {"CELERY_BROKER_URL": redis_url, "CELERY_QUEUE": f"test-{uuid4().hex}"}

    def worker(name: str) -> subprocess.Popen[bytes]:
        options = ("-P", "solo", "-Q", variables["CELERY_QUEUE"], "-n", name, "--without-mingle")
        return start("-m", "celery", "-A", "beton", "worker", *options)

    def hand_out() -> None:
        task = "from integrations_posthog.tasks import tick; tick.delay()"
        assert start("-c", f"import django; django.setup(); {task}").wait(30) == 0

    posthog.us.fail("slow", path="/query/", seconds=0.3)
    usage.request_sync()
    first = worker("first@here")
    hand_out()
    wait_until(is_half_way, seconds=60)
    worker("second@here")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    posthog.us.heal()
    wait_until(lambda: SyncRun.objects.free(now=timezone.now()).exists(), seconds=LEASE_SECONDS + 2)
    hand_out()
    wait_until(is_done, seconds=LEASE_SECONDS + 30)
    assert all_days_are_proven()
    assert SyncRun.objects.count() == 1


def test_a_worker_with_settings_that_cannot_work_does_not_start(
    start: Start, variables: dict[str, str], tmp_path: Path
) -> None:
    variables |= {"BETON_ENCRYPTION_KEY": "no key", "CELERY_BROKER_URL": "memory://"}
    assert start("-m", "celery", "-A", "beton", "worker", "-P", "solo").wait(30) != 0
    assert "integrations_posthog.E001" in (tmp_path / "processes.log").read_text()
