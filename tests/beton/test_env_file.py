"""Fresh secrets for development."""

from __future__ import annotations

import os
import runpy
import stat
from pathlib import Path
from unittest import mock

from cryptography.fernet import Fernet
from django.conf import settings

from beton.env_file import fresh_environment, write


def test_the_file_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    assert write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("KEPT=1\n")

    assert not write(path)
    assert path.read_text() == "KEPT=1\n"


def test_the_settings_can_be_loaded_with_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write(path)
    with mock.patch.dict(os.environ, {"DJANGO_ENV_FILE": str(path)}, clear=True):
        loaded = runpy.run_path(str(settings.BASE_DIR / "beton" / "settings.py"))

    assert loaded["DEBUG"] is True
    assert len(loaded["SECRET_KEY"]) >= 50
    assert Fernet(loaded["INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS"][0])


def test_secrets_are_fresh_each_time() -> None:
    first, second = (set(fresh_environment().splitlines()) for _ in range(2))

    assert {line.partition("=")[0] for line in first - second} == {
        "DJANGO_SECRET_KEY",
        "BETON_ENCRYPTION_KEY",
    }
