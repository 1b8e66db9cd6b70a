"""``manage.py posthog_rotate_keys``: told as it goes, and killed without loss."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import PosthogWorkspaceConfig
from tests.connections import lose_encryption_key, store_connection
from tests.processes import ROOT, environment, wait_until

from .conftest import Run

COMMAND = "posthog_rotate_keys"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ROWS = 3000


@pytest.fixture(autouse=True)
def _old_key(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [OLD]


@pytest.mark.django_db
class TestWords:
    @pytest.fixture
    def stored(self, settings: Settings) -> list[PosthogWorkspaceConfig]:
        """Three connections under the old key, which is no longer the first one."""
        workspaces = [Workspace.objects.create(name=f"W{number}") for number in range(3)]
        configs = [store_connection(workspace) for workspace in workspaces]
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW, OLD]
        return configs

    def test_it_says_what_it_did_and_what_may_be_dropped(
        self, run: Run, stored: list[PosthogWorkspaceConfig]
    ) -> None:
        done = run(COMMAND)
        assert done.code == 0
        assert done.out.splitlines() == [
            "Encrypted anew: 3. Up to date before: 0.",
            "Only the first encryption key is needed now.",
        ]
        assert done.progress == ""
        assert run(COMMAND).out.startswith("Encrypted anew: 0. Up to date before: 3.")

    def test_on_a_terminal_it_shows_progress(
        self, run: Run, stored: list[PosthogWorkspaceConfig]
    ) -> None:
        progress = run(COMMAND, terminal=True).progress
        assert "0/3" in progress
        assert "3/3" in progress

    def test_what_no_key_opens_is_named_and_the_old_key_not_given_up(
        self, run: Run, stored: list[PosthogWorkspaceConfig]
    ) -> None:
        lose_encryption_key(stored[1])
        done = run(COMMAND)
        assert done.code == 1
        assert done.out == "Encrypted anew: 2. Up to date before: 0.\n"
        assert "Stored keys that none of the encryption keys opens: 1." in done.error
        assert done.error.endswith(f"connect anew: {stored[1].workspace_id}")

    def test_nothing_stored_is_nothing_to_do(self, run: Run, db: None) -> None:
        done = run(COMMAND, terminal=True)
        assert (done.code, done.progress.count("0/0") > 0) == (0, False)
        assert done.out.startswith("Encrypted anew: 0. Up to date before: 0.")


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", COMMAND],
        cwd=ROOT,
        env=environment(BETON_ENCRYPTION_KEY=f"{NEW},{OLD}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.django_db(transaction=True)
def test_killed_half_way_nothing_is_lost_and_a_second_run_finishes(settings: Settings) -> None:
    workspaces = [Workspace(name=f"W{number}", slug=f"w{number}") for number in range(ROWS)]
    Workspace.objects.bulk_create(workspaces)
    keys = [f"phx_{number:040}" for number in range(ROWS)]
    configs = [
        PosthogWorkspaceConfig(workspace=workspace, posthog_project_id="1")
        for workspace in workspaces
    ]
    for config, key in zip(configs, keys, strict=True):
        config.set_api_key(key)
    PosthogWorkspaceConfig.objects.bulk_create(configs)

    before = tokens()
    early = min(before)
    process = start()
    wait_until(lambda: tokens(pk=early) != {early: before[early]}, seconds=30)
    process.kill()
    process.wait()

    after = tokens()
    assert 0 < sum(after[pk] != before[pk] for pk in before) < ROWS
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW, OLD]
    assert stored_keys() == keys

    assert start().wait(timeout=60) == 0
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW]
    assert stored_keys() == keys


def tokens(**which: str) -> dict[str, str]:
    """The ciphertexts by the ids of their connections, as the rotation goes through them."""
    configs = PosthogWorkspaceConfig.objects.filter(**which)
    return {config.pk: config.posthog_api_key.token for config in configs}


def stored_keys() -> list[str]:
    return sorted(config.posthog_api_key.open() for config in PosthogWorkspaceConfig.objects.all())
