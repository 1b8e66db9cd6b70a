"""The deadline of a validation, in real seconds. It is waited out once, for all kinds of silence
beside each other: this is the slowest single test there is, and should stay the only such one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import Sandbox

from .caller import Caller
from .conftest import session_key_of

HANGING = "posthog.hanging.example"


@pytest.fixture
def silent_hosts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Hosts that each keep one waiting in another way."""
    released = Event()
    look_up = socket.getaddrinfo

    def hang(host: Any, *rest: Any, **options: Any) -> Any:
        if host == HANGING:
            released.wait()
        return look_up(host, *rest, **options)

    with Sandbox() as one, Sandbox() as other:
        origins = {"never": one.us, "trickle": one.eu, "trickle_head": other.us}
        for fault, region in origins.items():
            region.fail(fault)
        hosts = {fault: region.url for fault, region in origins.items()}
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = list(hosts.values())
        monkeypatch.setattr(socket, "getaddrinfo", hang)
        yield hosts | {"dns": f"https://{HANGING}"}
        released.set()


def test_each_kind_of_silence_is_answered_within_15_seconds(
    live_server: LiveServer, alice: User, silent_hosts: dict[str, str]
) -> None:
    session_key = session_key_of(alice)

    def validate(host: str) -> tuple[requests.Response, float]:
        with Caller(url=live_server.url, session_key=session_key) as caller:
            start = time.monotonic()
            return caller.validate(host=host), time.monotonic() - start

    with ThreadPoolExecutor() as threads:
        answers = dict(zip(silent_hosts, threads.map(validate, silent_hosts.values()), strict=True))

    for kind, (answer, seconds) in answers.items():
        assert answer.status_code == 502, kind
        assert answer.json()["error"].endswith("PostHog did not answer in time"), kind
        assert seconds < 15, kind
    assert not PosthogWorkspaceConfig.objects.exists()
