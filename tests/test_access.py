"""Whose workspace a request is for, asked again at the moment of storing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from beton.models import Membership, Workspace
from integrations_posthog.access import confirm_manager, manager_access_for
from integrations_posthog.errors import PermissionDenied


@pytest.fixture
def request_of_alice(alice: User) -> HttpRequest:
    request = HttpRequest()
    request.user = alice
    request.session = SessionStore()
    return request


def test_it_is_still_the_same(request_of_alice: HttpRequest, acme: Workspace) -> None:
    assert manager_access_for(request_of_alice).workspace == acme
    confirm_manager(request_of_alice, acme)


def test_who_has_left_and_works_elsewhere_may_not_store_there(
    request_of_alice: HttpRequest, alice: User, acme: Workspace, globex: Workspace
) -> None:
    Membership.objects.create(user=alice, workspace=globex, role=Membership.Role.OWNER)
    Membership.objects.filter(workspace=acme).delete()
    assert manager_access_for(request_of_alice).workspace == globex
    with pytest.raises(PermissionDenied):
        confirm_manager(request_of_alice, acme)


@pytest.mark.parametrize("role", [Membership.Role.MEMBER, None])
def test_who_lost_the_role_or_all_workspaces_may_not_either(
    request_of_alice: HttpRequest, acme: Workspace, role: str | None
) -> None:
    memberships = Membership.objects.filter(workspace=acme)
    if role is None:
        memberships.delete()
    else:
        memberships.update(role=role)
    with pytest.raises(PermissionDenied):
        confirm_manager(request_of_alice, acme)
