"""Sockets as they are really opened, and names as they are really looked up."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_opened: list[str] | None = None


def _note_connect(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _opened is not None:
        _opened.append(str(args[1][0]))


sys.addaudithook(_note_connect)


@pytest.fixture
def sockets_opened() -> Iterator[list[str]]:
    """The addresses to which this process has tried to connect, whatever library did it."""
    global _opened
    _opened = []
    yield _opened
    _opened = None


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes every name lead to these addresses; one list for each look-up, the last one stays.

    Addresses that are written as numbers are read by the system, in all the spellings it knows.
    """
    real = socket.getaddrinfo

    def lead_to(*answers: list[str]) -> None:
        left = list(answers)

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return real(host, port, *args, **kwargs | {"flags": socket.AI_NUMERICHOST})
            except socket.gaierror:
                addresses = left.pop(0) if len(left) > 1 else left[0]
            return [info for address in addresses for info in real(address, port, *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return lead_to
