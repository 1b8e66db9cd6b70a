"""Faults on demand: which there are, and which of them strikes the next request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from .answers import Answer, Request

FAULTS = {
    "401": "the key is invalid",
    "402": "monthly API quota used up",
    "403_scope": "a scope is missing (scope)",
    "403_project": "the key is limited to other projects",
    "403_organization": "the key is limited to other organizations",
    "403_keys_disabled": "the organization does not allow personal keys",
    "404": "no such project",
    "429": "too many requests, with Retry-After (retry_after)",
    "429_concurrency": "too many queries at once, without Retry-After",
    "429_budget": "hourly read budget used up, with Retry-After (retry_after)",
    "500": "server error in JSON",
    "500_html": "server error as an HTML page",
    "502": "a proxy's HTML page",
    "503": "queries are too busy",
    "503_database": "PostHog's database is away, Retry-After: 1",
    "504": "the query hit the time limit",
    "512": "the query was estimated too slow",
    "513": "the query ran out of memory",
    "html": "status 200 and an HTML page",
    "truncated": "JSON cut in half under a Content-Length that fits",
    "short_body": "connection closed before the Content-Length is reached",
    "wrong_shape": "a JSON list in place of the object",
    "missing_fields": "a JSON object without the fields",
    "wrong_types": "the fields with values of other types",
    "huge": "100 MB of valid JSON, streamed",
    "huge_gzip": "100 MB of valid JSON as a small gzip",
    "trickle": "head at once, body byte by byte (seconds between)",
    "trickle_head": "everything byte by byte, status line first (seconds between)",
    "never": "accepts and does not answer",
    "drop": "closes the connection without an answer",
    "redirect": "302 (location)",
    "slow": "the right answer, late (seconds)",
}


OPTION_TYPES: dict[str, Any] = {
    "path": str,
    "times": int | None,
    "seconds": int | float,
    "retry_after": int,
    "scope": str | None,
    "location": str,
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An order to fail, by one of the names in ``FAULTS``.

    ``path``: a regular expression that is searched in the request's path, which always ends in a
    slash for it. ``times``: how many requests it strikes, None for every one until it is healed.
    ``seconds``: what a slow answer waits, and the pause between two bytes of a trickle.
    ``retry_after``: seconds. ``scope``: what ``403_scope`` says is missing, by default what the
    endpoint needs. ``location``: where ``redirect`` points.

    Raises:
        ValueError: an unknown name, a wrong type, or a path that is no regular expression.
    """

    name: str
    path: str = ""
    times: int | None = None
    seconds: float = 0.5
    retry_after: int = 59
    scope: str | None = None
    location: str = "/login"

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"no fault {self.name!r}; there are: {', '.join(FAULTS)}")
        for option, kinds in OPTION_TYPES.items():
            if not isinstance(getattr(self, option), kinds):
                raise ValueError(f"{option} is of the wrong type")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    def strikes(self, path: str) -> bool:
        return re.search(self.path, path.rstrip("/") + "/") is not None


@dataclass(frozen=True, kw_only=True)
class Struck:
    """A request that a fault strikes. ``real_answer`` is what it would have got."""

    fault: Fault
    request: Request
    required_scope: str
    real_answer: Callable[[], Answer]


class FaultBook:
    """The faults in force, oldest first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    @property
    def active(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, path: str) -> Fault | None:
        """The oldest fault that strikes a request to ``path``; it is used up by one."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.strikes(path):
                    self._use_up(index)
                    return fault
        return None

    def _use_up(self, index: int) -> None:
        fault = self._faults[index]
        if fault.times is not None and fault.times <= 1:
            del self._faults[index]
        elif fault.times is not None:
            self._faults[index] = replace(fault, times=fault.times - 1)
