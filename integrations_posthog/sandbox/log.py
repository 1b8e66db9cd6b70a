"""What came in, without the keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any

from .access import find_key
from .answers import Request
from .keys import BY_VALUE

LOG_LENGTH = 1000
UNKNOWN_KEY = "unknown"


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """A request that came in, without its key.

    ``path`` is with the query string; ``status`` is None as long as there is no answer;
    ``key_label`` is None for a request without a key and ``unknown`` for one that is not ours;
    ``body`` is the JSON that was sent, or the text where it is not JSON; ``version`` is of the
    project's data that a query was answered from.
    """

    method: str
    path: str
    status: int | None
    key_label: str | None
    body: Any
    version: int | None = None


class RequestLog:
    """The last thousand requests. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: dict[int, RecordedRequest] = {}
        self._numbers = count()
        self._lock = Lock()

    @property
    def entries(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._entries.values())

    def add(self, *, request: Request, target: str) -> int:
        """Note a request that is not answered yet, and return its number."""
        entry = _recorded(request, target)
        with self._lock:
            number = next(self._numbers)
            self._entries[number] = entry
            self._entries.pop(number - LOG_LENGTH, None)
        return number

    def set_status(self, number: int, status: int) -> None:
        self._change(number, status=status)

    def set_version(self, number: int, version: int | None) -> None:
        self._change(number, version=version)

    def _change(self, number: int, **facts: int | None) -> None:
        with self._lock:
            if number in self._entries:
                self._entries[number] = replace(self._entries[number], **facts)  # type: ignore[arg-type]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def _recorded(request: Request, target: str) -> RecordedRequest:
    value, _ = find_key(request) or (None, None)
    label = None
    if value is not None:
        label = BY_VALUE[value].label if value in BY_VALUE else UNKNOWN_KEY
    return RecordedRequest(
        method=request.method,
        path=_without(value, target),
        status=None,
        key_label=label,
        body=_parsed(_without(value, request.body.decode("utf-8", "replace"))),
    )


def _without(key: str | None, text: str) -> str:
    return text.replace(key, "[key]") if key else text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
