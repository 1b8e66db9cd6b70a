"""The use cases of a workspace's connection: validate, store, re-check, disconnect, tell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from django.db import models

from ..client.hosts import Network, candidate_origins, canonical_origin
from ..errors import NotFound, PostHogIntegrationError, ProjectChanged
from ..models import PosthogWorkspaceConfig, UsageSource
from .check import ConnectionCheck, Validation
from .inputs import parse_api_key, parse_project_id
from .store import (
    Action,
    Actor,
    ConnectionStore,
    is_checked_by,
    is_key_of,
    note_failure,
    unreadable_reason,
)
from .sync.runs import remove_source, stop_runs


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
        network: what the operator allows, and the default host.
    """

    def __init__(
        self,
        *,
        workspace: models.Model,
        actor: Actor,
        clock: Callable[[], datetime],
        network: Network,
    ) -> None:
        self.workspace = workspace
        self._network = network
        self._clock = clock
        self._store = ConnectionStore(workspace=workspace, actor=actor, clock=clock)

    def validate_credentials(
        self, *, api_key: str, host: str | None = None, project_id: str | None = None
    ) -> Validation:
        """Test a key against PostHog; store nothing.

        Args:
            api_key: as pasted; white space around it does not matter.
            host: address of a PostHog; None for the default one.
            project_id: the project to connect; None for the only one or that with the lowest id.

        Raises:
            PostHogIntegrationError: any error type of the API's table.
        """
        return self._prepare(api_key=api_key, host=host, project_id=project_id).run()

    def validate_and_store_config(
        self,
        *,
        api_key: str,
        host: str | None = None,
        project_id: str | None = None,
        replace: bool = False,
    ) -> Validation:
        """Test a key and, if all of it succeeds, connect the workspace with it.

        A failure leaves a working connection as it was, unless it is the stored key itself
        that PostHog refused. Arguments and errors are those of ``validate_credentials``.

        Args:
            replace: whether usage of another project, if there is any, may be removed.

        Raises:
            NotFound: also where the workspace was deleted meanwhile.
            PermissionDenied: the actor may not, or no longer.
            ProjectChanged: usage of another project is stored, and is not to be replaced.
        """
        with self.attempt():
            check = self._prepare(api_key=api_key, host=host, project_id=project_id)
        return self.conclude(check, check.outcome(), reactivate=True, replace=replace)

    def attempt(self) -> AbstractContextManager[None]:
        """Puts into the history an attempt to connect that fails before PostHog is asked."""
        return self._store.failure_recorded(Action.CONNECT)

    def choose_project(self, *, project_id: str, replace: bool = False) -> Validation:
        """Connect another project with the stored key. Raises what the others do."""
        config = self._store.existing_config()
        with self.attempt():
            api_key = config.posthog_api_key.open()
        return self.validate_and_store_config(
            api_key=api_key,
            host=config.posthog_host or None,
            project_id=project_id,
            replace=replace,
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
        config = self._store.existing_config()
        with self._store.failure_recorded(Action.RECHECK):
            return ConnectionCheck(
                api_key=config.posthog_api_key.open(),
                host=config.posthog_host or self._network.default_origin,
                project_id=config.posthog_project_id,
                network=self._network,
            )

    def conclude(
        self,
        check: ConnectionCheck,
        outcome: Validation | PostHogIntegrationError,
        *,
        reactivate: bool,
        replace: bool = False,
    ) -> Validation:
        """Store what a check found, and give it back or raise it.

        Args:
            check: the check that was run.
            outcome: its outcome.
            reactivate: whether success (re)connects the workspace, or only notes the outcome
                for the key and project that were tested, if they are still the stored ones.
            replace: whether usage of another project may be removed.
        """
        with self._store.transaction():
            config = self._store.config()
            stored = config if config is not None and is_checked_by(config, check) else None
            of_stored = stored is not None and check.project_id == stored.posthog_project_id
            is_recheck = not reactivate or (
                stored is not None and of_stored and bool(stored.is_active)
            )
            if reactivate and config is not None and isinstance(outcome, Validation):
                outcome = self._make_way(config, outcome, replace=replace)
            self._store.record_check(check=check, outcome=outcome, is_recheck=is_recheck)
            if not isinstance(outcome, PostHogIntegrationError):
                if reactivate or of_stored:
                    self._store.save(config, check=check, found=outcome, reactivate=reactivate)
            elif stored is not None:
                note_failure(stored, check=check, error=outcome)
        if isinstance(outcome, PostHogIntegrationError):
            raise outcome
        return outcome

    @staticmethod
    def _make_way(
        config: PosthogWorkspaceConfig, found: Validation, *, replace: bool
    ) -> Validation | ProjectChanged:
        """Usage of another project makes way for that which was found, or stands in its way."""
        others = UsageSource.objects.filter(connection=config).exclude(
            posthog_host=found.host, posthog_project_id=found.project_id
        )
        if not replace and others.filter(days__isnull=False).exists():
            return ProjectChanged()
        for source in others:
            remove_source(source)
            config.last_sync = None
        return found

    def disconnect(self) -> None:
        """Stop using the connection; keep what is stored. Doing it again changes nothing.

        Raises:
            NotConfigured: nothing is stored.
        """
        with self._store.transaction():
            config = self._store.existing_config()
            if config.is_active:
                config.is_active = False
                config.save(update_fields=["is_active", "updated_at"])
                stop_runs(config, reason="The workspace was disconnected.", now=self._clock())
                self._store.record(
                    Action.DISCONNECT,
                    posthog_host=config.posthog_host,
                    posthog_project_id=config.posthog_project_id,
                    api_key_hint=config.api_key_hint,
                )

    def get_config_status(self) -> ConfigStatus:
        """What is known of the connection; asks nobody."""
        config = self._store.config()
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

    def _prepare(
        self, *, api_key: str, host: str | None, project_id: str | None
    ) -> ConnectionCheck:
        key = parse_api_key(api_key)
        chosen = parse_project_id(project_id)
        is_default = host is None
        host = self._network.default_origin if host is None else host
        origins = candidate_origins(host, network=self._network)
        origin = canonical_origin(host)
        config = self._store.config()
        is_stored = config is not None and is_key_of(config, key)
        if config is not None and is_stored and (is_default or config.posthog_host in origins):
            # The stored key goes back to where it came from, and stays with its project.
            origin = config.posthog_host or origin
            chosen = chosen or _project_to_keep(config)
        return ConnectionCheck(api_key=key, host=origin, project_id=chosen, network=self._network)


def _project_to_keep(config: PosthogWorkspaceConfig) -> str | None:
    """The stored project; None where PostHog has said that it is gone."""
    gone = config.last_error_type == NotFound.error_type
    return None if gone else config.posthog_project_id


def _utc_text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
