"""The database, as it really is: the catalog against the contract's DDL."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import IntegrityError, connection, models, transaction
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.encryption import SealedText
from integrations_posthog.errors import KeyUnreadable
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig

pytestmark = pytest.mark.django_db

on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="the contract's DDL is PostgreSQL's"
)

KEY = "phx_" + "k" * 47
CONTRACT = """
CREATE TABLE posthog_workspace_config_by_contract (
    id VARCHAR(36) PRIMARY KEY,
    workspace_id VARCHAR(36) NOT NULL UNIQUE REFERENCES workspaces(id) ON DELETE CASCADE,
    posthog_api_key TEXT NOT NULL,
    posthog_workspace_name VARCHAR(255),
    posthog_project_id VARCHAR(255) NOT NULL,
    is_validated BOOLEAN DEFAULT FALSE,
    validated_at TIMESTAMPTZ,
    validation_error TEXT,
    last_sync TIMESTAMPTZ,
    is_active BOOLEAN DEFAULT TRUE,
    created_at TIMESTAMPTZ DEFAULT statement_timestamp(),
    updated_at TIMESTAMPTZ DEFAULT statement_timestamp()
);
CREATE INDEX ix_posthog_workspace_config_by_contract_workspace_id
    ON posthog_workspace_config_by_contract(workspace_id);
CREATE INDEX ix_posthog_workspace_config_by_contract_is_validated
    ON posthog_workspace_config_by_contract(is_validated);
"""


def a_config(workspace: Workspace, key: str = KEY) -> PosthogWorkspaceConfig:
    config = PosthogWorkspaceConfig(workspace=workspace, posthog_project_id="1")
    config.set_api_key(key)
    config.save()
    return config


def query(sql: str, *params: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def columns_of(table: str) -> dict[str, tuple[Any, ...]]:
    rows = query(
        "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_name = %s",
        table,
    )
    return {row[0]: row[1:] for row in rows}


def constraints_of(table: str) -> set[tuple[str, str]]:
    rows = query(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass",
        table,
    )
    return {(name.replace("_by_contract", ""), definition) for name, definition in rows}


def indexes_of(table: str) -> set[str]:
    rows = query("SELECT indexdef FROM pg_indexes WHERE tablename = %s", table)
    return {row[0].replace("_by_contract", "") for row in rows}


@on_postgresql
class TestCatalog:
    @pytest.fixture(autouse=True)
    def _contract(self, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(CONTRACT)

    def test_the_twelve_columns_are_those_of_the_contract(self) -> None:
        contract = columns_of("posthog_workspace_config_by_contract")
        ours = columns_of("posthog_workspace_config")
        assert len(contract) == 12
        assert {name: ours[name] for name in contract} == contract

    def test_further_columns_ask_nothing_of_who_inserts_by_hand(self) -> None:
        contract = columns_of("posthog_workspace_config_by_contract")
        for name, column in columns_of("posthog_workspace_config").items():
            _, _, nullable, default = column
            assert name in contract or nullable == "YES" or default is not None

    def test_so_are_the_constraints(self) -> None:
        ours = constraints_of("posthog_workspace_config")
        assert ours == constraints_of("posthog_workspace_config_by_contract")

    def test_so_are_the_indexes_and_there_is_none_more(self) -> None:
        ours = indexes_of("posthog_workspace_config")
        assert ours == indexes_of("posthog_workspace_config_by_contract")

    def test_workspaces_have_no_like_index_either(self) -> None:
        assert not [index for index in indexes_of("workspaces") if "pattern_ops" in index]


class TestDatabase:
    def test_a_row_inserted_by_hand_gets_the_defaults(self, acme: Workspace) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO posthog_workspace_config"
                " (id, workspace_id, posthog_api_key, posthog_project_id) VALUES (%s, %s, %s, %s)",
                ["c1", acme.pk, SealedText.seal(KEY).token, "1"],
            )
        config = PosthogWorkspaceConfig.objects.get(pk="c1")
        assert config.is_validated is False
        assert config.is_active is True
        assert config.created_at is not None
        assert config.created_at.tzinfo is not None
        assert config.updated_at is not None

    @pytest.mark.parametrize("table", ["posthog_workspace_config", "posthog_connection_event"])
    def test_a_deleted_workspace_takes_its_rows_along_by_the_database(
        self, acme: Workspace, globex: Workspace, table: str
    ) -> None:
        for workspace in (acme, globex):
            a_config(workspace)
            PosthogConnectionEvent.objects.create(
                workspace=workspace, actor_name="alice", action="connect", outcome="ok"
            )
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM workspaces WHERE id = %s", [acme.pk])
        assert query(f"SELECT workspace_id FROM {table}") == [(globex.pk,)]

    def test_one_workspace_has_one_connection(self, acme: Workspace) -> None:
        a_config(acme)
        with pytest.raises(IntegrityError), transaction.atomic():
            a_config(acme)

    def test_there_is_no_connection_without_a_workspace(self, db: None) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            a_config(Workspace(pk="nowhere"))

    @pytest.mark.parametrize(
        "event",
        [
            {"action": "explode", "outcome": "ok"},
            {"action": "connect", "outcome": "maybe"},
            {"action": "connect", "outcome": "failed"},
            {"action": "connect", "outcome": "ok", "error_type": "api_error"},
        ],
    )
    def test_the_history_holds_only_what_makes_sense(
        self, acme: Workspace, event: dict[str, str]
    ) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            PosthogConnectionEvent.objects.create(workspace=acme, actor_name="alice", **event)


class TestHistory:
    @pytest.fixture
    def event(self, acme: Workspace) -> PosthogConnectionEvent:
        return PosthogConnectionEvent.objects.create(
            workspace=acme, actor_name="alice", action="connect", outcome="ok"
        )

    def test_it_is_not_changed(self, event: PosthogConnectionEvent) -> None:
        event.actor_name = "bob"
        with pytest.raises(TypeError):
            event.save()
        with pytest.raises(TypeError):
            PosthogConnectionEvent.objects.update(actor_name="bob")

    def test_it_is_not_deleted(self, event: PosthogConnectionEvent) -> None:
        with pytest.raises(TypeError):
            event.delete()
        with pytest.raises(TypeError):
            PosthogConnectionEvent.objects.all().delete()


class TestSealedKey:
    def test_the_column_holds_ciphertext(self, acme: Workspace) -> None:
        a_config(acme)
        [(stored,)] = query("SELECT posthog_api_key FROM posthog_workspace_config")
        assert KEY not in stored
        assert stored.startswith("gAAAA")

    def test_it_opens_again(self, acme: Workspace) -> None:
        assert a_config(acme).posthog_api_key.open() == KEY
        assert PosthogWorkspaceConfig.objects.get().posthog_api_key.open() == KEY

    def test_two_sealings_of_one_key_differ(self) -> None:
        assert SealedText.seal(KEY).token != SealedText.seal(KEY).token

    def test_a_plain_key_cannot_be_stored_by_mistake(self, acme: Workspace) -> None:
        config = PosthogWorkspaceConfig(workspace=acme, posthog_project_id="1")
        config.posthog_api_key = KEY
        with pytest.raises(TypeError):
            config.save()

    def test_the_first_encryption_key_encrypts_and_all_decrypt(
        self, acme: Workspace, settings: Settings
    ) -> None:
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [old]
        a_config(acme)
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [new, old]
        assert PosthogWorkspaceConfig.objects.get().posthog_api_key.open() == KEY
        assert Fernet(new).decrypt(SealedText.seal(KEY).token).decode() == KEY

    def test_a_key_that_is_tampered_with_is_unreadable(self, acme: Workspace) -> None:
        token = a_config(acme).posthog_api_key.token
        other = "B" if token[40] == "A" else "A"
        for bad in ("", "x", token[:-4], token[:40] + other + token[41:], "ü"):
            with pytest.raises(KeyUnreadable):
                SealedText(bad).open()

    def test_dumped_and_loaded_it_is_the_same_ciphertext(self, acme: Workspace) -> None:
        config = a_config(acme)
        dumped = serializers.serialize("json", [config])
        assert KEY not in dumped
        PosthogWorkspaceConfig.objects.all()._raw_delete("default")
        for loaded in serializers.deserialize("json", dumped):
            loaded.save()
        assert PosthogWorkspaceConfig.objects.get().posthog_api_key.open() == KEY

    def test_it_does_not_show(self, acme: Workspace) -> None:
        config = a_config(acme)
        shown = repr(config) + str(config) + repr(config.posthog_api_key) + repr(config.__dict__)
        assert KEY not in shown
        assert config.posthog_api_key.token not in shown


@pytest.mark.django_db(transaction=True)
def test_the_cascade_survives_an_altered_column() -> None:
    """SQLite rebuilds the whole table for it, so the clause has to be written anew."""
    with connection.constraint_checks_disabled():
        _alter_a_column()
    assert _cascades()


def _alter_a_column() -> None:
    old = PosthogWorkspaceConfig._meta.get_field("posthog_project_name")
    new = models.CharField(max_length=255, default="", db_default="", null=True)
    new.set_attributes_from_name("posthog_project_name")
    with connection.schema_editor() as editor:
        editor.alter_field(PosthogWorkspaceConfig, old, new)
        editor.alter_field(PosthogWorkspaceConfig, new, old)


def _cascades() -> bool:
    workspace = Workspace.objects.create(name="Initech")
    a_config(workspace)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM workspaces WHERE id = %s", [workspace.pk])
    return not PosthogWorkspaceConfig.objects.filter(workspace_id=workspace.pk).exists()
