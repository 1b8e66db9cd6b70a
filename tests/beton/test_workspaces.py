"""Which workspace a request is for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request
from rest_framework.test import APIClient

from beton.models import Membership, Workspace
from beton.workspaces import access_for

pytestmark = pytest.mark.django_db


def request_of(
    user: User | AnonymousUser, *, header: str | None = None, session: str | None = None
) -> HttpRequest:
    headers = {} if header is None else {"X-Workspace-Id": header}
    request = RequestFactory().get("/", headers=headers)
    request.user = user
    request.session = SessionStore()
    if session is not None:
        request.session["workspace_id"] = session
    return request


def join(user: User, workspace: Workspace, *, days_ago: int = 0, role: str = "member") -> None:
    joined_at = timezone.now() - timedelta(days=days_ago)
    Membership.objects.create(user=user, workspace=workspace, role=role, joined_at=joined_at)


def test_the_only_workspace_needs_no_name(alice: User, acme: Workspace) -> None:
    assert access_for(request_of(alice)).workspace == acme


def test_of_several_it_is_the_one_that_was_joined_first(
    alice: User, acme: Workspace, globex: Workspace
) -> None:
    join(alice, globex, days_ago=30)

    assert access_for(request_of(alice)).workspace == globex


def test_the_session_chooses(alice: User, acme: Workspace, globex: Workspace) -> None:
    join(alice, globex)

    assert access_for(request_of(alice, session=globex.pk)).workspace == globex


def test_what_the_session_chose_is_ignored_once_one_has_left(
    alice: User, acme: Workspace, globex: Workspace
) -> None:
    assert access_for(request_of(alice, session=globex.pk)).workspace == acme


@pytest.mark.parametrize("name", ["pk", "slug"])
def test_the_header_chooses_by_id_or_slug_over_the_session(
    name: str, alice: User, acme: Workspace, globex: Workspace
) -> None:
    join(alice, globex)
    request = request_of(alice, header=getattr(globex, name), session=acme.pk)

    assert access_for(request).workspace == globex


def test_an_id_wins_over_a_slug(alice: User, acme: Workspace) -> None:
    namesake = Workspace.objects.create(name="Namesake", slug=acme.pk)
    join(alice, namesake, days_ago=30)

    assert access_for(request_of(alice, header=acme.pk)).workspace == acme


def test_the_slug_that_is_an_id_elsewhere_still_finds_ones_own(
    alice: User, globex: Workspace
) -> None:
    own = Workspace.objects.create(name="Own", slug=globex.pk)
    join(alice, own)

    assert access_for(request_of(alice, header=globex.pk)).workspace == own


def test_an_empty_header_names_nothing(alice: User, acme: Workspace) -> None:
    assert access_for(request_of(alice, header="")).workspace == acme


@pytest.mark.parametrize(
    "garbage",
    ["nowhere", "\x00", "a\x00b", "x" * 10_000, "' OR 1=1 --", "%", "é" * 20, "\ud800", "1", " "],
)
def test_garbage_is_not_found(garbage: str, alice: User) -> None:
    with pytest.raises(Http404):
        access_for(request_of(alice, header=garbage))


@pytest.mark.parametrize("name", ["pk", "slug"])
def test_anothers_workspace_is_not_found_as_if_it_did_not_exist(
    name: str, alice: User, globex: Workspace
) -> None:
    with pytest.raises(Http404) as others:
        access_for(request_of(alice, header=getattr(globex, name)))
    with pytest.raises(Http404) as nobodys:
        access_for(request_of(alice, header="nowhere"))

    assert str(others.value) == str(nobodys.value)


def test_being_in_no_workspace_is_forbidden(django_user_model: type[User]) -> None:
    with pytest.raises(PermissionDenied):
        access_for(request_of(django_user_model.objects.create_user("dave")))


def test_nobody_is_in_no_workspace(acme: Workspace) -> None:
    with pytest.raises(PermissionDenied):
        access_for(request_of(AnonymousUser()))


def test_an_inactive_user_is_nowhere_from_that_moment_on(alice: User, acme: Workspace) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(PermissionDenied):
        access_for(request_of(alice))
    with pytest.raises(Http404):
        access_for(request_of(alice, header=acme.pk))


def test_owners_and_admins_manage_and_members_read(alice: User, bob: User, carol: User) -> None:
    may_manage = [access_for(request_of(user)).can_manage for user in (alice, bob, carol)]

    assert may_manage == [True, True, False]


def test_rights_in_one_workspace_are_none_in_another(
    alice: User, acme: Workspace, globex: Workspace
) -> None:
    join(alice, globex, role="member")

    assert not access_for(request_of(alice, header=globex.pk)).can_manage


def test_rest_frameworks_request_will_do(alice: User, acme: Workspace) -> None:
    request = Request(request_of(alice, header=acme.slug))
    request.user = alice

    assert access_for(request).workspace == acme


@pytest.mark.parametrize("way", ["header", "session", "default"])
def test_it_takes_one_query(
    way: str,
    alice: User,
    acme: Workspace,
    globex: Workspace,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    join(alice, globex)
    name = None if way == "default" else globex.pk
    request = request_of(alice, **({} if name is None else {way: name}))

    with django_assert_num_queries(1):
        access_for(request)


class TestSwitching:
    def test_one_switches_to_a_workspace_one_is_in(
        self, client: Client, alice: User, globex: Workspace
    ) -> None:
        join(alice, globex)
        client.force_login(alice)

        answer = client.post("/workspaces/switch", {"workspace": globex.pk})

        assert answer.status_code == 302
        assert client.session["workspace_id"] == globex.pk

    @pytest.mark.parametrize("workspace", ["globex", "nowhere", "", "\x00"])
    def test_and_to_no_other(
        self, workspace: str, client: Client, alice: User, acme: Workspace, globex: Workspace
    ) -> None:
        client.force_login(alice)

        answer = client.post("/workspaces/switch", {"workspace": workspace})

        assert answer.status_code == 404
        assert "workspace_id" not in client.session

    def test_a_link_does_not_switch(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/workspaces/switch").status_code == 405

    def test_a_stranger_has_to_log_in_first(self, client: Client, acme: Workspace) -> None:
        answer = client.post("/workspaces/switch", {"workspace": acme.pk})

        assert answer.headers["Location"].startswith("/login/")

    def test_a_foreign_page_cannot_switch(
        self, session_client: Callable[[User], APIClient], alice: User, acme: Workspace
    ) -> None:
        answer = session_client(alice).post("/workspaces/switch", {"workspace": acme.pk})

        assert answer.status_code == 403

    def test_the_frame_offers_the_workspaces_of_whoever_has_several(
        self, client: Client, alice: User, globex: Workspace
    ) -> None:
        client.force_login(alice)
        alone = client.get("/nowhere").content.decode()
        join(alice, globex)
        several = client.get("/nowhere").content.decode()

        assert "Globex" not in alone
        assert f'value="{globex.pk}"' in several
