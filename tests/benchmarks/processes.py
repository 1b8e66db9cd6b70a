"""The stand-in PostHog and gunicorn, each in processes of their own, on free ports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.processes import ROOT, environment


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A stand-in PostHog: the origins of its regions."""

    us: str
    eu: str

    @property
    def regions(self) -> list[str]:
        return [self.us, self.eu]

    def reset(self) -> None:
        """Heal it, and empty its logs."""
        for region in self.regions:
            requests.post(f"{region}/_sandbox/reset", timeout=5).raise_for_status()

    def fail(self, fault: str, *, path: str) -> None:
        """Make the US region fail wherever ``path`` is found in the address."""
        order = {"fault": fault, "path": path}
        requests.post(f"{self.us}/_sandbox/faults", json=order, timeout=5).raise_for_status()

    def requests_received(self) -> int:
        """How many requests came in since the last reset."""
        logs = (requests.get(f"{region}/_sandbox/requests", timeout=5) for region in self.regions)
        return sum(len(log.json()) for log in logs)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A gunicorn: where it listens, and its master's process id."""

    url: str
    pid: int

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


@contextmanager
def standin_process(*options: str) -> Iterator[StandIn]:
    """Start the stand-in, with options of its command; stop it at the end."""
    command = [sys.executable, "manage.py", "posthog_sandbox", *options]
    with _running(command, environment(), says=r"POSTHOG_CLOUD_REGIONS=(.+),(.+)") as (_, found):
        yield StandIn(us=found[1], eu=found[2])


@contextmanager
def gunicorn(*, workers: int, standin: StandIn) -> Iterator[Server]:
    """Serve the host project from the test database as in production; stop at the end."""
    command = [sys.executable, "-m", "gunicorn", "-c", "python:beton.gunicorn", "beton.wsgi"]
    command += ["--bind", "127.0.0.1:0", "--workers", str(workers), "--access-logfile", os.devnull]
    env = environment(
        DJANGO_SETTINGS_MODULE="tests.benchmarks.settings",
        DJANGO_LOG_LEVEL="WARNING",
        POSTHOG_CLOUD_REGIONS=",".join(standin.regions),
        POSTHOG_TRUSTED_ORIGINS=",".join(standin.regions),
    )
    with _running(command, env, says=r"Listening at: (http://\S+)") as (process, found):
        yield Server(url=found[1], pid=process.pid)


def run_to_the_end(
    command: list[str], env: dict[str, str], *, told: Mapping[str, str] | None = None
) -> tuple[float, dict[str, float]]:
    """Run a process that may be told something as JSON.

    Returns:
        The seconds from its start to its end, and what it wrote as JSON.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        input=json.dumps(told),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return time.perf_counter() - start, json.loads(done.stdout)


@contextmanager
def _running(
    command: list[str], env: dict[str, str], *, says: str
) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """Run a server from when it says where it listens to the end."""
    with subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            found = next((m for line in process.stdout if (m := re.search(says, line))), None)
            assert found is not None, f"{command} did not start"
            yield process, found
        finally:
            process.terminate()
