"""Stored keys come under the first encryption key, whatever happens meanwhile."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.encryption import SealedText
from integrations_posthog.models import PosthogWorkspaceConfig, Webhook
from integrations_posthog.services import rotation
from integrations_posthog.services.rotation import Rotation, rotate_encryption
from tests.webhooks import store_webhook

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
KEYS = [f"phx_{number:040}" for number in range(5)]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stored_under_the_old_key(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [OLD]
    for number, key in enumerate(KEYS):
        workspace = Workspace.objects.create(name=f"W{number}")
        config = PosthogWorkspaceConfig(workspace=workspace, posthog_project_id="1")
        config.set_api_key(key)
        config.save()
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW, OLD]


def rotate() -> Rotation:
    return rotate_encryption(on_total=lambda _: None, on_progress=lambda _: None)


def readable_keys() -> list[str]:
    return sorted(config.posthog_api_key.open() for config in PosthogWorkspaceConfig.objects.all())


def test_afterwards_the_old_key_can_be_dropped(settings: Settings) -> None:
    assert rotate().rotated == len(KEYS)
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW]
    assert readable_keys() == KEYS


def test_running_it_again_changes_nothing() -> None:
    rotate()
    again = rotate()
    assert (again.rotated, again.current) == (0, len(KEYS))


def test_killed_at_any_point_nothing_is_lost_and_the_next_run_finishes(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    real = rotation._rotate
    for survives in range(len(KEYS)):
        left = [survives]

        def die_after(
            config: PosthogWorkspaceConfig, column: str, result: Rotation, left: list[int] = left
        ) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            real(config, column, result)

        monkeypatch.setattr(rotation, "_rotate", die_after)
        with pytest.raises(KeyboardInterrupt):
            rotate()
        assert readable_keys() == KEYS
    monkeypatch.setattr(rotation, "_rotate", real)
    rotate()
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW]
    assert readable_keys() == KEYS


def test_a_key_that_is_stored_meanwhile_wins(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    config = PosthogWorkspaceConfig.objects.order_by("pk")[0]
    fresh = "phx_" + "9" * 40
    real = SealedText.resealed

    def overtaken(self: SealedText) -> SealedText | None:
        resealed = real(self)
        if self.token == config.posthog_api_key.token:
            # A server that still runs with the old order of encryption keys stores another one.
            token = Fernet(OLD).encrypt(fresh.encode()).decode()
            PosthogWorkspaceConfig.objects.filter(pk=config.pk).update(
                posthog_api_key=SealedText(token)
            )
        return resealed

    monkeypatch.setattr(SealedText, "resealed", overtaken)
    rotate()
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW]
    assert PosthogWorkspaceConfig.objects.get(pk=config.pk).posthog_api_key.open() == fresh


def test_what_no_key_opens_is_named_and_left_alone() -> None:
    lost = PosthogWorkspaceConfig.objects.order_by("pk")[2]
    token = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    PosthogWorkspaceConfig.objects.filter(pk=lost.pk).update(posthog_api_key=SealedText(token))
    result = rotate()
    assert result.unreadable == [lost.workspace_id]
    assert result.rotated == len(KEYS) - 1


def test_the_secrets_of_webhooks_come_under_it_too(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [OLD]
    for workspace in Workspace.objects.all():
        store_webhook(workspace, secret=f"whsec_{workspace.name}")
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate().rotated == 2 * len(KEYS)
    settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [NEW]
    assert {hook.secret.open() for hook in Webhook.objects.all()} == {
        f"whsec_W{number}" for number in range(len(KEYS))
    }
    assert readable_keys() == KEYS


def test_progress_is_told_from_first_to_last() -> None:
    totals: list[int] = []
    steps: list[int] = []
    rotate_encryption(on_total=totals.append, on_progress=steps.append)
    assert totals == [len(KEYS)]
    assert sum(steps) == len(KEYS)
