"""What is stored of a workspace's connection: in one transaction, with the history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from django.db import models, transaction

from ..encryption import mask
from ..errors import (
    KeyUnreadable,
    NotConfigured,
    NotFound,
    PostHogIntegrationError,
    Unauthorized,
)
from ..models import PosthogConnectionEvent, PosthogWorkspaceConfig
from .check import ConnectionCheck, Validation
from .locks import lock_workspace

logger = logging.getLogger(__name__)

_MAX_NAME = 255
_NOTED = (
    "is_validated",
    "validation_error",
    "last_error_type",
    "posthog_host",
    "api_key_hint",
    "updated_at",
)
"""Of a failure. Not the key: it may have been encrypted anew since it was read."""

Action = PosthogConnectionEvent.Action
Outcome = PosthogConnectionEvent.Outcome


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, for the history, and whether they still may when it comes to storing."""

    name: str
    confirm: Callable[[], None] = lambda: None
    """Raises PermissionDenied where the caller may no longer manage the workspace."""


class ConnectionStore:
    """The stored connection of one workspace, and its history.

    Args:
        workspace: an instance of the host's workspace model.
        actor: who acts.
        clock: tells the time, with its zone.
    """

    def __init__(
        self, *, workspace: models.Model, actor: Actor, clock: Callable[[], datetime]
    ) -> None:
        self.workspace = workspace
        self._actor = actor
        self._clock = clock

    def config(self) -> PosthogWorkspaceConfig | None:
        """The stored connection, if there is one."""
        return PosthogWorkspaceConfig.objects.filter(workspace_id=self.workspace.pk).first()

    def existing_config(self) -> PosthogWorkspaceConfig:
        """The stored connection.

        Raises:
            NotConfigured: there is none.
        """
        config = self.config()
        if config is None:
            raise NotConfigured
        return config

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The one transaction of a use case; those of one workspace come one after another.

        Raises:
            NotFound: the workspace was deleted meanwhile.
            PermissionDenied: the actor may not, or no longer.
        """
        with transaction.atomic():
            if not lock_workspace(pk=self.workspace.pk):
                raise NotFound
            self._actor.confirm()
            yield

    @contextmanager
    def failure_recorded(self, action: str) -> Iterator[None]:
        """Put into the history what already fails before PostHog is asked."""
        try:
            yield
        except PostHogIntegrationError as exc:
            with self.transaction():
                self.record(action, error=exc)
            raise

    def save(
        self,
        config: PosthogWorkspaceConfig | None,
        *,
        check: ConnectionCheck,
        found: Validation,
        reactivate: bool,
    ) -> None:
        """Keep what a good check found, in the stored connection or else in a new one."""
        config = config or PosthogWorkspaceConfig(workspace_id=self.workspace.pk)
        config.set_api_key(check.api_key)
        config.posthog_host = found.host
        config.posthog_workspace_name = found.workspace_name
        config.posthog_project_id = found.project_id
        config.posthog_project_name = found.project_name
        config.events_count = found.events_count
        config.projects = found.as_plain_data()["projects"]
        config.mark_valid(at=self._clock())
        if reactivate:
            config.is_active = True
        config.save()

    def record_check(
        self,
        *,
        check: ConnectionCheck,
        outcome: Validation | PostHogIntegrationError,
        is_recheck: bool,
    ) -> None:
        """Put a check that was run into the history."""
        found = None if isinstance(outcome, PostHogIntegrationError) else outcome
        self.record(
            Action.RECHECK if is_recheck else Action.CONNECT,
            error=outcome if isinstance(outcome, PostHogIntegrationError) else None,
            posthog_host=found.host if found else check.host,
            posthog_project_id=found.project_id if found else check.project_id or "",
            api_key_hint=mask(check.api_key),
            report=check.report(),
        )

    def record(
        self, action: str, *, error: PostHogIntegrationError | None = None, **facts: Any
    ) -> None:
        """Put one act into the history, with further columns of it as ``facts``."""
        if error is not None:
            facts |= {
                "error_type": error.error_type,
                "error": error.message,
                "hint": error.hint or "",
            }
        PosthogConnectionEvent.objects.create(
            workspace_id=self.workspace.pk,
            occurred_at=self._clock(),
            actor_name=self._actor.name[:_MAX_NAME],
            action=action,
            outcome=Outcome.OK if error is None else Outcome.FAILED,
            **facts,
        )
        outcome = "ok" if error is None else error.error_type
        logger.info("%s of workspace %s: %s", action, self.workspace.pk, outcome)


def note_failure(
    config: PosthogWorkspaceConfig, *, check: ConnectionCheck, error: PostHogIntegrationError
) -> None:
    """Note the failed check of a stored key at its connection.

    Only PostHog's own word on the key or on the stored project invalidates it; trouble on the
    way is just noted, and what concerns another project is not noted at all. A row that lacks
    its host and the hint of its key gets those of the check, which is found by them later.
    """
    of_key = isinstance(error, Unauthorized) and (error.status == 401 or error.missing_scopes)
    of_stored_project = check.project_id == config.posthog_project_id
    if of_key or (of_stored_project and isinstance(error, Unauthorized | NotFound)):
        config.mark_refused(error=error.message, error_type=error.error_type)
    elif of_stored_project:
        config.mark_unreachable(error_type=error.error_type)
    else:
        return
    if of_stored_project:
        config.posthog_host, config.api_key_hint = check.host, mask(check.api_key)
    config.save(update_fields=_NOTED)


def is_checked_by(config: PosthogWorkspaceConfig, check: ConnectionCheck) -> bool:
    """Whether it is the stored key that a check tests, at the instance it is stored for."""
    return config.posthog_host in ("", check.host) and is_key_of(config, check.api_key)


def is_key_of(config: PosthogWorkspaceConfig, api_key: str) -> bool:
    """Whether this key is the stored one; one that cannot be decrypted is not."""
    try:
        return compare_digest(config.posthog_api_key.open().encode(), api_key.encode())
    except KeyUnreadable:
        return False


def unreadable_reason(config: PosthogWorkspaceConfig) -> KeyUnreadable | None:
    """Why the stored key cannot be used; None where it can be decrypted."""
    try:
        config.posthog_api_key.open()
    except KeyUnreadable as exc:
        return exc
    return None
