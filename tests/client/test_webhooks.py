"""One message to one receiver: signed, in time, and to nobody who must not be reached."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook, WebhookVerificationError

from integrations_posthog.client import webhooks
from integrations_posthog.client.adapters import Sockets
from integrations_posthog.client.hosts import Network
from integrations_posthog.client.transport import Transport
from integrations_posthog.client.webhooks import Attempt, new_secret, send
from tests.receivers import Receiver

from .hostile import hostile_server
from .test_guard import FORBIDDEN, PUBLIC, Names

SECRET = new_secret()
PAYLOAD = '{"type":"signal.fired","data":{"name":"Zoë & Söhne"}}'
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
UNREACHED = "The receiver could not be reached, or hung up"
LATE = "The receiver did not answer within 10 seconds"
FORBIDDEN_ADDRESS = "The address is not one of the public internet, or not https"


def send_to(url: str, *trusted: str, **changes: Any) -> Attempt:
    network = Network(cloud_regions=(), trusted_origins=frozenset(trusted))
    message = {"message_id": "msg_1", "payload": PAYLOAD, "secret": SECRET}
    return send(url=url, network=network, **{**message, "at": datetime.now(UTC), **changes})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(secret=SECRET) as receiver:
        yield receiver


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(webhooks, "SEND_SECONDS", 0.5)
    return 0.5


class TestSignature:
    def test_the_receiver_can_verify_what_arrives(self, receiver: Receiver) -> None:
        assert send_to(receiver.url, receiver.origin) == Attempt(status=200)
        assert receiver.messages == [json.loads(PAYLOAD)]
        assert receiver.ids == ["msg_1"]

    def test_the_time_is_that_of_the_attempt_in_whatever_zone_it_is_told(
        self, receiver: Receiver
    ) -> None:
        at = datetime.now(timezone(timedelta(hours=9)))
        assert send_to(receiver.url, receiver.origin, at=at).is_delivered
        assert len(receiver.messages) == 1

    def test_another_secret_does_not_fit(self, receiver: Receiver) -> None:
        receiver.secret = new_secret()
        send_to(receiver.url, receiver.origin)
        assert (receiver.ids, receiver.messages) == (["msg_1"], [])

    def test_the_headers_are_those_of_the_standard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: dict[str, Any] = {}

        def note(self: object, url: str, *, data: bytes, headers: dict[str, str]) -> int:
            sent.update(data=data, headers=headers)
            return 204

        monkeypatch.setattr(Transport, "post_for_status", note)
        at = datetime(2026, 11, 22, 12, 0, 7, 900_000, tzinfo=UTC)
        assert send_to("https://hooks.acme.com", at=at).is_delivered
        assert sent["data"] == PAYLOAD.encode()
        assert sent["headers"].pop("webhook-signature").startswith("v1,")
        assert sent["headers"] == {
            "Content-Type": "application/json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
        }

    def test_a_secret_is_as_the_standard_wants_it_and_no_two_are_alike(self) -> None:
        secrets = {new_secret() for _ in range(20)}
        assert len(secrets) == 20
        for secret in secrets:
            prefix, _, encoded = secret.partition("_")
            assert prefix == "whsec"
            assert 24 <= len(base64.b64decode(encoded, validate=True)) <= 64

    def test_the_tests_own_verification_is_one(self) -> None:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(PAYLOAD, {})


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_any_2xx_is_delivered(self, receiver: Receiver, status: int) -> None:
        receiver.answer(status)
        assert send_to(receiver.url, receiver.origin) == Attempt(status=status)

    @pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 429, 500, 502, 503])
    def test_all_else_has_failed(self, receiver: Receiver, status: int) -> None:
        receiver.answer(status)
        attempt = send_to(receiver.url, receiver.origin)
        assert attempt == Attempt(status=status, error=f"The receiver answered {status}")
        assert not attempt.is_delivered
        assert attempt.is_gone == (status == 410)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, receiver: Receiver, status: int) -> None:
        with Receiver() as elsewhere:
            receiver.answer(status, location=elsewhere.url)
            attempt = send_to(receiver.url, receiver.origin, elsewhere.origin)
            assert elsewhere.ids == []
        assert attempt.error == f"The receiver answered {status}; redirects are not followed"
        assert receiver.ids == ["msg_1"]

    def test_it_is_sent_once_whatever_the_answer(self, receiver: Receiver) -> None:
        receiver.answer(503)
        send_to(receiver.url, receiver.origin)
        assert receiver.ids == ["msg_1"]

    @pytest.mark.parametrize(
        ("pieces", "error"),
        [
            ((b"",), LATE),
            ((b"H",), LATE),
            ((b"nonsense\r\n\r\n",), UNREACHED),
        ],
        ids=["silent", "trickling", "nonsense"],
    )
    def test_without_a_status_it_has_failed_in_time(
        self, in_a_hurry: float, pieces: tuple[bytes, ...], error: str
    ) -> None:
        start = time.monotonic()
        with hostile_server(*pieces, pause=0.1, repeat=100) as server:
            assert send_to(server.origin, server.origin) == Attempt(error=error)
        assert time.monotonic() - start < in_a_hurry + 4

    @pytest.mark.usefixtures("in_a_hurry")
    def test_a_head_that_we_cut_off_is_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """To whoever reads it, it looks as if it had ended."""
        cut = Sockets.cut

        def cut_and_let_it_be_read(sockets: Sockets) -> None:
            cut(sockets)
            time.sleep(0.3)

        monkeypatch.setattr(Sockets, "cut", cut_and_let_it_be_read)
        with hostile_server(b"HTTP/1.1 200 OK\r\nX: ", b"y", pause=0.1, repeat=100) as server:
            assert send_to(server.origin, server.origin) == Attempt(error=LATE)

    def test_a_receiver_that_is_down_has_failed(self, receiver: Receiver) -> None:
        receiver.kill()
        assert send_to(receiver.url, receiver.origin) == Attempt(error=UNREACHED)

    def test_tls_that_cannot_be_trusted_has_failed(self) -> None:
        with hostile_server(b"HTTP/1.1 200 OK\r\n\r\n") as server:
            origin = server.origin.replace("http:", "https:")
            assert send_to(origin, origin).error.startswith("No secure connection")


class TestBodies:
    @pytest.mark.parametrize(
        ("head", "status"), [(OK, 200), (OK.replace(b"200 OK", b"500 Oops"), 500)]
    )
    def test_a_body_that_never_ends_changes_nothing_and_is_not_read(
        self, head: bytes, status: int
    ) -> None:
        with hostile_server(head, b"x" * 1_000_000, repeat=100) as server:
            assert send_to(server.origin, server.origin).status == status
            assert server.sent < 20_000_000  # The bound, and what the system buffers.

    def test_of_a_long_body_no_more_than_its_beginning_is_waited_for(self) -> None:
        start = time.monotonic()
        with hostile_server(OK, b"x" * 200_000, b"", pause=0.1, repeat=50) as server:
            assert send_to(server.origin, server.origin) == Attempt(status=200)
        assert time.monotonic() - start < 4

    def test_a_body_that_trickles_changes_nothing(self, in_a_hurry: float) -> None:
        start = time.monotonic()
        with hostile_server(OK, b"x", pause=0.1, repeat=100) as server:
            assert send_to(server.origin, server.origin) == Attempt(status=200)
        assert time.monotonic() - start < in_a_hurry + 4

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        ],
        ids=["cut", "chunks that are none", "gzip that is none"],
    )
    def test_a_body_that_makes_no_sense_changes_nothing(self, head: bytes) -> None:
        with hostile_server(head) as server:
            assert send_to(server.origin, server.origin) == Attempt(status=200)


class TestGuard:
    @pytest.mark.parametrize("address", FORBIDDEN)
    def test_no_address_inside_is_reached(
        self, address: str, names: Names, sockets_opened: list[str]
    ) -> None:
        host = f"[{address}]" if ":" in address else address
        names([address])
        for url in (f"https://{host}/hook", "https://hooks.acme.com/hook"):
            assert send_to(url) == Attempt(error=FORBIDDEN_ADDRESS)
        assert sockets_opened == []

    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.acme.com/",
            "https://hooks.acme.com:8443/",
            "https://user:word@hooks.acme.com/",
            "ftp://hooks.acme.com/",
            "https://127.1/",
            "hooks.acme.com",
            "",
        ],
    )
    def test_nothing_but_https_at_its_own_port_is_reached(
        self, url: str, names: Names, sockets_opened: list[str]
    ) -> None:
        names([PUBLIC])
        assert send_to(url) == Attempt(error=FORBIDDEN_ADDRESS)
        assert sockets_opened == []

    def test_an_origin_that_is_trusted_no_more_is_not_reached(self, receiver: Receiver) -> None:
        assert send_to(receiver.url) == Attempt(error=FORBIDDEN_ADDRESS)
        assert receiver.ids == []

    def test_a_second_answer_of_the_name_server_is_judged_anew(
        self, names: Names, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def refuse(address: tuple[str, int], *_: object, **__: object) -> None:
            asked.append(address[0])
            raise OSError("no route to host")

        monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse)
        names([PUBLIC], ["127.0.0.1"])
        assert send_to("https://hooks.acme.com/") == Attempt(error=UNREACHED)
        assert send_to("https://hooks.acme.com/") == Attempt(error=FORBIDDEN_ADDRESS)
        assert asked == [PUBLIC]
