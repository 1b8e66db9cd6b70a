"""``manage.py posthog_check``: one connection, or all of them, tested and told."""

from __future__ import annotations

import time

import pytest

from beton.models import Workspace
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from tests.connections import connect, lose_encryption_key, service_of, store_connection

from .conftest import Run

COMMAND = "posthog_check"


def rechecks() -> list[str]:
    return list(
        PosthogConnectionEvent.objects.filter(action="recheck")
        .order_by("workspace__name")
        .values_list("workspace__name", flat=True)
    )


class TestOne:
    def test_a_connection_that_works_ends_with_zero(
        self, run: Run, acme: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        for name in (acme.pk, acme.slug):
            done = run(COMMAND, "--workspace", name)
            assert (done.code, done.progress) == (0, "")
            assert done.out.splitlines() == [
                "  ✓ Key      phx_…Full",
                f"  ✓ Region   {posthog.us.url}",
                "  ✓ Scopes   project:read, query:read",
                "  ✓ Project  Acme Production (12345)",
                "  ✓ Query    15,420 events in the last 30 days",
                "The connection works.",
            ]
        assert rechecks() == ["Acme", "Acme"]

    def test_one_that_was_refused_ends_with_one_and_is_noted(
        self, run: Run, acme: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        posthog.us.revoke(KEYS.full)
        done = run(COMMAND, "--workspace", "acme")
        assert done.code == 1
        assert done.error.startswith("Invalid or unauthorized API key. Check in PostHog")
        assert done.out.splitlines()[0] == "  ✗ Key      Invalid or unauthorized API key"
        assert PosthogWorkspaceConfig.objects.get().is_validated is False

    @pytest.mark.parametrize("name", ["acme", "initech"])
    def test_there_must_be_a_connection_and_a_workspace(
        self, run: Run, acme: Workspace, name: str
    ) -> None:
        done = run(COMMAND, "--workspace", name)
        assert (done.code, done.out) == (1, "")
        assert (
            done.error
            == {
                "acme": "PostHog is not connected in this workspace. Connect PostHog first.",
                "initech": "There is no workspace with the id or slug 'initech'.",
            }[name]
        )


class TestAll:
    def test_each_is_told_and_the_disconnected_are_left_out(
        self, run: Run, posthog: Sandbox, db: None
    ) -> None:
        names = ["Good", "Refused", "Unreadable", "Away"]
        good, refused, unreadable, away = (Workspace.objects.create(name=name) for name in names)
        connect(good)
        connect(refused, KEYS.several)
        lose_encryption_key(connect(unreadable))
        connect(away)
        service_of(away).disconnect()
        posthog.us.revoke(KEYS.several)

        done = run(COMMAND, "--all")

        assert done.code == 1
        assert done.error == "2 of 3 connections failed the check."
        for start in (
            "✓ Good",
            "✗ Refused: Invalid or unauthorized API key. Check in PostHog",
            "✗ Unreadable: The stored API key cannot be decrypted. Connect again",
        ):
            assert f"\n{start}" in f"\n{done.out}"
        assert done.out.count("\n") == 3
        assert rechecks() == ["Good", "Refused", "Unreadable"]

    def test_all_well_ends_with_zero(self, run: Run, acme: Workspace, posthog: Sandbox) -> None:
        connect(acme)
        done = run(COMMAND, "--all")
        assert (done.code, done.out) == (0, "✓ Acme\nConnections that work: 1.\n")
        assert "\r" not in done.progress

    def test_none_at_all_ends_with_zero(self, run: Run, db: None) -> None:
        done = run(COMMAND, "--all")
        assert (done.code, done.out) == (0, "Connections that work: 0.\n")

    def test_many_are_checked_ten_at_a_time_with_progress_on_a_terminal(
        self, run: Run, posthog: Sandbox, db: None
    ) -> None:
        for number in range(23):
            workspace = Workspace.objects.create(name=f"W{number:02}")
            store_connection(workspace, posthog_host=posthog.us.url)
        posthog.us.fail("slow", seconds=0.5, path="personal_api_keys")

        start = time.monotonic()
        done = run(COMMAND, "--all", terminal=True)
        seconds = time.monotonic() - start

        assert done.code == 0
        assert rechecks() == [f"W{number:02}" for number in range(23)]
        assert 3 * 0.5 < seconds < 23 * 0.5
        for shown in ("0/23", "10/23", "20/23", "23/23"):
            assert shown in done.progress


def test_which_ones_has_to_be_said(run: Run) -> None:
    assert run(COMMAND).code == 1
    assert run(COMMAND, "--all", "--workspace", "acme").code == 1
