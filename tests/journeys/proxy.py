"""A TCP proxy that can be made to fail, in front of a server that others use too."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


class Proxy:
    """Passes on what it gets to the Redis at ``target``, until it is told otherwise.

    ``url`` is the target's, with the proxy's address in it.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or LOOPBACK, parts.port or 6379)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._connections: list[socket.socket] = []
        self._silent = Event()
        login, at, _ = parts.netloc.rpartition("@")
        address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.url = parts._replace(netloc=f"{login}{at}{address}").geturl()

    def __enter__(self) -> Proxy:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.die()

    def fall_silent(self) -> None:
        """From now on accept everything and answer nothing."""
        self._silent.set()

    def die(self) -> None:
        """Close all connections, and refuse new ones."""
        for open_socket in (self._listener, *self._connections):
            with suppress(OSError):  # Closed by the other side already.
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # That is how the listener's end is heard of.
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._connections += [client, server]
                Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                Thread(target=self._pass_on, args=(server, client), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not self._silent.is_set():
                    sink.sendall(data)
