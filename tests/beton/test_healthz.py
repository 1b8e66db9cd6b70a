"""What a load balancer is told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are accepted and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_all_is_well(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "cache": "ok"}


def test_head_is_answered_too(client: Client) -> None:
    answer = client.head("/healthz")

    assert (answer.status_code, answer.content) == (200, b"")


def test_it_is_not_kept_by_caches_and_starts_no_session(client: Client) -> None:
    answer = client.get("/healthz")

    assert "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies


def test_nothing_else_is_allowed(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_a_dead_cache_is_named_and_logged(
    client: Client, dead_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "cache": "down"}
    assert "The cache is down" in caplog.text


def test_a_cache_that_forgets_is_down(client: Client, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    assert client.get("/healthz").json()["cache"] == "down"


def test_a_dead_database_is_named_and_logged(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(connections.settings["default"], "NAME", "/nonexistent/database")
    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"database": "down", "cache": "ok"}
    assert "The database is down" in caplog.text


def test_silence_is_not_waited_for(
    client: Client, settings: Settings, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql = connections.settings["default"] | {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "beton",
        "HOST": "127.0.0.1",
        "PORT": silent_port,
        "OPTIONS": {},
    }
    monkeypatch.setitem(connections.settings, "default", postgresql)
    location = f"redis://127.0.0.1:{silent_port}/0"
    settings.CACHES = {"default": settings.REDIS | {"LOCATION": location}}
    started = time.monotonic()
    answer = client.get("/healthz")

    assert answer.json() == {"database": "down", "cache": "down"}
    assert time.monotonic() - started < 5
