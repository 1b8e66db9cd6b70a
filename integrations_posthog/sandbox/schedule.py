"""What happens between two queries: a count of them, and what is due after so many."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class Schedule:
    """Counts the queries that come in. Safe to use from several threads.

    ``on_query`` is called before each query with its number, from 1.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew: no query yet, and nothing due."""
        with self._lock:
            self.on_query: Callable[[int], None] | None = None
            self._count = 0
            self._due: list[tuple[int, Callable[[], object]]] = []

    def after(self, queries: int, action: Callable[[], object]) -> None:
        """Do something once so many more queries have come in, before the next one."""
        with self._lock:
            self._due.append((self._count + queries, action))

    def next_query(self) -> None:
        """Do what is due before a query."""
        with self._lock:
            due = [action for after, action in self._due if after <= self._count]
            self._due = [each for each in self._due if each[0] > self._count]
            self._count += 1
            number, hook = self._count, self.on_query
        for action in due:
            action()
        if hook is not None:
            hook(number)
