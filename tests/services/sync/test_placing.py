"""What was read goes straight into place, or by way of a table where it is too much to keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.db.models import Model

from beton.models import Workspace
from integrations_posthog.client.hogql import WINDOW_DAYS
from integrations_posthog.models import StagedUsage
from integrations_posthog.sandbox import Sandbox
from integrations_posthog.services.sync import batches, staging
from tests.syncs import Syncs, stored, syncs_of


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[type[Model]]:
    """The tables that rows were written into, one for each time."""
    tables: list[type[Model]] = []
    load = staging.load

    def noted(rows: Iterable[Any], *, into: type[Model] = StagedUsage) -> None:
        tables.append(into)
        load(rows, into=into)

    monkeypatch.setattr(staging, "load", noted)
    return tables


def test_as_many_accounts_as_can_be_kept_are_never_staged(
    syncs: Syncs, loaded: list[type[Model]]
) -> None:
    assert syncs.sync().state == "done"
    assert loaded
    assert StagedUsage not in loaded


@pytest.mark.parametrize("rows", [1, 50_000], ids=["many pages", "one page"])
def test_however_much_is_staged_the_same_is_stored(
    rows: int,
    syncs: Syncs,
    globex: Workspace,
    posthog: Sandbox,
    loaded: list[type[Model]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = syncs_of(globex)
    other.sync_history()
    del loaded[:]

    monkeypatch.setattr(batches, "ACCOUNTS_AT_A_TIME", 1)
    posthog.us.limit_queries(rows=rows)
    syncs.sync_history()
    assert StagedUsage in loaded
    assert len(set(loaded)) == 4
    assert stored(syncs.source) == stored(other.source)
    assert not StagedUsage.objects.exists()


def test_the_last_28_days_are_asked_for_once_a_run_with_the_last_of_them(
    syncs: Syncs, posthog: Sandbox
) -> None:
    syncs.sync()
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    values = [body["query"]["values"] for body in bodies if body["name"] == "beton: usage"]
    first_pages = [each for each in values if each["after"] is None]
    [at] = [number for number, each in enumerate(first_pages) if "last_day" in each]
    days_before = sum(len(each["days"]) for each in first_pages[:at])
    assert 0 < days_before < WINDOW_DAYS <= days_before + len(first_pages[at]["days"])
