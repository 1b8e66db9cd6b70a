"""What is installed, and what it makes of the host's database."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from calls import validate
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient
from shop.models import Team

import integrations_posthog
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox


def test_the_app_comes_from_its_wheel_and_the_checkout_is_out_of_reach() -> None:
    installed = Path(os.environ["SHOP_TARGET"]) / "integrations_posthog"
    assert Path(integrations_posthog.__file__).parent == installed
    assert find_spec("beton") is None
    assert find_spec("tests") is None


def test_the_history_and_the_connection_point_at_the_hosts_numbers(umbrella: Team) -> None:
    for model in (PosthogWorkspaceConfig, PosthogConnectionEvent):
        column = model._meta.get_field("workspace").column
        with connection.cursor() as cursor:
            table = connection.introspection.get_table_description(cursor, model._meta.db_table)
        [fact] = [fact for fact in table if fact.name == column]
        kind = connection.introspection.get_field_type(fact.type_code, fact)
        assert kind == "IntegerField"


def test_a_team_has_one_connection(api: APIClient, posthog: Sandbox) -> None:
    validate(api)
    validate(api, KEYS.several.value)
    config = PosthogWorkspaceConfig.objects.get()
    config.pk = "another"
    with pytest.raises(IntegrityError), transaction.atomic():
        config.save(force_insert=True)


def test_it_goes_with_its_team_by_the_database(
    api: APIClient, ann: User, umbrella: Team, posthog: Sandbox
) -> None:
    validate(api)
    ann.delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM shop_team WHERE id = %s", [umbrella.pk])
    assert not PosthogWorkspaceConfig.objects.exists()
    assert not PosthogConnectionEvent.objects.exists()
