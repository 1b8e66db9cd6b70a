"""Logging in and out by the page, and how often one may try."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def log_in(client: Client, name: str, password: str = "wrong", address: str = "192.0.2.1") -> int:
    form = {"username": name, "password": password}
    return client.post("/login/", form, REMOTE_ADDR=address).status_code


def test_the_right_password_leads_to_the_start_page(client: Client, alice: User) -> None:
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert "beton_session" in client.cookies


def test_one_comes_back_to_where_one_was_going(client: Client, alice: User) -> None:
    form = {"username": "alice", "password": PASSWORD, "next": "/settings/posthog/"}

    assert client.post("/login/", form).headers["Location"] == "/settings/posthog/"


def test_but_not_to_another_site(client: Client, alice: User) -> None:
    form = {"username": "alice", "password": PASSWORD, "next": "https://evil.test/"}

    assert client.post("/login/", form).headers["Location"] == "/"


def test_a_wrong_password_is_said_and_the_name_kept(client: Client, alice: User) -> None:
    page = client.post("/login/", {"username": "alice", "password": "wrong"}).content.decode()

    assert 'role="alert"' in page
    assert 'value="alice"' in page
    assert "wrong" not in page


@pytest.mark.parametrize("name", ["", "\x00", "x" * 10_000, "é", "<script>"])
def test_odd_names_are_refused_in_words(name: str, client: Client, db: None) -> None:
    answer = client.post("/login/", {"username": name, "password": "x"})

    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode()


def test_an_inactive_user_does_not_get_in(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert log_in(client, "alice", PASSWORD) == 200


def test_logging_out_takes_a_post_and_ends_the_session(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get("/settings/posthog/").headers["Location"].startswith("/login/")


def test_the_start_page_is_the_settings_page(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/").headers["Location"] == "/settings/posthog/"


def test_an_eleventh_try_from_one_address_is_refused_with_the_time_to_wait(
    client: Client, alice: User
) -> None:
    tries = [log_in(client, f"user{number}") for number in range(10)]
    answer = client.post(
        "/login/", {"username": "alice", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1"
    )

    assert tries == [200] * 10
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert f"Wait {answer.headers['Retry-After']} second" in answer.content.decode()
    assert log_in(client, "alice", PASSWORD, address="192.0.2.2") == 302


def test_an_eleventh_try_at_one_name_is_refused_wherever_it_comes_from(
    client: Client, alice: User, bob: User
) -> None:
    tries = [log_in(client, "alice", address=f"192.0.2.{number}") for number in range(10)]

    assert tries == [200] * 10
    assert log_in(client, "alice", PASSWORD, address="192.0.2.99") == 429
    assert log_in(client, "bob", PASSWORD, address="192.0.2.99") == 302


@pytest.mark.parametrize("spelling", ["ALICE", " alice ", "ａｌｉｃｅ"])
def test_other_spellings_of_a_name_are_no_way_around(
    spelling: str, client: Client, alice: User
) -> None:
    for number in range(10):
        log_in(client, "alice", address=f"192.0.2.{number}")

    assert log_in(client, spelling, PASSWORD, address="192.0.2.99") == 429


def test_a_forwarded_address_changes_nothing(client: Client, db: None) -> None:
    tries = [
        client.post(
            "/login/",
            {"username": f"user{number}", "password": "x"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        ).status_code
        for number in range(11)
    ]

    assert tries[-1] == 429


def test_page_and_api_count_together(client: Client, alice: User) -> None:
    for _ in range(5):
        log_in(client, "alice")
        client.post(
            "/api/auth/token", {"username": "alice", "password": "wrong"}, REMOTE_ADDR="192.0.2.1"
        )

    assert log_in(client, "alice") == 429


def test_looking_at_the_page_does_not_count(client: Client, alice: User) -> None:
    for _ in range(20):
        client.get("/login/")

    assert log_in(client, "alice", PASSWORD) == 302


def test_while_the_cache_is_down_nobody_gets_to_guess(
    client: Client, alice: User, dead_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(client, "alice", PASSWORD) == 503
    assert "cache" in caplog.text


def test_who_is_logged_in_stays_so_while_the_cache_is_down(
    client: Client, alice: User, dead_cache: None
) -> None:
    client.force_login(alice)

    assert client.get("/api/posthog/status").status_code == 200


class TestAdmin:
    def test_its_log_in_is_ours_with_the_same_limit(self, client: Client, db: None) -> None:
        answer = client.get("/admin/", follow=True)

        assert answer.redirect_chain[-1][0] == "/login/?next=/admin/"

    def test_it_takes_no_passwords_itself(self, client: Client, admin_user: User) -> None:
        client.post("/admin/login/", {"username": "admin", "password": "password"})

        assert "beton_session" not in client.cookies

    def test_staff_gets_in(self, client: Client, admin_user: User) -> None:
        form = {"username": "admin", "password": "password", "next": "/admin/"}
        client.post("/login/", form)

        assert client.get("/admin/").status_code == 200

    def test_who_is_no_staff_is_told_so(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/admin/", follow=True).status_code == 403
