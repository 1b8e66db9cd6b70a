"""Support staff's view: who is connected, what went wrong, since when. Never a key."""

from .connections import ConnectionAdmin
from .history import ConnectionEventAdmin

__all__ = ["ConnectionAdmin", "ConnectionEventAdmin"]
