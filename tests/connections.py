"""Connections to arrange a test by."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet

from beton.models import Workspace
from integrations_posthog.encryption import SealedText
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Key
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import connection_service


def actor() -> Actor:
    """Alice."""
    return Actor(name="alice")


def service_of(workspace: Workspace) -> PostHogValidatorService:
    """The use cases of a workspace, acted by Alice."""
    return connection_service(workspace=workspace, actor=actor())


def connect(workspace: Workspace, key: Key = KEYS.full) -> PosthogWorkspaceConfig:
    """Connect a workspace to the stand-in PostHog, as its owner does."""
    service_of(workspace).validate_and_store_config(api_key=key.value)
    return PosthogWorkspaceConfig.objects.get(workspace=workspace)


def store_connection(workspace: Workspace, **columns: Any) -> PosthogWorkspaceConfig:
    """A connection of which nobody was asked, with the key ``full`` and no history."""
    facts = {
        "posthog_host": "https://us.posthog.com",
        "posthog_project_id": "12345",
        "is_validated": True,
    } | columns
    config = PosthogWorkspaceConfig(workspace=workspace, **facts)
    config.set_api_key(KEYS.full.value)
    config.save()
    return config


def lose_encryption_key(config: PosthogWorkspaceConfig) -> None:
    """From now on none of the encryption keys opens what is stored."""
    token = Fernet(Fernet.generate_key()).encrypt(b"phx_of_yesterday").decode()
    row = PosthogWorkspaceConfig.objects.filter(pk=config.pk)
    row.update(posthog_api_key=SealedText(token))
