"""How far a sync has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

from django.core.management.base import OutputWrapper
from tqdm import tqdm

from ..models import SyncRun

_SECONDS_BETWEEN_LINES = 5.0


class Report(Protocol):
    def __call__(self, run: SyncRun) -> None: ...


@contextmanager
def progress(stdout: OutputWrapper) -> Iterator[Report]:
    """Something to call with a run whenever it has come further."""
    if not stdout.isatty():
        yield _Lines(stdout)
        return
    bar: tqdm[NoReturn] = tqdm(unit=" days", dynamic_ncols=True)
    with bar:
        yield _Bar(bar)


class _Bar:
    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar
        self._start = time.monotonic()

    def __call__(self, run: SyncRun) -> None:
        took = max(time.monotonic() - self._start, 0.001)
        self._bar.total = run.days_total
        self._bar.n = run.days_done
        self._bar.set_postfix_str(f"{run.events:,} events, {run.events / took:,.0f} a second")


class _Lines:
    def __init__(self, stdout: OutputWrapper) -> None:
        self._stdout = stdout
        self._said_at = -_SECONDS_BETWEEN_LINES

    def __call__(self, run: SyncRun) -> None:
        if time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            self._stdout.write(so_far(run))


def so_far(run: SyncRun) -> str:
    """What a run has done, in one line."""
    requests = f"{run.requests} request{'' if run.requests == 1 else 's'}"
    return (
        f"{run.days_done} of {run.days_total} days, {run.events:,} events, "
        f"{requests}, {run.bytes_read / 1e6:.1f} MB"
    )
