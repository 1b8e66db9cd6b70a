"""Ann leads the team Umbrella, Ben has a seat in it, Eve leads another team."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from calls import PASSWORD, basic_client
from django.contrib.auth.models import User
from django.core.cache import cache
from pytest_django import Settings
from rest_framework.test import APIClient
from shop.models import Seat, Team

from integrations_posthog.sandbox import Sandbox


def user_with_seat(name: str, team: Team, *, leads: bool) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    Seat.objects.create(user=user, team=team, leads=leads)
    return user


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def umbrella(db: None) -> Team:
    return Team.objects.create(title="Umbrella")


@pytest.fixture
def ann(umbrella: Team) -> User:
    return user_with_seat("ann", umbrella, leads=True)


@pytest.fixture
def ben(umbrella: Team) -> User:
    return user_with_seat("ben", umbrella, leads=False)


@pytest.fixture
def eve(db: None) -> User:
    return user_with_seat("eve", Team.objects.create(title="Tyrell"), leads=True)


@pytest.fixture(scope="session")
def running_posthog() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def posthog(running_posthog: Sandbox, settings: Settings) -> Iterator[Sandbox]:
    regions = [running_posthog.us.url, running_posthog.eu.url]
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions
    yield running_posthog
    running_posthog.us.reset()


@pytest.fixture
def api(ann: User) -> APIClient:
    """Ann, with her password in each request."""
    return basic_client(ann)
