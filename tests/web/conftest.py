"""Sessions of people, and how their answers read."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from beton.models import Workspace
from integrations_posthog.sandbox import Key, Sandbox
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import connection_service

PAGE = "/settings/posthog/"
CONNECT, RECHECK, PROJECT, DISCONNECT = FORMS = [
    f"{PAGE}{name}" for name in ("connect", "recheck", "project", "disconnect")
]
HTMX = {"HX-Request": "true"}

As = Callable[[User], Client]


@pytest.fixture
def logged_in() -> As:
    def client_of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return client_of


@pytest.fixture
def service(acme: Workspace, posthog: Sandbox) -> PostHogValidatorService:
    """Alice's use cases in Acme, to arrange by what the page then shows."""
    return connection_service(workspace=acme, actor=Actor(name="alice"))


def text_of(response: Any) -> str:
    """What a person reads in an answer, in one line."""
    html = re.sub(r"</?(code|span|strong|time)\b[^>]*>", "", response.content.decode())
    html = re.sub(r"<[^>]*>", " ", html)
    return " ".join(unescape(html).split())


def post_key(client: Client, key: Key, **rest: Any) -> Any:
    return client.post(CONNECT, {"api_key": key.value, "where": ""}, **rest)
