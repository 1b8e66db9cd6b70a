"""What a history has to tell."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ..data.store import Store


class World(Protocol):
    """A history. ``group_types`` are in the order of their indexes, 0 to 4."""

    @property
    def timezone(self) -> str: ...

    @property
    def group_types(self) -> tuple[str, ...]: ...

    @property
    def has_events(self) -> bool: ...

    def load(self, store: Store, *, now: datetime) -> None:
        """Fill the store with what there is at a moment."""
