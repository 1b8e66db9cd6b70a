"""The stand-in on the network: one HTTP server a region, on the loopback interface."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread, current_thread
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from .answers import Request
from .control import PREFIX, control
from .keys import RegionName
from .region import RegionStandIn
from .tenants import real_time
from .versions import LegacyName
from .wire import HangUpError, Wire
from .worlds import World

LOOPBACK = "127.0.0.1"


class Sandbox:
    """A stand-in for PostHog Cloud: the regions ``us`` and ``eu``, each with its own port.

    Port 0 takes any free one. ``legacy`` makes both regions instances of that age. With an
    ``ssl_context`` they speak https. ``world`` is what project 12345 of Acme Corp, in the region
    us, is filled with; ``clock`` gives the time, with a time zone. Use it in a ``with``
    statement, or call start and stop.
    """

    def __init__(
        self,
        *,
        us_port: int = 0,
        eu_port: int = 0,
        legacy: LegacyName | None = None,
        ssl_context: ssl.SSLContext | None = None,
        world: World | None = None,
        clock: Callable[[], datetime] = real_time,
    ) -> None:
        def region(name: RegionName, port: int) -> RegionServer:
            return RegionServer(
                name=name,
                port=port,
                legacy=legacy,
                ssl_context=ssl_context,
                world=world,
                clock=clock,
            )

        self.us, self.eu = region("us", us_port), region("eu", eu_port)

    def start(self) -> None:
        """Listen on both ports.

        Raises:
            OSError: a port is taken; then none is listened on.
        """
        self.us.start()
        try:
            self.eu.start()
        except OSError:
            self.us.stop()
            raise

    def stop(self) -> None:
        """Close both servers and every connection; whatever waits or is at work in them ends."""
        self.us.stop()
        self.eu.stop()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class RegionServer(RegionStandIn):
    """One region, listening. ``url`` is its origin, without a trailing slash."""

    def __init__(
        self,
        *,
        name: RegionName,
        port: int,
        legacy: LegacyName | None,
        ssl_context: ssl.SSLContext | None,
        world: World | None,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(name=name, legacy=legacy, world=world, clock=clock)
        self._port = port
        self._ssl_context = ssl_context
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the stand-in is not started")
        scheme = "https" if self._ssl_context else "http"
        return f"{scheme}://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self) -> None:
        self._server = _Server(port=self._port, region=self, ssl_context=self._ssl_context)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more; returns when the last answer was given up.

        A query that is still running when the process ends would have the process abort.
        """
        if self._server is not None:
            at_work = self._server.stop()
            while at_work:
                self.interrupt()
                at_work[0].join(timeout=0.05)
                at_work = [thread for thread in at_work if thread.is_alive()]
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, *, port: int, region: RegionServer, ssl_context: ssl.SSLContext | None
    ) -> None:
        self.region = region
        self.stopping = Event()
        self._ssl_context = ssl_context
        self._connections: dict[socket.socket, Thread] = {}
        self._lock = Lock()
        super().__init__((LOOPBACK, port), _Handler)

    def stop(self) -> list[Thread]:
        """Close everything, and tell which threads are still at work on an answer."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return [thread for thread in connections.values() if thread is not current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless it was interrupted."""
        if not self.stopping.is_set():
            super().handle_error(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread; the TLS handshake is part of it."""
        connection = request
        if self._ssl_context:
            connection = self._ssl_context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
        with self._lock:
            self._connections[connection] = current_thread()
        if self.stopping.is_set():
            connection.close()
            return
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            super().finish_request(connection, client_address)
        except OSError:
            # The other side left, or did not trust the certificate: its business.
            return
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without this, an answer on a kept connection waits some 40 ms for a delayed ACK.
    disable_nagle_algorithm: ClassVar[bool] = True
    server: _Server

    def _serve(self) -> None:
        split = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=split.path,
            origin=self.server.region.url,
            query=dict(parse_qsl(split.query)),
            authorization=self.headers.get("Authorization"),
            body=self.rfile.read(length),
        )
        wire = Wire(write=self.wfile.write, started=_ignore, stopping=self.server.stopping)
        try:
            if request.path.startswith(PREFIX):
                wire.send(control(standin=self.server.region, request=request))
            else:
                self.server.region.serve(request=request, target=self.path, wire=wire)
        except HangUpError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (http.server's names)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the log is ``RegionStandIn.requests``."""


def _ignore(status: int) -> None:
    """A control request is not logged."""


def first_free_port(start: int, *, taken: frozenset[int] = frozenset()) -> int:
    """The first port from ``start`` upwards that can be listened on and is not in ``taken``.

    Raises:
        OSError: there is none among the next hundred.
    """
    for port in range(start, min(start + 100, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((LOOPBACK, port))
                if port not in taken:
                    return port
    raise OSError(f"no free port from {start} upwards")
