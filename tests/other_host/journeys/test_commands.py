"""The commands, and the checks that stop them."""

from __future__ import annotations

import json

import pytest
from calls import output_of, validate
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings
from rest_framework.test import APIClient
from shop.models import Team

from integrations_posthog.checks import require_usable_settings
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox

pytestmark = pytest.mark.django_db


def test_connect_status_and_check_take_the_teams_number(
    umbrella: Team, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = f"--workspace={umbrella.pk}"
    monkeypatch.setenv("POSTHOG_API_KEY", KEYS.full.value)
    assert "Connected to Acme Corp." in output_of("posthog_connect", team)
    status = json.loads(output_of("posthog_status", team, "--json"))
    assert status["workspace_name"] == "Acme Corp"
    assert status["validated_at"].endswith("Z")
    assert "The connection works." in output_of("posthog_check", team)
    assert "Umbrella" in output_of("posthog_check", "--all")


def test_a_check_that_fails_ends_with_an_error(
    api: APIClient, umbrella: Team, posthog: Sandbox
) -> None:
    validate(api)
    posthog.us.revoke(KEYS.full)
    with pytest.raises(CommandError, match="failed"):
        output_of("posthog_check", "--all")


@pytest.mark.parametrize("name", ["0", "nobody", "9" * 40])
def test_a_team_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(CommandError, match=f"no workspace .*'{name}'"):
        output_of("posthog_status", f"--workspace={name}")


def test_rotating_makes_the_old_encryption_key_dispensable(
    api: APIClient, posthog: Sandbox, settings: Settings
) -> None:
    validate(api)
    fresh = Fernet.generate_key().decode()
    old = settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [fresh, *old]
    assert "Encrypted anew: 1." in output_of("posthog_rotate_keys")
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [fresh]
    assert PosthogWorkspaceConfig.objects.get().posthog_api_key.open() == KEYS.full.value


@pytest.mark.parametrize(
    ("setting", "value", "number"),
    [
        ("ENCRYPTION_KEYS", [], "E001"),
        ("ENCRYPTION_KEYS", ["no Fernet key"], "E001"),
        ("WORKSPACE_MODEL", "shop.Nothing", "E002"),
        ("WORKSPACE_ACCESS", "shop.teams.nothing", "E003"),
        ("TRUSTED_ORIGINS", ["posthog.acme.com"], "E004"),
        ("CLOUD_REGIONS", [], "E005"),
        ("CLOUD_REGIONS", ["https://posthog.acme.com"], "E005"),
        ("CA_BUNDLE", "/nowhere.pem", "E006"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_and_says_what_to_do(
    settings: Settings, setting: str, value: object, number: str
) -> None:
    setattr(settings, f"INTEGRATIONS_POSTHOG_{setting}", value)
    with pytest.raises(SystemCheckError) as failure:
        call_command("check")
    assert f"integrations_posthog.{number}" in str(failure.value)
    assert f"INTEGRATIONS_POSTHOG_{setting}" in str(failure.value)
    assert "HINT: " in str(failure.value)
    with pytest.raises(Exception, match=number):
        require_usable_settings()
