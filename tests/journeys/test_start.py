"""A server that could not store a key does not start, and says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from .conftest import LOOPBACK, gunicorn


@pytest.mark.django_db
@pytest.mark.parametrize("keys", ["", "not-a-fernet-key"], ids=["missing", "wrong"])
def test_gunicorn_ends_at_once_without_a_usable_encryption_key(tmp_path: Path, keys: str) -> None:
    log = tmp_path / "gunicorn.log"
    with (
        socket.create_server((LOOPBACK, 0)) as listener,
        gunicorn(listener=listener, log=log, BETON_ENCRYPTION_KEY=keys) as process,
    ):
        assert process.wait(timeout=60) != 0
    words = log.read_text(encoding="utf-8")
    assert "(integrations_posthog.E001)" in words
    assert "from cryptography.fernet import Fernet; print(Fernet.generate_key()" in words
    assert "not-a-fernet-key" not in words
