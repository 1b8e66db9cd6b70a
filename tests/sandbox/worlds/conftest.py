"""Histories as a project's data."""

from __future__ import annotations

from datetime import datetime

from integrations_posthog.sandbox import ProjectData, World


def filled(world: World, *, now: datetime) -> ProjectData:
    return ProjectData(
        load=lambda store: world.load(store, now=now), zone=world.timezone, clock=lambda: now
    )
