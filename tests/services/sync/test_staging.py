"""Rows on their way: every database's loader stages the same, and only what is wanted moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

import pytest
from django.db import connection

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    StagedUsage,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.sync import staging
from integrations_posthog.services.sync.staging import EventNames, StagedRow
from tests.connections import store_connection

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
RUN, OTHER_RUN = 7, 8

Loader = Callable[[Iterable[StagedRow]], None]


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return UsageSource.objects.create(connection=store_connection(acme))


def loaders() -> list[Loader]:
    return [staging.load, staging.load_by_orm]


@pytest.mark.django_db
@pytest.mark.parametrize("load", loaders(), ids=["the database's", "the ORM's"])
def test_what_is_staged_is_what_was_given(load: Loader) -> None:
    rows = [
        StagedRow(RUN, 1, 2, MONDAY, 2**62, 4),
        StagedRow(RUN, 1, None, MONDAY, 3, 4, 5, 6),
        StagedRow(RUN, 1, 2, None, 0, 0),
    ]
    load(rows)
    columns = StagedRow._fields
    assert list(StagedUsage.objects.order_by("id").values_list(*columns)) == [
        tuple(r) for r in rows
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("load", loaders(), ids=["the database's", "the ORM's"])
def test_nothing_and_a_great_many_rows_are_staged(load: Loader) -> None:
    load([])
    assert not StagedUsage.objects.exists()
    load(StagedRow(RUN, number, None, MONDAY, 1, 1) for number in range(25_001))
    assert StagedUsage.objects.count() == 25_001


def test_postgresql_copies(db: None) -> None:
    uses_copy = staging.LOADERS.get(connection.vendor) is staging.load_by_copy
    assert uses_copy == (connection.vendor == "postgresql")


def test_only_the_days_wanted_are_placed_and_only_of_this_run(source: UsageSource) -> None:
    account = Account.objects.create(source=source, key="a", name="a")
    event = UsageEvent.objects.create(source=source, name="signup")
    for run in (RUN, OTHER_RUN):
        staging.load(
            [
                *(StagedRow(run, account.pk, event.pk, day, run, 1) for day in (MONDAY, TUESDAY)),
                *(StagedRow(run, account.pk, None, day, run, 1, 2, 3) for day in (MONDAY, TUESDAY)),
                StagedRow(run, account.pk, event.pk, None, run, 9),
            ]
        )
    staging.place(run_id=RUN, days=[MONDAY])
    staging.place_last_28_days(run_id=RUN)
    assert list(AccountEventDay.objects.values_list("day", "events")) == [(MONDAY, RUN)]
    assert list(AccountDay.objects.values_list("day", "events", "people_28d")) == [(MONDAY, RUN, 3)]
    assert list(AccountEvent.objects.values_list("events", "people")) == [(RUN, 9)]

    staging.clear(RUN)
    assert set(StagedUsage.objects.values_list("run_id", flat=True)) == {OTHER_RUN}


def test_accounts_are_made_once_and_found_again(source: UsageSource) -> None:
    keys = [f"k{number}" for number in range(1_201)] + ["ünïcødé 🚀", "x" * 200, " "]
    first = staging.account_ids(source, keys)
    assert staging.account_ids(source, keys) == first
    assert first.keys() == set(keys)
    assert Account.objects.count() == len(keys)


def test_accounts_and_events_of_another_source_are_others(
    source: UsageSource, globex: Workspace
) -> None:
    other = UsageSource.objects.create(connection=store_connection(globex))
    assert staging.account_ids(source, ["a"]) != staging.account_ids(other, ["a"])
    ours, theirs = EventNames(source), EventNames(other)
    for names in (ours, theirs):
        names.learn(["signup"])
    assert ours["signup"] != theirs["signup"]


@pytest.mark.parametrize("name", ["signup", "", "x" * 200, "ünïcødé 🚀"])
def test_a_usual_event_keeps_its_name(name: str) -> None:
    assert staging.storable_event_name(name) == name


def test_an_event_whose_name_no_column_holds_gets_one_of_its_own() -> None:
    names = ["a\0b", "ab", "x" * 201, "x" * 202, "a\ud800", "a?"]
    stored = [staging.storable_event_name(name) for name in names]
    assert len(set(stored)) == len(names)
    assert all(len(name) <= 200 and "\0" not in name and name.encode() for name in stored)
