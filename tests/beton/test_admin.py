"""Workspaces and memberships as support staff sees them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from beton.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(admin_client: Client) -> Client:
    return admin_client


def test_a_workspace_is_found_by_name_slug_and_id(
    staff: Client, acme: Workspace, globex: Workspace
) -> None:
    for term in ("Acm", "acme", acme.pk):
        page = staff.get("/admin/beton/workspace/", {"q": term}).content.decode()

        assert acme.pk in page
        assert globex.pk not in page


def test_its_page_shows_who_is_in_it(staff: Client, alice: User, acme: Workspace) -> None:
    page = staff.get(f"/admin/beton/workspace/{acme.pk}/change/").content.decode()

    assert "alice in Acme (Owner)" in page


def test_memberships_are_found_by_user_and_filtered_by_role(
    staff: Client, alice: User, carol: User
) -> None:
    by_name = staff.get("/admin/beton/membership/", {"q": "carol"}).content.decode()
    by_role = staff.get("/admin/beton/membership/", {"role__exact": "owner"}).content.decode()

    assert ">carol<" in by_name
    assert ">alice<" not in by_name
    assert ">alice<" in by_role
    assert ">carol<" not in by_role


def test_a_workspace_can_be_made_and_gets_its_slug(staff: Client, db: None) -> None:
    form = {
        "name": "Initech Ltd",
        "slug": "",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    staff.post("/admin/beton/workspace/add/", form)

    assert Workspace.objects.get().slug == "initech-ltd"


def test_a_workspace_can_be_deleted_with_its_memberships(
    staff: Client, alice: User, acme: Workspace
) -> None:
    staff.post(f"/admin/beton/workspace/{acme.pk}/delete/", {"post": "yes"})

    assert not Workspace.objects.exists()
    assert not alice.memberships.exists()
