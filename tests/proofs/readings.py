"""What a sync was told, and when: noted while it works, to be compared with what it stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import pytest

from integrations_posthog.client.transport import Transport
from integrations_posthog.client.usage import PostHogUsageClient
from integrations_posthog.models import UsageSource
from integrations_posthog.sandbox import ProjectData
from integrations_posthog.services.sync import ledger, staging
from integrations_posthog.services.sync.batches import BatchReader
from integrations_posthog.services.sync.context import RunContext


class Killed(BaseException):
    """The worker's process is no more."""


@dataclass(kw_only=True)
class Fate:
    """When the worker dies: at the so-many-th moment that it is tempted at; never, if None."""

    left: int | None = None

    def tempt(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                raise Killed


class Reading(NamedTuple):
    """When something was read: between which versions of the data, and up to which horizon."""

    first: int
    last: int
    horizon: datetime


class Counted(NamedTuple):
    """When a day was counted."""

    version: int
    horizon: datetime


@dataclass(kw_only=True)
class Readings:
    """Of one source: the last reading of each day, and of the last 28 days; and the first and the
    last counting of each day."""

    source_id: int = 0
    days: dict[date, Reading] = field(default_factory=dict)
    recent: tuple[Reading, date] | None = None
    counted: dict[date, Counted] = field(default_factory=dict)
    first_counted: dict[date, Counted] = field(default_factory=dict)

    def begin_anew_with(self, source_id: int) -> None:
        """Forget what was read for a source that has been replaced."""
        if self.source_id != source_id:
            self.source_id, self.recent = source_id, None
            for known in (self.days, self.counted, self.first_counted):
                known.clear()


def noted_readings(data: ProjectData, fate: Fate, monkeypatch: pytest.MonkeyPatch) -> Readings:
    """Note at which versions of the data days are counted and read; and die when it is time."""
    readings = Readings()
    _note_counts(data, readings, monkeypatch)
    _note_batches(data, readings, fate, monkeypatch)
    _tempt(Transport, "post", fate, monkeypatch, before=True)
    _tempt(Transport, "post", fate, monkeypatch)
    _tempt(staging, "load", fate, monkeypatch)
    _tempt(RunContext, "_note_progress", fate, monkeypatch)
    return readings


def _note_counts(data: ProjectData, readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    day_counts, plan = PostHogUsageClient.day_counts, ledger.plan
    told: dict[date, Counted] = {}

    def noted_counts(self: Any, *, first: date, last: date, horizon: datetime) -> Any:
        found = day_counts(self, first=first, last=last, horizon=horizon)
        counted = Counted(data.version, horizon)
        told.update(dict.fromkeys(ledger.days_between(first, last), counted))
        return found

    def noted_plan(source: UsageSource, **facts: Any) -> None:
        plan(source, **facts)
        readings.begin_anew_with(source.pk)
        readings.counted |= told
        readings.first_counted = told | readings.first_counted
        told.clear()

    monkeypatch.setattr(PostHogUsageClient, "day_counts", noted_counts)
    monkeypatch.setattr(ledger, "plan", noted_plan)


def _note_batches(
    data: ProjectData, readings: Readings, fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, store = BatchReader.read, ledger.store
    versions = [0, 0]

    def noted_read(*args: Any, **kwargs: Any) -> Any:
        versions[0] = data.version
        tally = read(*args, **kwargs)
        versions[1] = data.version
        return tally

    def noted_store(source: UsageSource, **kwargs: Any) -> None:
        batch, proof = kwargs["batch"], kwargs["proof"]
        store(source, **kwargs)
        fate.tempt()  # Before the commit, so that nothing of it is stored.
        reading = Reading(versions[0], versions[1], batch.horizon)
        readings.days |= {row.day: reading for row in proof.proven}
        if proof.last_28_days:
            readings.recent = (reading, batch.last_day)

    monkeypatch.setattr(BatchReader, "read", noted_read)
    monkeypatch.setattr(ledger, "store", noted_store)


def _tempt(
    place: Any, name: str, fate: Fate, monkeypatch: pytest.MonkeyPatch, *, before: bool = False
) -> None:
    """Let the worker die before a function of its, or after it."""
    original: Callable[..., Any] = getattr(place, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if before:
            fate.tempt()
        result = original(*args, **kwargs)
        if not before:
            fate.tempt()
        return result

    monkeypatch.setattr(place, name, deadly)
