"""Answers as bytes on a connection, whole or with trouble on the way."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import repeat
from threading import Event

from .answers import Answer
from .faults import Struck

HUGE = 100 * 1024 * 1024
CHUNK = b"x" * 65_536


class HangUpError(Exception):
    """The connection ends here, whatever the other side still waits for."""


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A connection to write to. ``stopping`` is set when the server ends, which ends all waits.

    ``started`` is told the status of an answer before its first byte goes out.
    """

    write: Callable[[bytes], object]
    started: Callable[[int], None]
    stopping: Event = field(default_factory=Event)

    def send(self, answer: Answer) -> None:
        content = answer.content()
        self.start(answer)
        self.write(head(answer, length=len(content)) + content)

    def start(self, answer: Answer) -> None:
        self.started(answer.status)

    def pause(self, seconds: float | None = None) -> None:
        """Wait; without ``seconds`` until the server stops.

        Raises:
            HangUpError: the server stops.
        """
        if self.stopping.wait(seconds):
            raise HangUpError

    def trickle(self, content: bytes, *, seconds: float) -> None:
        for byte in content:
            self.write(bytes((byte,)))
            self.pause(seconds)


def head(answer: Answer, *, length: int, encoding: str | None = None) -> bytes:
    """The status line and the headers."""
    known = {status.value: status.phrase for status in HTTPStatus}
    headers = {"Content-Type": answer.content_type, "Content-Length": str(length), **answer.headers}
    if encoding:
        headers["Content-Encoding"] = encoding
    lines = [f"HTTP/1.1 {answer.status} {known.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _truncated(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    half = answer.content()[: len(answer.content()) // 2]
    wire.start(answer)
    wire.write(head(answer, length=len(half)) + half)


def _short_body(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    content = answer.content()
    wire.start(answer)
    wire.write(head(answer, length=len(content)) + content[: len(content) // 2])
    raise HangUpError


def _huge(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    wire.start(answer)
    wire.write(head(answer, length=sum(map(len, _padded(answer)))))
    for part in _padded(answer):
        wire.write(part)


def _huge_gzip(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(map(packer.compress, _padded(answer))) + packer.flush()
    wire.start(answer)
    wire.write(head(answer, length=len(packed), encoding="gzip") + packed)


def _padded(answer: Answer) -> Iterator[bytes]:
    """The real answer with one more field of 100 MB, in parts."""
    yield answer.content()[:-1] + b',"padding":"'
    yield from repeat(CHUNK, HUGE // len(CHUNK))
    yield b'"}'


def _trickle(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    wire.start(answer)
    wire.write(head(answer, length=len(answer.content())))
    wire.trickle(answer.content(), seconds=struck.fault.seconds)


def _trickle_head(wire: Wire, struck: Struck) -> None:
    answer = struck.real_answer()
    content = answer.content()
    wire.start(answer)
    wire.trickle(head(answer, length=len(content)) + content, seconds=struck.fault.seconds)


def _never(wire: Wire, struck: Struck) -> None:
    wire.pause()


def _drop(wire: Wire, struck: Struck) -> None:
    raise HangUpError


def _slow(wire: Wire, struck: Struck) -> None:
    wire.pause(struck.fault.seconds)
    wire.send(struck.real_answer())


TROUBLE: dict[str, Callable[[Wire, Struck], None]] = {
    "truncated": _truncated,
    "short_body": _short_body,
    "huge": _huge,
    "huge_gzip": _huge_gzip,
    "trickle": _trickle,
    "trickle_head": _trickle_head,
    "never": _never,
    "drop": _drop,
    "slow": _slow,
}
