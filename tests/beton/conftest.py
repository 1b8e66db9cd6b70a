"""A cache that is down."""

from __future__ import annotations

import pytest
from pytest_django import Settings


@pytest.fixture
def dead_cache(settings: Settings) -> None:
    """The cache is a Redis on a port where nobody listens."""
    settings.CACHES = {"default": settings.REDIS | {"LOCATION": "redis://127.0.0.1:1/0"}}
