"""Workers that are killed: forked from the warm process of the tests, on either side of a point."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from typing import Any

from django.db import connections

Point = tuple[Any, str, bool]
"""Where a function is, its name, and whether the worker dies before it, or after."""


def fork(work: Callable[[], object]) -> int:
    """Do some work in a child of this process, which shares no connection with it."""
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # The stand-in's threads stay here.
        pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        connections.close_all()
        os._exit(0)


def killed(pid: int) -> bool:
    """Wait for a child's end: whether it was killed."""
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def die_at(point: Point, *, hit: int, then: Callable[[], object]) -> None:
    """Work until a point is reached for the so-many-th time, and die there."""
    place, name, dies_before = point
    original = getattr(place, name)
    left = [hit]

    def deadly(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if dies_before and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, deadly)  # In a child that ends soon.
    then()
