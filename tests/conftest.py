"""The people of the tests: Alice, Bob and Carol work in Acme; Charlie is a stranger to them."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import django_ratelimit.core
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from beton.models import Membership, Workspace
from integrations_posthog.sandbox import Sandbox

# Where it is ignored, as in a background job, the processes that tests start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _empty_cache(settings: Settings) -> None:
    """Each test counts from zero; keys of its own leave others' in a shared Redis alone."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid.uuid4().hex}}


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are counted by the minute, each with its own beginning: none ends in mid-test."""
    now = time.time()
    monkeypatch.setattr(django_ratelimit.core, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def acme(db: None) -> Workspace:
    return Workspace.objects.create(name="Acme")


@pytest.fixture
def globex(db: None) -> Workspace:
    return Workspace.objects.create(name="Globex")


@pytest.fixture
def alice(acme: Workspace) -> User:
    """Owner of Acme."""
    return _user("alice", acme, Membership.Role.OWNER)


@pytest.fixture
def bob(acme: Workspace) -> User:
    """Admin of Acme."""
    return _user("bob", acme, Membership.Role.ADMIN)


@pytest.fixture
def carol(acme: Workspace) -> User:
    """Member of Acme, who may only read."""
    return _user("carol", acme, Membership.Role.MEMBER)


@pytest.fixture
def charlie(globex: Workspace) -> User:
    """Owner of Globex."""
    return _user("charlie", globex, Membership.Role.OWNER)


@pytest.fixture(scope="session")
def _running_posthog() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def posthog(_running_posthog: Sandbox, settings: Settings) -> Iterator[Sandbox]:
    """The stand-in PostHog, healthy and with an empty log, as the operator's PostHog Cloud."""
    regions = [_running_posthog.us.url, _running_posthog.eu.url]
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions
    yield _running_posthog
    _running_posthog.us.reset()
    _running_posthog.eu.reset()


@pytest.fixture
def session_client() -> Callable[[User], APIClient]:
    """A client with a user's session; CSRF is enforced, as in production."""

    def client_of(user: User) -> APIClient:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(user)
        return client

    return client_of


@pytest.fixture
def jwt_client() -> Callable[[User], APIClient]:
    """A client with a user's JSON web token."""

    def client_of(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}")
        return client

    return client_of


def _user(name: str, workspace: Workspace, role: Membership.Role) -> User:
    user = User.objects.create_user(name, f"{name}@example.com", PASSWORD)
    Membership.objects.create(user=user, workspace=workspace, role=role)
    return user
