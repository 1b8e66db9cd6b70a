"""The three curl commands that callers were given, with their own cookie, key and port."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from beton.models import Workspace
from integrations_posthog.sandbox import KEYS

from .conftest import Serve, session_key_of

VALIDATE = r"""
curl -X POST http://localhost:8000/api/posthog/validate \
  -H "Content-Type: application/json" \
  -H "Cookie: beton_session=..." \
  -d '{"api_key": "phc_abc123..."}'
"""
STATUS = r"""
curl http://localhost:8000/api/posthog/status \
  -H "Cookie: beton_session=..."
"""
DISCONNECT = r"""
curl -X POST http://localhost:8000/api/posthog/disconnect \
  -H "Cookie: beton_session=..."
"""


@pytest.fixture
def shell(serve: Serve, alice: User) -> Callable[[str], Any]:
    """Run a command against the server as Alice, and read what it prints."""
    port = urlsplit(serve(DJANGO_DEBUG="true").url).port
    cookie = session_key_of(alice)

    def run(command: str) -> Any:
        command = command.replace("localhost:8000", f"localhost:{port}")
        command = command.replace("beton_session=...", f"beton_session={cookie}")
        command = command.replace("phc_abc123...", KEYS.phc.value)
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
        return json.loads(done.stdout)

    return run


def test_they_work_as_they_are_written(shell: Callable[[str], Any], acme: Workspace) -> None:
    validated = shell(VALIDATE)
    assert validated["success"] is True
    assert validated["workspace_name"] == "Acme Corp"
    assert validated["project_id"] == "12345"
    assert validated["events_count"] == 15420

    assert shell(STATUS)["is_active"] is True

    assert shell(DISCONNECT) == {"message": "PostHog integration disconnected successfully"}
    assert shell(STATUS)["is_active"] is False
