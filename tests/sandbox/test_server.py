"""The stand-in as a server: connections, TLS, ports, and a prompt end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations_posthog.sandbox import KEYS, Sandbox, first_free_port

from .conftest import Caller

PROMPTLY = 3.0


def test_a_connection_is_kept_over_several_requests(posthog: Sandbox) -> None:
    with closing(HTTPConnection(posthog.us.url.removeprefix("http://"), timeout=30)) as client:
        used = set()
        for _ in range(3):
            client.request("GET", "/api/projects/")
            used.add(client.sock)
            assert b"not_authenticated" in client.getresponse().read()
        assert len(used) == 1


class TestTls:
    def test_a_certificate_that_fits_is_served(self, tmp_path: Path) -> None:
        with Sandbox(ssl_context=_context(tmp_path, address="127.0.0.1")) as sandbox:
            assert sandbox.us.url.startswith("https://127.0.0.1:")
            response = requests.get(
                f"{sandbox.us.url}/api/projects/",
                headers={"Authorization": f"Bearer {KEYS.full.value}"},
                verify=str(tmp_path / "certificate.pem"),
                timeout=30,
            )
            assert response.status_code == 200

    @pytest.mark.parametrize("trusted", [True, False])
    def test_one_that_does_not_is_refused_by_the_client(
        self, tmp_path: Path, trusted: bool
    ) -> None:
        address = "127.0.0.9" if trusted else "127.0.0.1"
        with Sandbox(ssl_context=_context(tmp_path, address=address)) as sandbox:
            verify = str(tmp_path / "certificate.pem") if trusted else True
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(f"{sandbox.us.url}/api/projects/", verify=verify, timeout=30)
            assert sandbox.us.requests == []


def _context(folder: Path, *, address: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


class TestStopping:
    @pytest.mark.parametrize("name", ["never", "trickle", "trickle_head", "slow", "huge"])
    def test_whatever_waits_ends_promptly(self, name: str) -> None:
        before = threading.active_count()
        sandbox = Sandbox()
        sandbox.start()
        sandbox.us.fail(name, seconds=60)
        host, port = sandbox.us.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(b"GET /api/projects/ HTTP/1.1\r\nHost: x\r\n\r\n")
            _until(lambda: bool(sandbox.us.requests))
            began = time.monotonic()
            sandbox.stop()
            _until(lambda: threading.active_count() <= before)
            assert time.monotonic() - began < PROMPTLY

    def test_no_query_is_at_work_any_more_when_it_has_stopped(self) -> None:
        """One that is when the process ends would have it abort."""
        before = threading.active_count()
        sandbox = Sandbox()
        sandbox.start()
        numbers = (
            "SELECT arrayJoin(range(30000)) + 30000 * arrayJoin(range(30000)) AS n FROM events"
        )
        endless = f"SELECT max(toString(n)) FROM ({numbers}) LIMIT 1"
        asking = threading.Thread(target=_ask_in_vain, args=(sandbox, endless))
        asking.start()
        _until(lambda: bool(sandbox.us.requests))
        time.sleep(0.5)
        began = time.monotonic()
        sandbox.stop()
        asking.join()
        assert threading.active_count() <= before
        assert time.monotonic() - began < PROMPTLY

    def test_a_kept_connection_is_closed(self) -> None:
        with Sandbox() as sandbox:
            caller = Caller(sandbox.us)
            caller.get("/api/projects/")
            stopped = sandbox.us.url
        with caller.session, pytest.raises(requests.exceptions.ConnectionError):
            caller.session.get(f"{stopped}/api/projects/", timeout=30)

    def test_it_can_be_started_again(self) -> None:
        sandbox = Sandbox()
        for _ in range(2):
            with sandbox:
                assert requests.get(f"{sandbox.us.url}/api/x/", timeout=30).status_code == 404


def _ask_in_vain(sandbox: Sandbox, query: str) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        Caller(sandbox.us).query(query)


def _until(done: object) -> None:
    deadline = time.monotonic() + 30
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestPorts:
    def test_a_port_that_is_taken_is_an_error_and_frees_the_other(self) -> None:
        us_port = first_free_port(18_010)
        with socket.create_server(("127.0.0.1", 0)) as other:
            sandbox = Sandbox(us_port=us_port, eu_port=other.getsockname()[1])
            with pytest.raises(OSError, match="in use"):
                sandbox.start()
        assert first_free_port(us_port) == us_port

    def test_the_next_free_port_skips_those_in_use_and_those_promised(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            following = first_free_port(port)
            assert following > port
            assert first_free_port(port, taken=frozenset((following,))) > following

    def test_a_url_is_known_only_while_it_runs(self) -> None:
        with pytest.raises(RuntimeError, match="not started"):
            Sandbox().us.url  # noqa: B018
