"""A stand-in for PostHog, for demonstrations and tests.

It answers the part of PostHog's API that this app uses as PostHog does, refusals included, and
fails on demand. ``Sandbox`` runs it; ``KEYS`` are the keys that it knows.
"""

from .data import Event, ProjectData
from .faults import FAULTS, Fault
from .keys import KEYS, Key
from .log import RecordedRequest
from .server import RegionServer, Sandbox, first_free_port
from .worlds import BenchmarkWorld, PlantedWorld, ProductWorld, RandomWorld, SmallWorld, World

__all__ = [
    "FAULTS",
    "KEYS",
    "BenchmarkWorld",
    "Event",
    "Fault",
    "Key",
    "PlantedWorld",
    "ProductWorld",
    "ProjectData",
    "RandomWorld",
    "RecordedRequest",
    "RegionServer",
    "Sandbox",
    "SmallWorld",
    "World",
    "first_free_port",
]
