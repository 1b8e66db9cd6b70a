"""From the environment to the settings."""

from __future__ import annotations

import os
import re
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as test_settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

ROOT = Path(test_settings.BASE_DIR)
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "beton.settings",
    "DJANGO_ENV_FILE": os.devnull,
    "DJANGO_SECRET_KEY": "".join(map(chr, range(0x23, 0x7E))),
    "DJANGO_ALLOWED_HOSTS": "inspector.example.com",
    "BETON_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "CACHE_URL": "redis://cache.example.com:6379/1",
    "PATH": os.environ["PATH"],
}

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load() -> Load:
    """Reads the settings under nothing but the given variables."""

    def run(**variables: str) -> dict[str, Any]:
        environment = {"DJANGO_ENV_FILE": os.devnull, "DJANGO_SECRET_KEY": "secret"} | variables
        with mock.patch.dict(os.environ, environment, clear=True):
            return runpy.run_path(str(ROOT / "beton" / "settings.py"))

    return run


def run(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=PRODUCTION | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_secret_key_it_says_what_to_do(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"python -m beton\.env_file"):
        load(DJANGO_SECRET_KEY="")


def test_everything_else_has_a_default(load: Load) -> None:
    settings = load()

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == []
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert settings["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    assert settings["INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS"] == []
    assert settings["INTEGRATIONS_POSTHOG_HOST"] == "https://app.posthog.com"
    assert settings["INTEGRATIONS_POSTHOG_CLOUD_REGIONS"] == [
        "https://us.posthog.com",
        "https://eu.posthog.com",
    ]
    assert settings["INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS"] == []


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("BETON_ENCRYPTION_KEY", "INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS"),
        ("DJANGO_ALLOWED_HOSTS", "ALLOWED_HOSTS"),
        ("DJANGO_CSRF_TRUSTED_ORIGINS", "CSRF_TRUSTED_ORIGINS"),
        ("POSTHOG_CLOUD_REGIONS", "INTEGRATIONS_POSTHOG_CLOUD_REGIONS"),
        ("POSTHOG_TRUSTED_ORIGINS", "INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS"),
    ],
)
def test_lists_are_separated_by_commas(variable: str, setting: str, load: Load) -> None:
    assert load(**{variable: "one, two ,,three"})[setting] == ["one", "two", "three"]


def test_an_empty_variable_counts_as_unset(load: Load) -> None:
    names = ("DATABASE_URL", "CACHE_URL", "POSTHOG_HOST", "POSTHOG_CLOUD_REGIONS", "DJANGO_DEBUG")
    empty, unset = load(**dict.fromkeys(names, "")), load()

    for setting in ("DATABASES", "CACHES", "DEBUG", "INTEGRATIONS_POSTHOG_CLOUD_REGIONS"):
        assert empty[setting] == unset[setting]


def test_a_file_fills_in_what_the_environment_leaves_open(load: Load, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("POSTHOG_HOST=https://file.example.com\nPOSTHOG_CA_BUNDLE=/file.pem\n")
    settings = load(DJANGO_ENV_FILE=str(file), POSTHOG_HOST="https://environment.example.com")

    assert settings["INTEGRATIONS_POSTHOG_HOST"] == "https://environment.example.com"
    assert settings["INTEGRATIONS_POSTHOG_CA_BUNDLE"] == "/file.pem"


def test_every_variable_is_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text()
    source = (ROOT / "beton" / "settings.py").read_text()
    read = set(re.findall(r'(?:env\.\w+|_list)\(\s*"(\w+)"', source))

    assert {"DATABASE_URL", "CACHE_URL", "BETON_ENCRYPTION_KEY", "POSTHOG_CLOUD_REGIONS"} < read
    assert {name for name in read if f"{name}=" not in example} == {"DJANGO_ENV_FILE"}


class TestDatabase:
    def test_sqlite_takes_its_lock_at_once_and_waits_for_it(self, load: Load) -> None:
        options = load(DATABASE_URL="sqlite:////tmp/some.sqlite3")["DATABASES"]["default"][
            "OPTIONS"
        ]

        assert options["transaction_mode"] == "IMMEDIATE"
        assert options["timeout"] == 20
        assert "journal_mode = WAL" in options["init_command"]

    def test_postgresql_may_be_behind_a_transaction_pooler(self, load: Load) -> None:
        url = "postgres://user:p%40ss@db.example.com:6543/beton?sslmode=require"
        database = load(DATABASE_URL=url)["DATABASES"]["default"]

        assert database["ENGINE"] == "django.db.backends.postgresql"
        assert (database["PASSWORD"], database["PORT"]) == ("p@ss", 6543)
        assert database["DISABLE_SERVER_SIDE_CURSORS"] is True
        assert database["CONN_HEALTH_CHECKS"] is True
        assert database["OPTIONS"]["sslmode"] == "require"
        assert database["OPTIONS"]["connect_timeout"] == 3


class TestRedis:
    @pytest.fixture
    def cache_at(self, settings: Settings, load: Load) -> Callable[[int], None]:
        def point(port: int) -> None:
            settings.CACHES = load(CACHE_URL=f"redis://127.0.0.1:{port}/0")["CACHES"]

        return point

    def test_a_refused_connection_fails_at_once(self, cache_at: Callable[[int], None]) -> None:
        cache_at(1)
        started = time.monotonic()
        with pytest.raises(Exception, match="refused"):
            cache.get("key")

        assert time.monotonic() - started < 0.9

    def test_a_silent_server_fails_in_a_second(self, cache_at: Callable[[int], None]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            cache_at(server.getsockname()[1])
            started = time.monotonic()
            with pytest.raises(Exception, match=r"[Tt]ime"):
                cache.get("key")

        assert 0.9 < time.monotonic() - started < 5


class TestDeployment:
    def test_djangos_checks_find_nothing(self) -> None:
        check = run("-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING")

        assert check.returncode == 0, check.stderr

    def test_cookies_are_kept_from_scripts_and_from_plain_http(self, load: Load) -> None:
        settings = load()

        assert settings["SESSION_COOKIE_NAME"] == "beton_session"
        assert settings["SESSION_COOKIE_SAMESITE"] == "Lax"
        assert settings["SESSION_COOKIE_HTTPONLY"] is True
        assert settings["SESSION_COOKIE_SECURE"] is True
        assert load(DJANGO_DEBUG="true")["SESSION_COOKIE_SECURE"] is False

    def test_a_proxys_word_counts_only_where_the_operator_says_so(self, load: Load) -> None:
        assert "SECURE_PROXY_SSL_HEADER" not in load()
        assert load(DJANGO_BEHIND_TLS_PROXY="true")["SECURE_PROXY_SSL_HEADER"] == (
            "HTTP_X_FORWARDED_PROTO",
            "https",
        )

    @pytest.mark.parametrize("keys", ["", "not-a-fernet-key"])
    def test_a_server_does_not_start_without_a_usable_encryption_key(self, keys: str) -> None:
        start = run("-c", "import beton.wsgi", BETON_ENCRYPTION_KEY=keys)

        assert start.returncode != 0
        assert "Fernet.generate_key()" in start.stderr

    def test_gunicorn_takes_its_configuration(self) -> None:
        check = run("-m", "gunicorn", "--check-config", "-c", "python:beton.gunicorn", "beton.wsgi")

        assert check.returncode == 0, check.stderr
