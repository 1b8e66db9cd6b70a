"""The frame around every page, the pages for when something is wrong, and the public ones."""

from __future__ import annotations

from typing import NoReturn

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path

from tests.beton.test_login import log_in

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest) -> NoReturn:
    raise RuntimeError("internal detail")


def forbidden(request: HttpRequest) -> NoReturn:
    raise PermissionDenied("You are in no workspace")


urlpatterns = [
    path("broken", broken),
    path("forbidden", forbidden),
    path("", include("beton.urls")),
]


def test_the_frame_names_the_user_the_workspace_and_the_way_out(
    client: Client, alice: User
) -> None:
    client.force_login(alice)
    page = client.get("/nowhere").content.decode()

    assert "alice" in page
    assert "Acme" in page
    assert 'action="/logout/"' in page
    assert 'href="/admin/"' not in page


def test_staff_finds_the_admin(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)

    assert 'href="/admin/"' in client.get("/nowhere").content.decode()


def test_the_keyboard_can_skip_to_the_content(client: Client) -> None:
    page = client.get("/login/").content.decode()

    assert page.index('href="#main"') < page.index("<header")
    assert 'id="main"' in page


@pytest.mark.parametrize("path", ["/static/beton/beton.css", "/static/beton/mark.svg"])
def test_static_files_are_served_without_collectstatic(path: str, client: Client) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    answer.close()


def test_an_unknown_address_is_not_found_with_a_way_back(client: Client) -> None:
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.urls(__name__)
def test_who_may_not_is_told_why(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = client.get("/forbidden")

    assert answer.status_code == 403
    assert "You are in no workspace." in answer.content.decode()


@pytest.mark.urls(__name__)
def test_a_fault_of_ours_is_admitted_without_details(alice: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    answer = client.get("/broken")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
    assert "internal detail" not in answer.content.decode()


def test_an_outdated_form_says_what_to_do(alice: User) -> None:
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "alice"})

    assert answer.status_code == 403
    assert "Load the page again" in answer.content.decode()


def test_a_refused_log_in_leads_back(client: Client) -> None:
    for _ in range(10):
        log_in(client, "alice")
    page = client.post("/login/", {"username": "alice"}, REMOTE_ADDR="192.0.2.1").content.decode()

    assert 'href="/login/"' in page


@pytest.mark.parametrize("path", ["/api/schema", "/api/docs"])
def test_the_documentation_is_public(path: str, client: Client) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert b"cdn" not in answer.content.lower()


def test_a_stale_token_does_not_close_the_documentation(client: Client) -> None:
    answer = client.get("/api/docs", headers={"Authorization": "Bearer stale"})

    assert answer.status_code == 200


def test_the_browsable_api_shows_the_way_to_log_in(client: Client) -> None:
    answer = client.get("/api/posthog/status", headers={"Accept": "text/html"})

    assert "/login/?next=/api/posthog/status" in answer.content.decode()
