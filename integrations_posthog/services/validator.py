"""The use cases of a workspace's connection: validate, store, re-check, disconnect, tell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from django.db import models, transaction

from ..client.hosts import candidate_origins, canonical_origin
from ..conf import app_settings
from ..encryption import mask
from ..errors import (
    KeyUnreadable,
    NotConfigured,
    NotFound,
    PostHogIntegrationError,
    Unauthorized,
)
from ..models import PosthogConnectionEvent, PosthogWorkspaceConfig
from .check import (
    ConnectionCheck,
    Validation,
    operator_network,
    parse_api_key,
    parse_project_id,
)

logger = logging.getLogger(__name__)

Action = PosthogConnectionEvent.Action
Outcome = PosthogConnectionEvent.Outcome


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, for the history, and whether they still may when it comes to storing."""

    name: str
    confirm: Callable[[], None] = lambda: None
    """Raises PermissionDenied where the caller may no longer manage the workspace."""


@dataclass(frozen=True, kw_only=True)
class ConfigStatus:
    """The eight fields of the status; None where unknown."""

    is_configured: bool
    is_validated: bool = False
    is_active: bool = False
    workspace_name: str | None = None
    project_id: str | None = None
    validated_at: datetime | None = None
    last_sync: datetime | None = None
    validation_error: str | None = None

    def as_plain_data(self) -> dict[str, bool | str | None]:
        """The fields as JSON holds them: times in UTC to the second, such as
        ``2025-01-15T10:30:00Z``."""
        return asdict(self) | {
            "validated_at": _utc_text(self.validated_at),
            "last_sync": _utc_text(self.last_sync),
        }


class PostHogValidatorService:
    """The connection of one workspace, acted upon by one actor.

    No transaction is open while PostHog is asked. What is stored is stored in one transaction
    that holds the workspace's row, asks again whether the actor may, and writes the history.

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

    def validate_credentials(
        self, *, api_key: str, host: str | None = None, project_id: str | None = None
    ) -> Validation:
        """Test a key against PostHog; store nothing.

        Args:
            api_key: as pasted; white space around it does not matter.
            host: address of a PostHog; None for that of the settings.
            project_id: the project to connect; None for the only or the oldest one.

        Raises:
            PostHogIntegrationError: any error type of the API's table.
        """
        return self._prepare(api_key=api_key, host=host, project_id=project_id).run()

    def validate_and_store_config(
        self, *, api_key: str, host: str | None = None, project_id: str | None = None
    ) -> Validation:
        """Test a key and, if all of it succeeds, connect the workspace with it.

        A failure leaves a working connection as it was, unless it is the stored key itself
        that PostHog refused. Arguments and errors are those of ``validate_credentials``.

        Raises:
            NotFound: also where the workspace was deleted meanwhile.
            PermissionDenied: the actor may not, or no longer.
        """
        with self._failure_recorded(Action.CONNECT):
            check = self._prepare(api_key=api_key, host=host, project_id=project_id)
        return self.conclude(check, check.outcome(), reactivate=True)

    def choose_project(self, *, project_id: str) -> Validation:
        """Connect another project with the stored key. Raises what the others do."""
        config = self._existing_config()
        return self.validate_and_store_config(
            api_key=config.posthog_api_key.open(), host=config.posthog_host, project_id=project_id
        )

    def recheck(self) -> Validation:
        """Test the stored key and note the outcome; a disconnected one stays disconnected.

        Raises:
            NotConfigured: nothing is stored.
            KeyUnreadable: none of the encryption keys opens the stored key.
        """
        check = self.prepare_recheck()
        return self.conclude(check, check.outcome(), reactivate=False)

    def prepare_recheck(self) -> ConnectionCheck:
        """The check of the stored key, not yet run. Raises what ``recheck`` raises."""
        config = self._existing_config()
        with self._failure_recorded(Action.RECHECK):
            return ConnectionCheck(
                api_key=config.posthog_api_key.open(),
                host=config.posthog_host,
                project_id=config.posthog_project_id,
                network=operator_network(),
            )

    def conclude(
        self,
        check: ConnectionCheck,
        outcome: Validation | PostHogIntegrationError,
        *,
        reactivate: bool,
    ) -> Validation:
        """Store what a check found, and give it back or raise it.

        Args:
            check: the check that was run.
            outcome: its outcome.
            reactivate: whether success (re)connects the workspace, or only notes the outcome
                for the key that was tested, if that is still the stored one.
        """
        with self._storing():
            config = self.config()
            stored = config if config is not None and _holds_key_of(config, check) else None
            if isinstance(outcome, PostHogIntegrationError):
                self._record_check(check, reconnects=reactivate, stored=stored, error=outcome)
                if stored is not None:
                    _note_failure(stored, check, outcome)
            else:
                self._record_check(check, reconnects=reactivate, stored=stored, found=outcome)
                if reactivate or stored is not None:
                    self._store(config, check, outcome, reactivate=reactivate)
        if isinstance(outcome, PostHogIntegrationError):
            raise outcome
        return outcome

    def disconnect(self) -> None:
        """Stop using the connection; keep what is stored. Doing it again changes nothing.

        Raises:
            NotConfigured: nothing is stored.
        """
        with self._storing():
            config = self._existing_config()
            if config.is_active:
                config.is_active = False
                config.save(update_fields=["is_active", "updated_at"])
                self._record(
                    Action.DISCONNECT,
                    posthog_host=config.posthog_host,
                    posthog_project_id=config.posthog_project_id,
                    api_key_hint=config.api_key_hint,
                )

    def get_config_status(self) -> ConfigStatus:
        """What is known of the connection; asks nobody."""
        config = self.config()
        if config is None:
            return ConfigStatus(is_configured=False)
        unreadable = unreadable_reason(config)
        unreadable_text = f"{unreadable.message}. {unreadable.hint}" if unreadable else None
        return ConfigStatus(
            is_configured=True,
            is_validated=bool(config.is_validated) and unreadable is None,
            is_active=bool(config.is_active),
            workspace_name=config.posthog_workspace_name,
            project_id=config.posthog_project_id,
            validated_at=config.validated_at,
            last_sync=config.last_sync,
            validation_error=unreadable_text or config.validation_error,
        )

    def config(self) -> PosthogWorkspaceConfig | None:
        """The stored connection, if there is one."""
        return PosthogWorkspaceConfig.objects.filter(workspace_id=self.workspace.pk).first()

    def _existing_config(self) -> PosthogWorkspaceConfig:
        config = self.config()
        if config is None:
            raise NotConfigured
        return config

    def _prepare(
        self, *, api_key: str, host: str | None, project_id: str | None
    ) -> ConnectionCheck:
        key = parse_api_key(api_key)
        chosen = parse_project_id(project_id)
        network = operator_network()
        origins = candidate_origins(host or app_settings.HOST, network=network)
        origin = canonical_origin(host or app_settings.HOST)
        config = self.config()
        # The stored key goes back to where it came from, and stays with its project.
        is_stored = config is not None and _opens_to(config, key)
        if config is not None and is_stored and (host is None or config.posthog_host in origins):
            origin = config.posthog_host
            chosen = chosen or config.posthog_project_id
        return ConnectionCheck(api_key=key, host=origin, project_id=chosen, network=network)

    def _store(
        self,
        config: PosthogWorkspaceConfig | None,
        check: ConnectionCheck,
        found: Validation,
        *,
        reactivate: bool,
    ) -> None:
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

    def _record_check(
        self,
        check: ConnectionCheck,
        *,
        reconnects: bool,
        stored: PosthogWorkspaceConfig | None,
        found: Validation | None = None,
        error: PostHogIntegrationError | None = None,
    ) -> None:
        is_recheck = stored is not None and (
            not reconnects or (stored.is_active and check.project_id == stored.posthog_project_id)
        )
        self._record(
            Action.RECHECK if is_recheck else Action.CONNECT,
            error=error,
            posthog_host=found.host if found else check.host,
            posthog_project_id=found.project_id if found else check.project_id or "",
            api_key_hint=mask(check.api_key),
            report=check.report(),
        )

    def _record(
        self, action: str, *, error: PostHogIntegrationError | None = None, **facts: Any
    ) -> None:
        if error is not None:
            facts |= {
                "error_type": error.error_type,
                "error": error.message,
                "hint": error.hint or "",
            }
        PosthogConnectionEvent.objects.create(
            workspace_id=self.workspace.pk,
            occurred_at=self._clock(),
            actor_name=self._actor.name,
            action=action,
            outcome=Outcome.OK if error is None else Outcome.FAILED,
            **facts,
        )
        logger.info(
            "%s of workspace %s: %s",
            action,
            self.workspace.pk,
            "ok" if error is None else error.error_type,
        )

    @contextmanager
    def _failure_recorded(self, action: str) -> Iterator[None]:
        """Put into the history what already fails before PostHog is asked."""
        try:
            yield
        except PostHogIntegrationError as exc:
            with self._storing():
                self._record(action, error=exc)
            raise

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """The one transaction of a use case; those of one workspace come one after another."""
        rows = type(self.workspace)._base_manager.select_for_update()
        with transaction.atomic():
            if not rows.filter(pk=self.workspace.pk).exists():
                raise NotFound
            self._actor.confirm()
            yield


def recheck_connections(
    services: Sequence[PostHogValidatorService],
) -> list[Validation | PostHogIntegrationError]:
    """Re-check the connections of several workspaces beside each other.

    Args:
        services: one for each workspace; keep them to about ten, each gets a thread.

    Returns:
        What each check found, or the error that it ended with, in the same order.
    """
    checks: list[ConnectionCheck | PostHogIntegrationError] = []
    for service in services:
        try:
            checks.append(service.prepare_recheck())
        except PostHogIntegrationError as exc:
            checks.append(exc)
    with ThreadPoolExecutor(max_workers=max(1, len(checks))) as threads:
        outcomes = list(
            threads.map(
                lambda check: check.outcome() if isinstance(check, ConnectionCheck) else check,
                checks,
            )
        )
    for index, (service, check) in enumerate(zip(services, checks, strict=True)):
        if isinstance(check, ConnectionCheck):
            try:
                service.conclude(check, outcomes[index], reactivate=False)
            except PostHogIntegrationError as exc:
                outcomes[index] = exc
    return outcomes


def unreadable_reason(config: PosthogWorkspaceConfig) -> KeyUnreadable | None:
    """Why the stored key cannot be used; None where it can be decrypted."""
    try:
        config.posthog_api_key.open()
    except KeyUnreadable as exc:
        return exc
    return None


def _utc_text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _opens_to(config: PosthogWorkspaceConfig, api_key: str) -> bool:
    try:
        return compare_digest(config.posthog_api_key.open().encode(), api_key.encode())
    except KeyUnreadable:
        return False


def _holds_key_of(config: PosthogWorkspaceConfig, check: ConnectionCheck) -> bool:
    return config.posthog_host == check.host and _opens_to(config, check.api_key)


def _note_failure(
    config: PosthogWorkspaceConfig, check: ConnectionCheck, error: PostHogIntegrationError
) -> None:
    """Only PostHog's own word invalidates a stored key; trouble on the way is just noted."""
    of_stored_project = check.project_id == config.posthog_project_id
    if isinstance(error, Unauthorized) or (isinstance(error, NotFound) and of_stored_project):
        config.mark_refused(error=error.message, error_type=error.error_type)
    elif of_stored_project:
        config.mark_unreachable(error_type=error.error_type)
    config.save()
