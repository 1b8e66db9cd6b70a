"""``status``: its queries, and its throughput beside a bare DRF view's with the same queries."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from .conftest import STATUS, Table
from .processes import Server, StandIn, gunicorn

BARE = "/bare/status"
CALLERS, ROUNDS, SECONDS = 8, 5, 2.0


def test_queries(
    owner: APIClient, alice: User, jwt_client: Callable[[User], APIClient], table: Table
) -> None:
    table.add("SQL queries of status, session", len(queries_of(owner, STATUS)), at_most=4)
    by_token = queries_of(jwt_client(alice), STATUS)
    table.add("SQL queries of status, JSON web token", len(by_token), at_most=4)


def test_throughput(owner: APIClient, standin: StandIn, table: Table, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.benchmarks.urls"
    assert queries_of(owner, BARE) == queries_of(owner, STATUS)
    cookie = f"beton_session={owner.cookies['beton_session'].value}"
    rates: dict[str, list[float]] = {BARE: [], STATUS: []}
    with gunicorn(workers=2, standin=standin) as server:
        for path in rates:
            answers_per_second(server, path, cookie)  # Warms up.
        for _ in range(ROUNDS):
            for path, measured in rates.items():
                measured.append(answers_per_second(server, path, cookie))
    bare, status = median(rates[BARE]), median(rates[STATUS])

    table.add("throughput of the bare view", bare, "/s")
    table.add("throughput of status", status, "/s")
    table.add("throughput of status, of the bare view's", 100 * status / bare, "%", at_least=70)


def queries_of(client: APIClient, path: str) -> list[str]:
    """The queries of a request, without the values in them."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [re.sub(r"'[^']*'", "''", query["sql"]) for query in captured]


def answers_per_second(server: Server, path: str, cookie: str) -> float:
    """Of callers that ask again as soon as they are answered, by a new connection each time.

    Kept connections would stay with the worker that accepted them, however uneven that is.
    """
    counts = [0] * CALLERS
    end = time.monotonic() + SECONDS

    def call(caller: int) -> None:
        while time.monotonic() < end:
            with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=10)) as connection:
                connection.request("GET", path, headers={"Cookie": cookie})
                response = connection.getresponse()
                response.read()
            assert response.status == 200
            counts[caller] += 1

    with ThreadPoolExecutor(max_workers=CALLERS) as callers:
        list(callers.map(call, range(CALLERS)))
    return sum(counts) / SECONDS
