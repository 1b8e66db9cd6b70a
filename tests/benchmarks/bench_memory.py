"""The memory of a server process whose PostHog answers with 100 MB."""

from __future__ import annotations

from pathlib import Path

import requests
from rest_framework.test import APIClient

from integrations_posthog.sandbox import KEYS

from .conftest import VALIDATE, Table
from .measuring import memory_of
from .processes import Server, StandIn, gunicorn

WARM_UP = 20


def test_memory(owner: APIClient, standin: StandIn, table: Table) -> None:
    cookie = f"beton_session={owner.cookies['beton_session'].value}"
    with gunicorn(workers=1, standin=standin) as server:
        for _ in range(WARM_UP):
            assert validate(server, cookie).status_code == 200
        for fault in ("huge", "huge_gzip"):
            most = max(
                growth_while_failing(server, cookie, standin, fault=fault, path=path)
                for path in ("/personal_api_keys/", "/query/")
            )
            table.add(f"memory for a reply of 100 MB, {fault}", most, "MB", at_most=20)


def growth_while_failing(
    server: Server, cookie: str, standin: StandIn, *, fault: str, path: str
) -> float:
    """How much memory one validation takes at its peak, in MB."""
    [worker] = server.workers
    standin.reset()
    standin.fail(fault, path=path)
    before = memory_of(worker, "VmRSS")
    Path(f"/proc/{worker}/clear_refs").write_text("5")  # Sets the peak back to the present.
    answer = validate(server, cookie)
    assert answer.json()["error_type"] == "api_error"
    return memory_of(worker, "VmHWM") - before


def validate(server: Server, cookie: str) -> requests.Response:
    return requests.post(
        f"{server.url}{VALIDATE}",
        json={"api_key": KEYS.full.value},
        headers={"Cookie": cookie},
        timeout=30,
    )
