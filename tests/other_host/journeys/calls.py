"""Calls of the API, and runs of commands."""

from __future__ import annotations

import base64
import io
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIClient

from integrations_posthog.sandbox import KEYS

VALIDATE, STATUS, DISCONNECT = (
    f"/api/posthog/{call}" for call in ("validate", "status", "disconnect")
)
PASSWORD = "correct horse battery staple"


def basic_client(user: User) -> APIClient:
    credentials = base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {credentials}")
    return client


def validate(client: APIClient, key: str = KEYS.full.value, **body: Any) -> Any:
    return client.post(VALIDATE, {"api_key": key} | body, format="json")


def output_of(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=io.StringIO(), no_color=True)
    return out.getvalue()
