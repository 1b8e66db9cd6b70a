"""The network on real sockets: whatever the other side does, the answer comes in time."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests.adapters import HTTPAdapter

from integrations_posthog.client.hosts import Network
from integrations_posthog.client.transport import Transport
from integrations_posthog.errors import (
    ApiError,
    ConnectionFailed,
    PostHogIntegrationError,
    TimedOut,
    TLSFailed,
)
from integrations_posthog.sandbox import KEYS, Sandbox

from .hostile import hostile_server

PATH = "/api/personal_api_keys/@current/"
SECONDS = 1.0


def transport_to(*origins: str, seconds: float = SECONDS, ca_bundle: str = "") -> Transport:
    network = Network(cloud_regions=(), trusted_origins=frozenset(origins), ca_bundle=ca_bundle)
    transport = Transport(
        api_key=KEYS.full.value, network=network, seconds=seconds, spare_requests=2
    )
    _transports.append(transport)
    return transport


_transports: list[Transport] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _transports:
        _transports.pop().close()


def test_a_reply_comes_whole(posthog: Sandbox) -> None:
    reply = transport_to(posthog.us.url).get(posthog.us.url + PATH)
    assert reply.status == 200
    assert b'"scopes"' in reply.body
    assert posthog.us.requests[0].key_label == "full"


@pytest.mark.parametrize("fault", ["never", "trickle", "trickle_head", "slow"])
def test_what_takes_too_long_ends_at_the_deadline(posthog: Sandbox, fault: str) -> None:
    posthog.us.fail(fault, seconds=0.3 if fault != "slow" else 10)
    start = time.monotonic()
    with pytest.raises(TimedOut):
        transport_to(posthog.us.url).get(posthog.us.url + PATH)
    assert time.monotonic() - start < SECONDS + 4


HEAD_THAT_CLOSES = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [(HEAD_THAT_CLOSES, b"x"), (b"HTTP/1.0 200 OK\r\n\r\n", b"x"), (b"H",), (b"",)],
    ids=["body", "body of HTTP/1.0", "head", "nothing"],
)
def test_the_abandoned_thread_ends_soon_too(pieces: tuple[bytes, ...]) -> None:
    with hostile_server(*pieces, pause=0.2, repeat=100) as server:
        with pytest.raises(TimedOut):
            transport_to(server.origin).get(f"{server.origin}/")
        until = time.monotonic() + 10
        while _fetching_threads() and time.monotonic() < until:
            time.sleep(0.05)
        assert not _fetching_threads()


def test_nothing_is_sent_to_a_name_that_is_found_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    real = socket.getaddrinfo

    def late(*args: Any, **kwargs: Any) -> Any:
        released.wait(30)
        return real("127.0.0.1", *args[1:], **kwargs)

    with hostile_server(HEAD_THAT_CLOSES) as server:
        port = server.origin.rpartition(":")[2]
        origin = f"http://posthog.acme.com:{port}"
        transport = transport_to(origin, seconds=0.3)
        monkeypatch.setattr(socket, "getaddrinfo", late)
        with pytest.raises(TimedOut):
            transport.get(f"{origin}/")
        released.set()
        until = time.monotonic() + 10
        while _fetching_threads() and time.monotonic() < until:
            time.sleep(0.05)
        assert not _fetching_threads()
        assert server.received == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\xe2\x84\x80b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 99999 Odd\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=range(10),
)
def test_an_answer_that_makes_no_sense_is_one_of_our_errors(answer: bytes) -> None:
    with hostile_server(answer) as server, suppress(ApiError, ConnectionFailed):
        assert transport_to(server.origin, seconds=5).get(f"{server.origin}/").status == 302


def test_the_body_of_a_redirect_is_bounded_too() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nConnection: close\r\n\r\n"
    with hostile_server(head, b"x" * 1_000_000, repeat=50) as server:
        with pytest.raises(ApiError):
            transport_to(server.origin, seconds=10).get(f"{server.origin}/")
        assert server.sent < 25_000_000  # The bound, and what the system buffers.


def _fetching_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_fetch" in thread.name]


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30))
    transport = transport_to(seconds=SECONDS)
    start = time.monotonic()
    with pytest.raises(TimedOut):
        transport.get("https://posthog.acme.com/")
    assert time.monotonic() - start < SECONDS + 4
    monkeypatch.undo()
    released.set()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_name_that_is_not_known_is_a_connection_failure(
    monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    origin = "https://posthog.acme.com"
    transport = transport_to(*([origin] if trusted else []), seconds=5)
    with pytest.raises(ConnectionFailed):
        transport.get(f"{origin}/")


def test_all_requests_share_one_deadline(posthog: Sandbox) -> None:
    posthog.us.fail("slow", seconds=0.6)
    transport = transport_to(posthog.us.url)
    transport.get(posthog.us.url + PATH)
    with pytest.raises(TimedOut):
        transport.get(posthog.us.url + PATH)


def test_a_dropped_connection_is_tried_again(posthog: Sandbox) -> None:
    posthog.us.fail("drop", times=2)
    assert transport_to(posthog.us.url, seconds=5).get(posthog.us.url + PATH).status == 200
    assert len(posthog.us.requests) == 3


def test_a_connection_that_is_always_dropped_fails(posthog: Sandbox) -> None:
    posthog.us.fail("drop")
    with pytest.raises(ConnectionFailed):
        transport_to(posthog.us.url, seconds=5).get(posthog.us.url + PATH)
    assert len(posthog.us.requests) == 3


@pytest.mark.parametrize("fault", ["502", "503", "504"])
def test_a_get_is_tried_again_after_passing_trouble(posthog: Sandbox, fault: str) -> None:
    posthog.us.fail(fault, times=1)
    assert transport_to(posthog.us.url, seconds=5).get(posthog.us.url + PATH).status == 200


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("500", 500), ("401", 401)])
def test_a_get_is_not_tried_again_after_a_plain_answer(
    posthog: Sandbox, fault: str, status: int
) -> None:
    posthog.us.fail(fault)
    assert transport_to(posthog.us.url).get(posthog.us.url + PATH).status == status
    assert len(posthog.us.requests) == 1


@pytest.mark.parametrize("fault", ["503", "drop"])
def test_a_query_is_never_tried_again(posthog: Sandbox, fault: str) -> None:
    posthog.us.fail(fault)
    url = f"{posthog.us.url}/api/projects/12345/query/"
    try:
        transport_to(posthog.us.url).post(url, json={})
    except ConnectionFailed:
        assert fault == "drop"
    assert len(posthog.us.requests) == 1


@pytest.mark.parametrize("fault", ["huge", "huge_gzip"])
def test_a_reply_that_is_too_large_is_not_read_to_its_end(posthog: Sandbox, fault: str) -> None:
    posthog.us.fail(fault)
    with pytest.raises(ApiError):
        transport_to(posthog.us.url, seconds=10).get(posthog.us.url + PATH)


def test_a_redirect_is_an_answer_and_not_followed(posthog: Sandbox) -> None:
    posthog.us.fail("redirect", location=posthog.eu.url + PATH)
    transport = transport_to(posthog.us.url, posthog.eu.url)
    assert transport.get(posthog.us.url + PATH).status == 302
    assert not posthog.eu.requests


def test_a_body_that_is_cut_off_is_a_dropped_connection(posthog: Sandbox) -> None:
    posthog.us.fail("short_body")
    with pytest.raises(ConnectionFailed):
        transport_to(posthog.us.url, seconds=5).get(posthog.us.url + PATH)


def test_a_closed_port_is_a_connection_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConnectionFailed):
            transport_to(origin, seconds=5).get(f"{origin}/")


def test_a_proxy_of_the_environment_is_not_used(
    posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", posthog.eu.url)
    monkeypatch.setenv("http_proxy", posthog.eu.url)
    assert transport_to(posthog.us.url).get(posthog.us.url + PATH).status == 200
    assert not posthog.eu.requests


def test_a_netrc_file_does_not_replace_the_key(
    posthog: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(netrc))
    transport_to(posthog.us.url).get(posthog.us.url + PATH)
    assert posthog.us.requests[0].key_label == "full"


def test_there_are_as_many_tries_as_spare_requests(posthog: Sandbox) -> None:
    posthog.us.fail("503")
    transport = transport_to(posthog.us.url, seconds=5)
    transport.spare_requests = 1
    assert transport.get(posthog.us.url + PATH).status == 503
    assert transport.get(posthog.us.url + PATH).status == 503
    assert len(posthog.us.requests) == 3


class TestTLS:
    def test_a_trusted_origin_with_a_private_authority_works(
        self, tls: Callable[[str], tuple[Sandbox, str]]
    ) -> None:
        posthog, bundle = tls("127.0.0.1")
        transport = transport_to(posthog.us.url, seconds=5, ca_bundle=bundle)
        assert transport.get(posthog.us.url + PATH).status == 200

    def test_a_certificate_of_another_name_is_refused(
        self, tls: Callable[[str], tuple[Sandbox, str]]
    ) -> None:
        posthog, bundle = tls("127.0.0.2")
        with pytest.raises(TLSFailed):
            transport_to(posthog.us.url, seconds=5, ca_bundle=bundle).get(posthog.us.url + PATH)
        assert not posthog.us.requests

    def test_the_private_authority_vouches_for_trusted_origins_alone(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        asked: list[object] = []

        def send(_: HTTPAdapter, request: object, **kwargs: Any) -> None:
            asked.append(kwargs["verify"])
            raise requests.ConnectionError

        monkeypatch.setattr(HTTPAdapter, "send", send)
        transport = transport_to("https://a.internal", seconds=5, ca_bundle="bundle.pem")
        transport.spare_requests = 0
        for origin in ("https://a.internal", "https://b.example"):
            with pytest.raises(ConnectionFailed):
                transport.get(f"{origin}/")
        assert asked == ["bundle.pem", True]

    def test_an_unknown_authority_is_refused(
        self, tls: Callable[[str], tuple[Sandbox, str]]
    ) -> None:
        posthog, _ = tls("127.0.0.1")
        with pytest.raises(TLSFailed):
            transport_to(posthog.us.url, seconds=5).get(posthog.us.url + PATH)
        assert not posthog.us.requests


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Callable[[str], tuple[Sandbox, str]]]:
    """A stand-in PostHog behind https, with a fresh certificate for an address."""
    running: list[Sandbox] = []

    def start(address: str) -> tuple[Sandbox, str]:
        certificate = _certificate_for(address, tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        sandbox = Sandbox(ssl_context=context)
        sandbox.start()
        running.append(sandbox)
        return sandbox, str(certificate)

    yield start
    for sandbox in running:
        sandbox.stop()


def _certificate_for(address: str, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_nothing_of_it_shows_the_key(posthog: Sandbox) -> None:
    transport = transport_to(posthog.us.url)
    reply = transport.get(posthog.us.url + PATH)
    assert KEYS.full.value not in repr(transport) + repr(reply)
    posthog.us.fail("drop")
    with pytest.raises(PostHogIntegrationError) as failure:
        transport_to(posthog.us.url, seconds=3).get(posthog.us.url + PATH)
    assert KEYS.full.value not in repr(failure.value) + str(failure.value.__cause__)
