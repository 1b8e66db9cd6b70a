"""The project as it is served: gunicorn on a socket, with the stand-in PostHog behind it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from integrations_posthog.sandbox import Sandbox
from tests.processes import ROOT, environment, wait_until

from .caller import Caller

LOOPBACK = "127.0.0.1"
NO_REDIS = "No Redis answers at CACHE_URL, or else at redis://127.0.0.1:6379"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A gunicorn that serves the database of this test."""

    url: str
    log: Path
    """What it writes: a line with the process's number for each request, and its errors."""

    def processes(self, *, requests: int) -> list[str]:
        """The processes that answered the first so many requests, in their order."""
        wait_until(lambda: len(self._answered_by()) >= requests)
        return self._answered_by()[:requests]

    def _answered_by(self) -> list[str]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith("answered by ")]


class Serve(Protocol):
    def __call__(self, **changes: str) -> Server: ...


class Call(Protocol):
    def __call__(self, server: Server, user: User) -> Caller: ...


@contextmanager
def gunicorn(
    *, listener: socket.socket, log: Path, **changes: str
) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn with the project's own configuration, and changes to its environment."""
    command = [sys.executable, "-m", "gunicorn", "-c", "python:beton.gunicorn", "beton.wsgi"]
    command += ["--bind", f"fd://{listener.fileno()}", "--access-logformat", "answered by %(p)s"]
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**changes),
            pass_fds=[listener.fileno()],
            stdout=words,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture
def serve(transactional_db: None, posthog: Sandbox, tmp_path: Path) -> Iterator[Serve]:
    """Serve as in production, behind a proxy that ends TLS."""
    regions = f"{posthog.us.url},{posthog.eu.url}"
    usual = {
        "DJANGO_BEHIND_TLS_PROXY": "true",
        "POSTHOG_CLOUD_REGIONS": regions,
        "POSTHOG_TRUSTED_ORIGINS": regions,
    }
    with ExitStack() as running:

        def start(**changes: str) -> Server:
            listener = running.enter_context(socket.create_server((LOOPBACK, 0)))
            log = tmp_path / "gunicorn.log"
            running.enter_context(gunicorn(listener=listener, log=log, **usual | changes))
            return Server(url=f"http://{LOOPBACK}:{listener.getsockname()[1]}", log=log)

        yield start


@pytest.fixture
def call() -> Iterator[Call]:
    """A connection of a user's own to a server, logged in."""
    with ExitStack() as open_callers:
        yield lambda server, user: open_callers.enter_context(
            Caller(url=server.url, session_key=session_key_of(user))
        )


def session_key_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["beton_session"].value


@pytest.fixture
def redis_url() -> str:
    """A Redis that answers; without one these tests are skipped, but fail where CI is true."""
    url = os.environ.get("CACHE_URL", "redis://127.0.0.1:6379/9")
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as server:
            server.ping()
    except (redis.RedisError, ValueError):
        if os.environ.get("CI") == "true":
            pytest.fail(NO_REDIS, pytrace=False)
        pytest.skip(NO_REDIS)
    return url
