"""A worker may be killed anywhere: the next one finishes, nothing is lost and nothing is twice.

The workers that die are forked from this warm process. Each is killed at a named point, or at any
moment; then another one goes on with the run, and in the end the same is stored as by a worker
whom nobody disturbed. ``SOAK=1`` kills 1,000 of them.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from beton.models import Workspace
from integrations_posthog.client.transport import Transport
from integrations_posthog.models import StagedUsage, SyncRun
from integrations_posthog.sandbox import Sandbox
from integrations_posthog.services.sync import ledger, staging
from integrations_posthog.services.sync.context import RunContext
from tests.deaths import Point, die_at, fork, killed
from tests.syncs import NOON, Syncs, posthog_at_noon, stored, syncs_of

pytestmark = pytest.mark.django_db(transaction=True)

POINTS: dict[str, Point] = {
    "before the request": (Transport, "post", True),
    "after the request": (Transport, "post", False),
    "after the write": (staging, "load", False),
    "before the commit": (ledger, "store", False),
    "after the commit": (RunContext, "_note_progress", True),
}
RANDOM_DEATHS = {"postgresql": 40, "sqlite": 5}
SOAK_DEATHS = 1_000


@pytest.fixture(scope="module")
def _running_posthog() -> Iterator[Sandbox]:
    with posthog_at_noon() as sandbox:
        yield sandbox


@pytest.fixture
def syncs(acme: Workspace, posthog: Sandbox) -> Syncs:
    """Acme's, with a short history."""
    return syncs_of(acme).with_rules(first_days=30, history_days=30)


@pytest.fixture
def undisturbed(globex: Workspace, syncs: Syncs) -> dict[str, set[tuple[object, ...]]]:
    """What a worker stores whom nobody disturbs."""
    other = syncs_of(globex).with_rules(first_days=30, history_days=30)
    assert other.sync().state == "done"
    return stored(other.source)


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_the_next_worker_stores_the_same(
    point: str, hit: int, syncs: Syncs, undisturbed: dict[str, set[tuple[object, ...]]]
) -> None:
    run = syncs.start()
    pid = fork(lambda: die_at(POINTS[point], hit=hit, then=lambda: syncs.performer.perform(run.pk)))
    assert killed(pid), f"It did not come to {point} {hit} times"
    assert SyncRun.objects.get(pk=run.pk).finished_at is None
    finish(syncs, run)
    assert stored(syncs.source) == undisturbed


def test_killed_at_any_moment_the_next_worker_stores_the_same(
    syncs: Syncs, undisturbed: dict[str, set[tuple[object, ...]]]
) -> None:
    deaths = SOAK_DEATHS if os.environ.get("SOAK") else RANDOM_DEATHS[connection.vendor]
    moments = random.Random(20261124)
    usual = timed(syncs)
    died = 0
    for _ in range(deaths):
        syncs.source.delete()
        syncs.now = NOON  # Or, after hundreds of leases, it would be another day.
        run = syncs.start()
        died += dies_after(moments.uniform(0, usual), syncs, run)
        finish(syncs, run)
        assert stored(syncs.source) == undisturbed
    assert died > deaths / 2, "Most of them ended before they were killed"


def timed(syncs: Syncs) -> float:
    """How long a forked worker takes, in seconds."""
    run = syncs.start()
    start = time.monotonic()
    assert not killed(fork(lambda: syncs.performer.perform(run.pk)))
    return time.monotonic() - start


def dies_after(seconds: float, syncs: Syncs, run: SyncRun) -> bool:
    """Whether a worker died, and not ended before."""
    pid = fork(lambda: syncs.performer.perform(run.pk))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    return killed(pid)


def finish(syncs: Syncs, run: SyncRun) -> None:
    """Let another worker have the run, as soon as the dead one's lease has run out."""
    if SyncRun.objects.get(pk=run.pk).finished_at is None:
        if SyncRun.objects.get(pk=run.pk).lease_holder:
            assert syncs.performer.perform(run.pk) is None
        syncs.now += timedelta(seconds=syncs.rules.lease_seconds + 1)
        syncs.perform(run)
    assert SyncRun.objects.get(pk=run.pk).state == "done"
    assert not StagedUsage.objects.exists()
