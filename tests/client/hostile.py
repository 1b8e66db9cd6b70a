"""A server that sends whatever bytes it is told to, for what no honest server does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(kw_only=True)
class HostileServer:
    """Where it is, and how many bytes went which way so far."""

    origin: str
    received: int = 0
    sent: int = 0


@contextmanager
def hostile_server(*pieces: bytes, pause: float = 0.0, repeat: int = 1) -> Iterator[HostileServer]:
    """Answers each connection with these pieces, the last one ``repeat`` times.

    Args:
        pieces: sent one after another.
        pause: seconds after each piece.
        repeat: how often the last piece is sent.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = HostileServer(origin=f"http://127.0.0.1:{listener.getsockname()[1]}")
    stopping = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            server.received += len(connection.recv(65_536))
            for piece in [*pieces[:-1], *[pieces[-1]] * repeat]:
                if stopping.is_set():
                    return
                connection.sendall(piece)
                server.sent += len(piece)
                time.sleep(pause)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
