"""A backtest finds the truth: its intervals hold it as often as they say.

Worlds are drawn by a generator that knows its own lift. Each is put into the tables, replayed and
held against the goal; then once more with the goals dealt out anew among the accounts, so that
nothing is left to be found. ``SOAK=1`` draws 1,000 worlds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

import pytest
from django.db import connection
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import (
    AccountEventDay,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageSource,
)
from integrations_posthog.pql.templates import proposals
from integrations_posthog.sandbox import PlantedWorld, Sandbox
from integrations_posthog.sandbox.worlds.planted import GOAL
from integrations_posthog.services.mapping import Mapping
from integrations_posthog.services.signals.backtest import Interval, run_backtest
from integrations_posthog.services.sync.runs import ensure_source, replace_source
from tests.connections import connect
from tests.syncs import RULES, Syncs, stored
from tests.worlds import forget_usage, store_world

pytestmark = pytest.mark.django_db(transaction=True)

SOAK = bool(os.environ.get("SOAK"))
WORLDS = 1_000 if SOAK else 200
SEEDS = range(connection.vendor == "postgresql", WORLDS, 2)
"""Every other world is put into SQLite, the others into PostgreSQL."""

COVERED = (0.93, 0.97) if SOAK else (0.90, 0.985)
MOST_FALSE_ALARMS = 0.07 if SOAK else 0.09

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
HORIZON_DAYS = 30
[MORE_PEOPLE] = [each for each in proposals([]) if each.template.slug == "more-people"]
FIRST = 13
"""The first day of a world as of which the rule can be judged: it looks back on two weeks."""


@dataclass(kw_only=True)
class Tally:
    covered: int = 0
    false_alarms: int = 0
    worlds: int = 0


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    """More people at work."""
    made = SignalDefinition.objects.create(workspace=acme)
    made.version = SignalDefinitionVersion.objects.create(
        definition=made,
        number=1,
        name=MORE_PEOPLE.template.name,
        rule=MORE_PEOPLE.rule,
        weight=40,
        cooldown_days=14,
        actor_name="alice",
    )
    made.save()
    return made


def lift_of(definition: SignalDefinition, source: UsageSource, *, seed: int) -> Interval | None:
    return run_backtest(
        definition, source=source, goal_event=GOAL, horizon_days=HORIZON_DAYS, seed=seed
    ).lift


def test_the_intervals_hold_the_truth_and_see_nothing_where_nothing_is(
    acme: Workspace, definition: SignalDefinition
) -> None:
    tally = Tally()
    for seed in SEEDS:
        world = PlantedWorld(seed=seed)
        truth = world.lift(horizon_days=HORIZON_DAYS, first=FIRST)
        source = store_world(acme, world, now=NOW, by_event=[GOAL])
        found = lift_of(definition, source, seed=seed)
        shuffle_goals(source, Random(f"goals {seed}"))
        chance = lift_of(definition, source, seed=seed)
        tally.worlds += 1
        tally.covered += found is not None and found.low <= truth <= found.high
        tally.false_alarms += chance is not None and not chance.low <= 1 <= chance.high
        forget_usage()
    print(f"{tally} on {connection.vendor}")  # noqa: T201  (shown by -s)
    assert COVERED[0] <= tally.covered / tally.worlds <= COVERED[1], tally
    assert tally.false_alarms / tally.worlds <= MOST_FALSE_ALARMS, tally


def shuffle_goals(source: UsageSource, chance: Random) -> None:
    """Deal the goals, with their days, out among all accounts."""
    rows = list(AccountEventDay.objects.filter(account__source=source, event__name=GOAL))
    ids = list(source.accounts.values_list("id", flat=True))
    AccountEventDay.objects.filter(account__source=source, event__name=GOAL).delete()
    for row, account_id in zip(rows, chance.sample(ids, len(rows)), strict=True):
        row.account_id = account_id
    AccountEventDay.objects.bulk_create(rows)


@pytest.fixture
def planted_posthog(settings: Settings) -> Iterator[Sandbox]:
    """A stand-in PostHog of a small world, at the time that the tests have."""
    with Sandbox(world=PlantedWorld(seed=7), clock=lambda: NOW) as posthog:
        regions = [posthog.us.url, posthog.eu.url]
        settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions
        yield posthog


def test_from_the_key_to_the_lift_it_is_the_same(
    acme: Workspace, globex: Workspace, definition: SignalDefinition, planted_posthog: Sandbox
) -> None:
    """What a sync stores of a world is what the tables of the proof hold, and so is its lift."""
    world = PlantedWorld(seed=7)
    rules = replace(RULES, first_days=world.days + 1, history_days=world.days + 1)
    syncs = Syncs(connection=connect(globex), now=NOW, waits=[], rules=rules)
    mapping = Mapping(strategy="group", value="0")
    source = ensure_source(syncs.connection, now=syncs.now)
    replace_source(source, now=syncs.now, strategy=mapping.strategy, value=mapping.value)
    assert syncs.sync().state == "done"

    direct = store_world(acme, world, now=NOW)
    synced, put = stored(syncs.source), stored(direct)
    assert synced["event days"] == put["event days"]
    # The sync also holds today, on which nothing has happened yet.
    assert {row for row in synced["days"] if row[1] != NOW.date()} == put["days"]

    found = lift_of(definition, syncs.source, seed=7)
    assert found is not None
    assert found == lift_of(definition, direct, seed=7)
    assert found.low <= world.lift(horizon_days=HORIZON_DAYS, first=FIRST) <= found.high
