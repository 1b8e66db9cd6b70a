"""The faults that are trouble on the wire, over a real socket."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

from integrations_posthog.sandbox import KEYS, Sandbox

from .conftest import LAST_30_DAYS, Caller

MEGABYTE = 1024 * 1024
QUERY = "/api/projects/12345/query/"


@contextmanager
def connection(sandbox: Sandbox) -> Iterator[socket.socket]:
    """A bare connection on which a query has been sent."""
    body = json.dumps({"query": {"kind": "HogQLQuery", "query": LAST_30_DAYS}})
    split = urlsplit(sandbox.us.url)
    with socket.create_connection((split.hostname, split.port), timeout=30) as sock:
        lines = (
            f"POST {QUERY} HTTP/1.1",
            f"Host: {split.netloc}",
            f"Authorization: Bearer {KEYS.full.value}",
            f"Content-Length: {len(body)}",
            "",
            body,
        )
        sock.sendall("\r\n".join(lines).encode())
        yield sock


def test_a_short_body_ends_before_its_length(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("short_body")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        us.query()


def test_a_huge_answer_is_100_mb_of_valid_json(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("huge")
    response = us.query()
    assert len(response.content) > 100 * MEGABYTE
    assert response.json()["results"] == [[15420]]


def test_a_huge_gzip_is_small_until_it_is_unpacked(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("huge_gzip")
    response = us.query()
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) < MEGABYTE
    assert len(response.content) > 100 * MEGABYTE
    assert response.json()["results"] == [[15420]]


def test_a_trickle_sends_the_head_and_then_byte_by_byte(posthog: Sandbox) -> None:
    posthog.us.fail("trickle", seconds=0.05)
    with connection(posthog) as sock:
        head, _, body = sock.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        body += b"".join(sock.recv(65536) for _ in range(3))
        # A slow reader may get several bytes at once, but never most of an answer.
        assert len(body) < 100 < int(head.split(b"Content-Length: ")[1].split()[0])


def test_a_trickling_head_begins_with_the_status_line(posthog: Sandbox) -> None:
    posthog.us.fail("trickle_head", seconds=0.05)
    with connection(posthog) as sock:
        received = b"".join(sock.recv(65536) for _ in range(5))
        assert received.startswith(b"HTTP/")
        assert b"\r\n\r\n" not in received


@pytest.mark.parametrize("name", ["trickle", "trickle_head"])
def test_a_trickle_is_the_real_answer_in_the_end(posthog: Sandbox, us: Caller, name: str) -> None:
    posthog.us.fail(name, seconds=0)
    assert us.query().json()["results"] == [[15420]]


def test_never_takes_the_request_and_keeps_silent(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("never", path="/query/", times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        us.send("POST", QUERY, json={}, timeout=1)
    (seen,) = posthog.us.requests
    assert (seen.path, seen.status) == (QUERY, None)


def test_drop_closes_the_connection_without_a_byte(posthog: Sandbox) -> None:
    posthog.us.fail("drop")
    with connection(posthog) as sock:
        assert sock.recv(65536) == b""


def test_a_redirect_points_where_it_is_told(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("redirect", location=f"{posthog.eu.url}/api/projects/")
    response = us.query()
    assert response.status_code == 302
    assert response.headers["Location"] == f"{posthog.eu.url}/api/projects/"
    assert posthog.eu.requests == []


def test_a_slow_answer_is_right_but_late(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("slow", seconds=0.3)
    began = time.monotonic()
    assert us.query().json()["results"] == [[15420]]
    assert time.monotonic() - began >= 0.3


def test_the_real_answer_of_a_fault_may_be_a_refusal(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("huge_gzip")
    posthog.us.revoke(KEYS.full)
    response = us.query()
    assert response.status_code == 401
    assert len(gzip.compress(response.content)) < MEGABYTE < len(response.content)
