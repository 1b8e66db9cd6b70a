"""A stand-in for PostHog, for demonstrations and tests.

It answers the part of PostHog's API that this app uses as PostHog does, refusals included, and
fails on demand. ``Sandbox`` runs it; ``KEYS`` are the keys that it knows.
"""

from .faults import FAULTS, Fault
from .keys import KEYS, Key
from .log import RecordedRequest
from .server import RegionServer, Sandbox, first_free_port

__all__ = [
    "FAULTS",
    "KEYS",
    "Fault",
    "Key",
    "RecordedRequest",
    "RegionServer",
    "Sandbox",
    "first_free_port",
]
