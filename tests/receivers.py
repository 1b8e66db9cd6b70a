"""Receivers of webhooks on real sockets, which check the signature as any receiver does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from standardwebhooks import Webhook

LOOPBACK = "127.0.0.1"


class Receiver:
    """Takes messages that are signed with its secret, and answers as it is told to.

    Attributes:
        url: where it is; it stays the same when it is killed and comes back.
        messages: what has arrived with a good signature, as JSON, in this order.
        ids: of all requests, whatever they were.
    """

    def __init__(self, *, secret: str = "") -> None:
        self.secret = secret
        self.messages: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.status = 200
        self.location = ""
        self.seconds = 0.0
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    def answer(self, status: int, *, seconds: float = 0.0, location: str = "") -> None:
        """From now on answer like this, after so many seconds."""
        self.status, self.seconds, self.location = status, seconds, location

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._server = _Server((LOOPBACK, self._port), _handler_of(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self) -> None:
        """Refuse all connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Nothing: who sends may have hung up."""


def _handler_of(receiver: Receiver) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.ids.append(self.headers["webhook-id"])
            if receiver.secret:
                verified = Webhook(receiver.secret).verify(body, dict(self.headers))
                receiver.messages.append(verified)
            status, location = receiver.status, receiver.location
            time.sleep(receiver.seconds)
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
