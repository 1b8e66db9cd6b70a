"""``manage.py posthog_connect``: where the key comes from, what is printed, how it ends."""

from __future__ import annotations

import getpass
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command

from beton.models import Workspace
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Key, Sandbox
from tests.processes import ROOT, environment

from .conftest import Run

COMMAND = "posthog_connect"


@pytest.fixture
def key_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[Key], None]:
    """The environment holds this key."""
    return lambda key: monkeypatch.setenv("POSTHOG_API_KEY", key.value)


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTHOG_API_KEY", raising=False)


def stored_key() -> str:
    return str(PosthogWorkspaceConfig.objects.get().posthog_api_key.open())


def test_it_prints_each_check_and_the_outcome(
    run: Run, acme: Workspace, posthog: Sandbox, key_is: Callable[[Key], None]
) -> None:
    key_is(KEYS.full)
    done = run(COMMAND, "--workspace", "acme")
    assert done.code == 0
    assert done.out.splitlines() == [
        "Checking the key with PostHog ...",
        "  ✓ Key      phx_…Full",
        f"  ✓ Region   {posthog.us.url}",
        "  ✓ Scopes   project:read, query:read",
        "  ✓ Project  Acme Production (12345)",
        "  ✓ Query    15,420 events in the last 30 days",
        "Connected to Acme Corp.",
    ]
    event = PosthogConnectionEvent.objects.get()
    assert event.actor_name == f"{getpass.getuser()} (command line)"


def test_a_workspace_is_named_by_id_or_slug(
    run: Run, acme: Workspace, globex: Workspace, posthog: Sandbox, key_is: Callable[[Key], None]
) -> None:
    key_is(KEYS.full)
    for name in (acme.pk, "globex"):
        assert run(COMMAND, "--workspace", name).code == 0
    connected = PosthogWorkspaceConfig.objects.values_list("workspace_id", flat=True)
    assert set(connected) == {acme.pk, globex.pk}


@pytest.mark.parametrize("name", ["initech", "", "0" * 36, "a" * 1000])
def test_an_unknown_workspace_is_named_before_a_key_is_asked_for(
    run: Run, acme: Workspace, name: str
) -> None:
    done = run(COMMAND, "--workspace", name)
    assert done.code == 1
    assert done.error == f"There is no workspace with the id or slug {name!r}."


class TestTheKey:
    def test_it_is_asked_for_without_showing_it(
        self, run: Run, acme: Workspace, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def answer(prompt: str) -> str:
            asked.append(prompt)
            return KEYS.full.value

        monkeypatch.setattr(getpass, "getpass", answer)
        done = run(COMMAND, "--workspace", "acme")
        assert done.code == 0
        assert asked == ["Personal API key (not shown): "]
        assert stored_key() == KEYS.full.value
        assert KEYS.full.value not in done.out

    @pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
    def test_giving_none_ends_it_in_words(
        self,
        run: Run,
        acme: Workspace,
        monkeypatch: pytest.MonkeyPatch,
        end: type[BaseException],
    ) -> None:
        def leave(prompt: str) -> str:
            raise end

        monkeypatch.setattr(getpass, "getpass", leave)
        done = run(COMMAND, "--workspace", "acme")
        assert (done.code, done.out) == (1, "")
        assert done.error == "No key was given. Type it, or set POSTHOG_API_KEY."

    @pytest.mark.parametrize("end", ["", "\n", "\r\n\n"])
    def test_it_is_read_from_a_file_whose_last_line_ends_or_not(
        self, run: Run, acme: Workspace, posthog: Sandbox, tmp_path: Path, end: str
    ) -> None:
        file = tmp_path / "key"
        file.write_bytes((KEYS.full.value + end).encode())
        assert run(COMMAND, "--workspace", "acme", "--key-file", str(file)).code == 0
        assert stored_key() == KEYS.full.value

    def test_a_file_is_read_even_if_the_environment_has_another(
        self,
        run: Run,
        acme: Workspace,
        posthog: Sandbox,
        tmp_path: Path,
        key_is: Callable[[Key], None],
    ) -> None:
        key_is(KEYS.full)
        file = tmp_path / "key"
        file.write_text(KEYS.phc.value)
        assert run(COMMAND, "--workspace", "acme", "--key-file", str(file)).code == 0
        assert stored_key() == KEYS.phc.value

    def test_a_file_that_cannot_be_read_is_named(
        self, run: Run, acme: Workspace, tmp_path: Path
    ) -> None:
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        for file in (tmp_path / "missing", tmp_path / "binary", tmp_path):
            done = run(COMMAND, "--workspace", "acme", "--key-file", str(file))
            assert (done.code, done.error) == (1, f"The key file {file} cannot be read.")

    def test_it_is_never_an_argument(self, run: Run, acme: Workspace, posthog: Sandbox) -> None:
        key = KEYS.full.value
        for arguments in ([key], ["--key", key], ["--api-key", key], ["--api_key", key]):
            assert run(COMMAND, "--workspace", "acme", *arguments).code == 1
        assert not posthog.us.requests


@pytest.mark.parametrize(
    ("key", "fault", "states", "says"),
    [
        (KEYS.revoked, None, "✗----", "Invalid or unauthorized API key. Check in PostHog"),
        (KEYS.no_query, None, "✓✓✗--", "The key lacks query:read. Make one that has both"),
        (KEYS.no_project, None, "✓✓✓✗-", "Project/workspace not found. "),
        (KEYS.full, "429", "-✗---", "PostHog's rate limit exceeded. PostHog asks us to wait."),
        (KEYS.full, "500", "-✗---", "PostHog API returned an error. Check that a PostHog"),
        (KEYS.full, "drop", "-✗---", "Network/connection failure: PostHog could not be reached."),
    ],
    ids=lambda value: getattr(value, "label", value),
)
def test_a_failure_shows_how_far_it_came_and_what_to_do(
    run: Run,
    acme: Workspace,
    posthog: Sandbox,
    key_is: Callable[[Key], None],
    key: Key,
    fault: str | None,
    states: str,
    says: str,
) -> None:
    if fault:
        posthog.us.fail(fault)
    key_is(key)
    done = run(COMMAND, "--workspace", "acme")
    assert done.code == 1
    assert says in done.error
    assert "".join(line.strip()[0] for line in done.out.splitlines()[1:]) == states
    assert not PosthogWorkspaceConfig.objects.exists()


def test_what_is_no_key_is_refused_without_asking_posthog(
    run: Run, acme: Workspace, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTHOG_API_KEY", "sk_live_abcdefghijklmnop")
    done = run(COMMAND, "--workspace", "acme")
    assert done.code == 1
    assert "Invalid API key format." in done.error
    assert "This looks like a key of Stripe's, not of PostHog." in done.error
    assert not posthog.us.requests


def test_host_and_project_can_be_chosen_and_the_others_are_listed(
    run: Run, acme: Workspace, posthog: Sandbox, key_is: Callable[[Key], None]
) -> None:
    key_is(KEYS.several)
    done = run(COMMAND, "--workspace", "acme", "--host", posthog.us.url, "--project", "202")
    assert done.code == 0
    listed = done.out.partition("The key reaches several projects; --project takes another one:\n")
    ids = [line.split()[0] for line in listed[2].splitlines()]
    connected = [line for line in listed[2].splitlines() if line.endswith("  (connected)")]
    assert ids == ["201", "202", "203"]
    assert [line.split()[0] for line in connected] == ["202"]


def test_its_help_tells_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command(COMMAND, "--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "default: the setting INTEGRATIONS_POSTHOG_HOST, which is PostHog Cloud unless" in shown
    assert "default: the only one, or that with the lowest id" in shown


def test_events_that_could_not_be_counted_are_explained(
    run: Run, acme: Workspace, posthog: Sandbox, key_is: Callable[[Key], None]
) -> None:
    posthog.us.fail("512", path="/query/")
    key_is(KEYS.full)
    done = run(COMMAND, "--workspace", "acme")
    assert done.code == 0
    assert "  ? Query    PostHog expects that counting the events takes too long" in done.out


@pytest.mark.django_db(transaction=True)
def test_a_shell_sees_the_exit_code_and_one_line_of_error(
    acme: Workspace, posthog: Sandbox
) -> None:
    regions = f"{posthog.us.url},{posthog.eu.url}"
    done = subprocess.run(
        [sys.executable, "manage.py", COMMAND, "--workspace", "acme"],
        cwd=ROOT,
        env=environment(
            POSTHOG_CLOUD_REGIONS=regions,
            POSTHOG_TRUSTED_ORIGINS=regions,
            POSTHOG_API_KEY=KEYS.revoked.value,
            DJANGO_DEBUG="true",
            DJANGO_LOG_LEVEL="WARNING",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("\n") == 6
    [error] = done.stderr.splitlines()
    assert error.startswith("CommandError: Invalid or unauthorized API key.")


def test_another_project_in_place_of_one_whose_usage_is_stored_has_to_be_said_so(
    run: Run, acme: Workspace, posthog: Sandbox, key_is: Callable[[Key], None]
) -> None:
    key_is(KEYS.several)
    assert run(COMMAND, "--workspace", "acme", "--project", "201").code == 0
    source = UsageSource.objects.create(
        connection=PosthogWorkspaceConfig.objects.get(),
        posthog_host=posthog.us.url,
        posthog_project_id="201",
    )
    source.days.create(day=date(2026, 11, 1), state="green", events_posthog=1)
    again = (COMMAND, "--workspace", "acme", "--project", "202")
    refused = run(*again)
    assert refused.code == 1
    assert refused.error.endswith("With --replace it is removed.")
    assert PosthogWorkspaceConfig.objects.get().posthog_project_id == "201"
    assert run(*again, "--replace").code == 0
    assert PosthogWorkspaceConfig.objects.get().posthog_project_id == "202"
    assert not UsageSource.objects.exists()
