"""The stand-in as a server: its log, its control path, TLS, ports, and a prompt end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations_posthog.sandbox import KEYS, RecordedRequest, Sandbox, first_free_port

from .conftest import Caller

PROMPTLY = 1.0


class TestLog:
    def test_it_tells_what_came_in_and_what_was_answered(
        self, posthog: Sandbox, us: Caller
    ) -> None:
        us.get("/api/projects/?limit=2")
        us.query("select 1", key=KEYS.no_query)
        body = {"query": {"kind": "HogQLQuery", "query": "select 1"}}
        assert posthog.us.requests == [
            RecordedRequest(
                method="GET",
                path="/api/projects/?limit=2",
                status=200,
                key_label="full",
                body=None,
            ),
            RecordedRequest(
                method="POST",
                path="/api/projects/12345/query/",
                status=403,
                key_label="no_query",
                body=body,
            ),
        ]

    def test_it_names_no_key_it_does_not_know(self, posthog: Sandbox, us: Caller) -> None:
        us.get("/api/projects/", key=None)
        us.get("/api/projects/", key=None, headers={"Authorization": "Bearer phx_somebody"})
        assert [seen.key_label for seen in posthog.us.requests] == [None, "unknown"]

    @pytest.mark.parametrize("value", [KEYS.full.value, "phx_somebody_elses_key"])
    def test_no_key_is_in_it_wherever_it_was_sent(
        self, posthog: Sandbox, us: Caller, value: str
    ) -> None:
        us.get("/api/projects/", key=None, headers={"Authorization": f"Bearer {value}"})
        us.get("/api/projects/", key=None, params={"personal_api_key": value})
        us.send("POST", "/api/projects/", key=None, json={"personal_api_key": value})
        assert len(posthog.us.requests) == 3
        assert value not in str(posthog.us.requests)

    def test_each_region_has_its_own(self, posthog: Sandbox, us: Caller) -> None:
        us.get("/api/projects/")
        assert posthog.eu.requests == []

    def test_it_keeps_the_last_thousand(self, posthog: Sandbox, us: Caller) -> None:
        for number in range(1003):
            us.get(f"/api/{number}/", key=None)
        assert len(posthog.us.requests) == 1000
        assert posthog.us.requests[-1].path == "/api/1002/"


class TestControlPath:
    def test_faults_are_ordered_listed_and_healed(self, us: Caller) -> None:
        order = {"fault": "429", "path": "/projects/", "times": 1, "retry_after": 5}
        added = us.send("POST", "/_sandbox/faults", key=None, json=order).json()["active"]
        assert [(fault["name"], fault["times"]) for fault in added] == [("429", 1)]
        listed = us.get("/_sandbox/faults", key=None).json()
        assert listed["active"] == added
        assert "trickle_head" in listed["there_are"]
        assert us.get("/api/projects/").headers["Retry-After"] == "5"
        us.send("POST", "/_sandbox/faults", key=None, json={"fault": "500"})
        assert us.send("DELETE", "/_sandbox/faults", key=None).json() == {"active": []}
        assert us.get("/api/projects/").status_code == 200

    @pytest.mark.parametrize(
        "order",
        [
            {},
            [],
            {"fault": "earthquake"},
            {"fault": "500", "often": 1},
            {"fault": "500", "path": "("},
        ],
    )
    def test_an_order_that_makes_no_sense_is_400(self, us: Caller, order: object) -> None:
        response = us.send("POST", "/_sandbox/faults", key=None, json=order)
        assert response.status_code == 400
        assert response.json()["error"]

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"revoke": "full"}, 401),
            ({"remove_scope": ["full", "project:read"]}, 403),
            ({"delete_project": 12345}, 404),
        ],
    )
    def test_changes_last_until_healed(
        self, us: Caller, change: dict[str, object], status: int
    ) -> None:
        us.send("POST", "/_sandbox/changes", key=None, json=change)
        assert us.get("/api/projects/12345/").status_code == status
        us.send("DELETE", "/_sandbox/faults", key=None)
        assert us.get("/api/projects/12345/").status_code == 200

    @pytest.mark.parametrize("change", [{}, {"revoke": "nobody"}, {"delete_project": "x"}])
    def test_a_change_that_makes_no_sense_is_400(self, us: Caller, change: object) -> None:
        response = us.send("POST", "/_sandbox/changes", key=None, json=change)
        assert response.status_code == 400

    def test_the_log_can_be_read_and_a_reset_empties_it(self, us: Caller) -> None:
        us.get("/api/projects/")
        (seen,) = us.get("/_sandbox/requests", key=None).json()
        assert (seen["path"], seen["key_label"]) == ("/api/projects/", "full")
        us.send("POST", "/_sandbox/reset", key=None)
        assert us.get("/_sandbox/requests", key=None).json() == []

    def test_an_unknown_control_says_which_there_are(self, us: Caller) -> None:
        response = us.get("/_sandbox/earthquakes", key=None)
        assert response.status_code == 404
        assert "POST /_sandbox/faults" in response.json()["there_are"]


def test_connections_are_kept_alive(us: Caller) -> None:
    sockets = set()
    for _ in range(3):
        with us.get("/api/projects/", stream=True) as response:
            connection = response.raw.connection or response.raw._original_response
            sockets.add(id(getattr(connection, "sock", connection)))
            assert response.json()["count"] == 1
        assert response.raw.version == 11
    pool = us.session.get_adapter(us.region.url).poolmanager.connection_from_url(us.region.url)
    assert pool.num_connections == 1


class TestTls:
    def test_a_certificate_that_fits_is_served(self, tmp_path: Path) -> None:
        with Sandbox(ssl_context=_context(tmp_path, address="127.0.0.1")) as sandbox:
            assert sandbox.us.url.startswith("https://127.0.0.1:")
            response = requests.get(
                f"{sandbox.us.url}/api/projects/",
                headers={"Authorization": f"Bearer {KEYS.full.value}"},
                verify=str(tmp_path / "certificate.pem"),
                timeout=5,
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
                requests.get(f"{sandbox.us.url}/api/projects/", verify=verify, timeout=5)
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

    def test_a_kept_connection_is_closed(self) -> None:
        with Sandbox() as sandbox:
            caller = Caller(sandbox.us)
            caller.get("/api/projects/")
            stopped = sandbox.us.url
        with caller.session, pytest.raises(requests.exceptions.ConnectionError):
            caller.session.get(f"{stopped}/api/projects/", timeout=5)

    def test_it_can_be_started_again(self) -> None:
        sandbox = Sandbox()
        for _ in range(2):
            with sandbox:
                assert requests.get(f"{sandbox.us.url}/api/x/", timeout=5).status_code == 404


def _until(done: object) -> None:
    deadline = time.monotonic() + 5
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
