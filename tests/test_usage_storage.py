"""Usage goes with what it is of, by the database alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, models

from beton.models import Workspace
from integrations_posthog.fields import BulkCascadingForeignKey
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    SyncDay,
    UsageEvent,
    UsageSource,
)
from tests.usage import AS_OF, store_usage

OF_ACCOUNTS: list[type[models.Model]] = [AccountDay, AccountEventDay, AccountEvent]
OF_SOURCES: list[type[models.Model]] = [*OF_ACCOUNTS, Account, UsageEvent, SyncDay, UsageSource]


def delete(row: models.Model) -> None:
    """By SQL, as anybody may."""
    table, key = row._meta.db_table, row._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE {key} = %s", [row.pk])


def sizes(tables: list[type[models.Model]]) -> list[int]:
    return [table._base_manager.count() for table in tables]


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=3, days=5)


@pytest.mark.parametrize("way", [delete, models.Model.delete], ids=["sql", "orm"])
def test_the_usage_of_an_account_goes_with_it(
    way: Callable[[models.Model], object], source: UsageSource
) -> None:
    assert all(sizes(OF_ACCOUNTS))
    gone, *others = source.accounts.order_by("pk")
    way(gone)
    for table in OF_ACCOUNTS:
        left = set(table._base_manager.values_list("account_id", flat=True))
        assert left == {account.pk for account in others}


@pytest.mark.parametrize("way", [delete, models.Model.delete], ids=["sql", "orm"])
@pytest.mark.parametrize("what", ["source", "connection", "workspace"])
def test_all_usage_goes_with_its_source_and_that_with_its_workspace(
    what: str, way: Callable[[models.Model], object], source: UsageSource, globex: Workspace
) -> None:
    config = source.connection
    way({"source": source, "connection": config, "workspace": config.workspace}[what])
    assert sizes(OF_SOURCES) == [0] * len(OF_SOURCES)

    store_usage(globex, accounts=1, days=1)  # The others' stays.
    assert all(sizes(OF_SOURCES))


def test_of_two_thousand_accounts_it_goes_quickly(source: UsageSource, globex: Workspace) -> None:
    before = sizes(OF_ACCOUNTS)
    many = store_usage(globex, accounts=0)
    accounts = Account.objects.bulk_create(
        Account(source=many, key=str(number), name="") for number in range(2_000)
    )
    _add_days(accounts)
    start = time.perf_counter()
    delete(many)
    assert time.perf_counter() - start < 5
    assert sizes(OF_ACCOUNTS) == before


def _add_days(accounts: list[Account]) -> None:
    AccountDay.objects.bulk_create(
        AccountDay(
            account=account,
            day=AS_OF - timedelta(days=ago),
            events=1,
            people=1,
            people_7d=1,
            people_28d=1,
        )
        for account in accounts
        for ago in range(20)
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads by primary keys")
@pytest.mark.parametrize("table", [AccountDay, AccountEventDay])
def test_usage_is_found_by_day_without_reading_all_of_it(
    table: type[models.Model], db: None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table._meta.db_table]
        )
        definitions = [row[0] for row in cursor.fetchall()]
    [by_day] = [each for each in definitions if "USING brin (day)" in each]
    assert "autosummarize" in by_day


@pytest.mark.django_db(transaction=True)
def test_the_cascade_survives_an_altered_column(acme: Workspace) -> None:
    with connection.constraint_checks_disabled():
        _alter_a_column_of_each()
    delete(store_usage(acme, accounts=1, days=1).accounts.get())
    assert sizes(OF_ACCOUNTS) == [0, 0, 0]


def _alter_a_column_of_each() -> None:
    for table in (AccountDay, AccountEventDay, AccountEvent):
        old = table._meta.get_field("people")
        new = models.BigIntegerField(null=True)
        new.set_attributes_from_name("people")
        with connection.schema_editor() as editor:
            editor.alter_field(table, old, new)
            editor.alter_field(table, new, old)


def test_a_key_for_bulk_is_written_into_migrations_as_it_stands() -> None:
    field = AccountDay._meta.get_field("account")
    _, path, args, kwargs = field.deconstruct()
    assert path == "integrations_posthog.fields.BulkCascadingForeignKey"
    assert kwargs == {
        "to": "integrations_posthog.account",
        "related_name": "days",
        "db_index": False,
    }
    again = BulkCascadingForeignKey(*args, **kwargs)
    assert again.remote_field.on_delete is models.DO_NOTHING
