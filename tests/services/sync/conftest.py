"""Acme's syncs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from beton.models import Workspace
from integrations_posthog.sandbox import Sandbox
from tests.syncs import Syncs, posthog_at_noon, syncs_of


@pytest.fixture(scope="session")
def _running_posthog() -> Iterator[Sandbox]:
    with posthog_at_noon() as sandbox:
        yield sandbox


@pytest.fixture
def syncs(acme: Workspace, posthog: Sandbox) -> Syncs:
    """Acme's, connected and never synced."""
    return syncs_of(acme)


@pytest.fixture
def undisturbed(globex: Workspace, syncs: Syncs) -> Syncs:
    """Globex's, of the same project, at the same time."""
    return syncs_of(globex)
