"""Settings that would fail later are named at the start, with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from integrations_posthog.checks import check_settings, require_usable_settings
from integrations_posthog.conf import AppSettings, workspace_model

GOOD_KEY = Fernet.generate_key().decode()


def test_the_app_cannot_be_loaded_without_a_workspace_model(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_WORKSPACE_MODEL = ""
    with pytest.raises(ImproperlyConfigured, match=r"Set INTEGRATIONS_POSTHOG_WORKSPACE_MODEL to"):
        workspace_model()


def ids() -> list[str]:
    return [str(message.id).removeprefix("integrations_posthog.") for message in check_settings()]


@pytest.fixture(autouse=True)
def _debug(settings: Settings) -> None:
    settings.DEBUG = True


def test_good_settings_pass() -> None:
    assert ids() == []
    require_usable_settings()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ENCRYPTION_KEYS", [], "E001"),
        ("ENCRYPTION_KEYS", ["short"], "E001"),
        ("ENCRYPTION_KEYS", [GOOD_KEY, "ü" * 44], "E001"),
        ("ENCRYPTION_KEYS", [""], "E001"),
        ("WORKSPACE_MODEL", "", "E002"),
        ("WORKSPACE_MODEL", "nowhere.Nothing", "E002"),
        ("WORKSPACE_ACCESS", "", "E003"),
        ("WORKSPACE_ACCESS", "beton.workspaces.nothing", "E003"),
        ("HOST", "posthog", "E004"),
        ("TRUSTED_ORIGINS", ["127.0.0.1:8010"], "E004"),
        ("CLOUD_REGIONS", ["us"], "E004"),
        ("CLOUD_REGIONS", [], "E005"),
        ("CLOUD_REGIONS", ["https://posthog.evil.example"], "E005"),
        ("HOST", "http://eu.posthog.com", "E004"),
        ("CLOUD_REGIONS", ["http://us.posthog.com"], "E004"),
        ("HOST", "https://us.posthog.com:8443", "E004"),
        ("CLOUD_REGIONS", ["https://us.posthog.com:8443"], "E004"),
        ("CA_BUNDLE", "/nowhere.pem", "E006"),
        ("VALIDATION_RATE", "5 per minute", "E007"),
        ("VALIDATION_RATE", "0/m", "E007"),
        ("VALIDATION_RATE", None, "E007"),
    ],
)
def test_each_mistake_stops_commands_and_servers(
    settings: Settings, name: str, value: Any, expected: str
) -> None:
    setattr(settings, f"INTEGRATIONS_POSTHOG_{name}", value)
    assert ids() == [expected]
    assert all(message.hint for message in check_settings())
    with pytest.raises(SystemCheckError, match=expected):
        call_command("check")
    with pytest.raises(ImproperlyConfigured, match=expected):
        require_usable_settings()


def test_a_message_does_not_repeat_a_key(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = ["not-quite-a-fernet-key"]
    assert "not-quite" not in str(check_settings())


def test_a_trusted_region_outside_of_posthogs_domain_is_fine(settings: Settings) -> None:
    origin = "http://127.0.0.1:8010"
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = [origin]
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [origin]
    assert ids() == []


@pytest.mark.parametrize(
    ("debug", "backend", "expected"),
    [
        (False, "django.core.cache.backends.locmem.LocMemCache", ["W001"]),
        (True, "django.core.cache.backends.locmem.LocMemCache", []),
        (False, "django.core.cache.backends.redis.RedisCache", []),
    ],
)
def test_a_cache_of_each_process_warns_in_production(
    settings: Settings, debug: bool, backend: str, expected: list[str]
) -> None:
    settings.DEBUG = debug
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:1"}}
    assert ids() == expected
    require_usable_settings()


def test_settings_are_read_live_and_have_defaults(settings: Settings) -> None:
    live = AppSettings()
    settings.INTEGRATIONS_POSTHOG_HOST = "https://posthog.acme.com"
    assert live.HOST == "https://posthog.acme.com"
    del settings.INTEGRATIONS_POSTHOG_HOST
    assert live.HOST == "https://app.posthog.com"
