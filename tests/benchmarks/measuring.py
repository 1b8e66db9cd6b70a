"""Time and memory of the process that asks, or of another one; needs no Django."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def time_spent_in(owner: type, name: str) -> Iterator[list[float]]:
    """Collects the seconds that each call of a method takes, in whatever thread."""
    spent: list[float] = []
    method: Callable[..., Any] = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            spent.append(time.perf_counter() - start)

    setattr(owner, name, timed)
    try:
        yield spent
    finally:
        setattr(owner, name, method)


def memory_of(pid: int, name: str) -> float:
    """A figure of the kernel's about a process, in MB.

    The peak is ``VmHWM``: ``ru_maxrss`` is at least that of the process that started this one.
    """
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6
