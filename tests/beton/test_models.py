"""Workspaces and memberships, and what the database itself holds."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection

from beton.models import Membership, Workspace

pytestmark = pytest.mark.django_db


def columns_of(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return {name: ",".join(facts["columns"]) for name, facts in constraints.items()}


def test_an_id_is_a_uuid_unless_one_is_given() -> None:
    assert len(Workspace.objects.create(name="Acme").pk) == 36
    assert Workspace.objects.create(id="ws_1", name="Other").pk == "ws_1"


def test_a_slug_is_made_from_the_name_and_is_the_workspaces_own() -> None:
    slugs = [Workspace.objects.create(name=name).slug for name in ("Acme Corp", "Acme Corp", "株")]

    assert slugs[0] == "acme-corp"
    assert slugs[1].startswith("acme-corp-")
    assert slugs[2] == "workspace"


def test_a_long_name_has_a_slug_that_fits() -> None:
    for _ in range(2):
        Workspace.objects.create(name="n" * 255).full_clean()


def test_a_chosen_slug_stays() -> None:
    workspace = Workspace.objects.create(name="Acme", slug="chosen")
    workspace.name = "Renamed"
    workspace.save()

    assert workspace.slug == "chosen"


def test_two_workspaces_cannot_share_a_slug() -> None:
    Workspace.objects.create(name="Acme", slug="same")

    with pytest.raises(IntegrityError):
        Workspace.objects.create(name="Globex", slug="same")


def test_one_is_in_a_workspace_once(alice: User, acme: Workspace) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=alice, workspace=acme, role="member")


def test_an_unknown_role_is_refused_by_the_database(alice: User, globex: Workspace) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=alice, workspace=globex, role="superuser")


@pytest.mark.parametrize("way", ["sql", "orm"])
def test_memberships_go_with_their_workspace(way: str, alice: User, acme: Workspace) -> None:
    if way == "sql":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM workspaces WHERE id = %s", [acme.pk])
    else:
        acme.delete()

    assert not Membership.objects.exists()
    assert User.objects.filter(pk=alice.pk).exists()


def test_every_table_that_points_at_workspaces_cascades_in_the_database(acme: Workspace) -> None:
    pointing = [
        field.model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Workspace
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            definitions = dict(cursor.fetchall())
        else:
            cursor.execute(
                "SELECT conrelid::regclass::text, string_agg(pg_get_constraintdef(oid), ' ')"
                " FROM pg_constraint WHERE confrelid = 'workspaces'::regclass GROUP BY 1"
            )
            definitions = dict(cursor.fetchall())

    assert "workspace_memberships" in pointing
    for table in pointing:
        assert "ON DELETE CASCADE" in definitions[table]


def test_workspaces_have_no_index_beyond_their_two_keys() -> None:
    assert sorted(columns_of("workspaces").values()) == ["id", "slug"]


def test_the_migrations_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("makemigrations", check=True, dry_run=True)

    assert "No changes detected" in capsys.readouterr().out
