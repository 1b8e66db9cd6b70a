"""``manage.py posthog_signals``: the ranked list of accounts that are ready to buy, and why."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models
from django.db.models import Q, QuerySet

from ...errors import NotConfigured, PostHogIntegrationError
from ...models import Account, PosthogWorkspaceConfig
from ...services.inputs import is_id
from ..leads import explanation_lines, lead_lines, preview_lines, printable
from ..output import error_text
from ..workspaces import (
    add_workspace_argument,
    definition_service_for,
    find_workspace,
    signal_service_for,
    usage_service_for,
)

logger = logging.getLogger(__name__)

_MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Evaluate the signals of one workspace, or of every connected one, and print the accounts "
        "with a score, the highest first, each with its reasons."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser, required=False)
        parser.add_argument(
            "--as-of",
            metavar="YYYY-MM-DD",
            help="only tell what each active definition finds as of this day; nothing is stored",
        )
        parser.add_argument(
            "--explain",
            metavar="ACCOUNT",
            help="only tell which definitions an account (its key, name or id) meets, and what "
            "the others lack",
        )

    def handle(self, *, workspace: str | None, **options: Any) -> None:
        as_of = _day(options["as_of"])
        chosen = _connected() if workspace is None else [_connected_one(workspace)]
        if options["explain"] is not None:
            self._explain(chosen, options["explain"], as_of)
            return
        failed = 0
        for one in chosen:
            self.stdout.write(self.style.MIGRATE_HEADING(str(one)))
            if as_of is not None:
                failed += self._preview(one, as_of)
                continue
            try:
                self._rank(one)
            except Exception:  # One workspace's trouble is not the others'.
                failed += 1
                logger.exception("Unexpected error in the evaluation of %s", one)
        if failed and as_of is None:
            raise CommandError(f"Unexpected errors: {failed}. They have been logged.")
        if failed:
            raise CommandError(f"Definitions that cannot be judged as of {as_of}: {failed}.")

    def _rank(self, workspace: models.Model) -> None:
        service = signal_service_for(workspace)
        fired = len(service.evaluate())
        leads = usage_service_for(workspace).accounts().filter(score__gt=0)
        self._write(lead_lines(leads, signals=service.signals(), most=_MOST_SHOWN))
        number = leads.count()
        if number > _MOST_SHOWN:
            self.stdout.write(f"and {number - _MOST_SHOWN:,} more")
        elif not number:
            self.stdout.write("No account has a score.")
        self.stdout.write(f"Signals that fired now: {fired:,}.")

    def _preview(self, workspace: models.Model, as_of: date) -> int:
        """How many definitions could not be judged."""
        service = definition_service_for(workspace)
        failed = 0
        active = service.definitions().filter(state="active")
        for definition in active:
            try:
                found = service.preview_definition(str(definition.pk), as_of=as_of)
            except PostHogIntegrationError as exc:
                failed += 1
                self.stdout.write(f"{definition}: {error_text(exc)}")
            else:
                self._write(preview_lines(str(definition), found))
        if not active:
            self.stdout.write("No definition is active.")
        return failed

    def _explain(self, workspaces: Sequence[models.Model], name: str, as_of: date | None) -> None:
        found = [(one, account) for one in workspaces for account in _accounts(one, name)]
        if not found:
            raise CommandError(f"There is no account with the key, name or id {name!r}.")
        failed = 0
        for workspace, account in found:
            heading = printable(f"{workspace}: {account} ({account.key})")
            self.stdout.write(self.style.MIGRATE_HEADING(heading))
            definitions = definition_service_for(workspace).definitions()
            for definition in definitions:
                try:
                    told = signal_service_for(workspace).explain(
                        account=account, definition=definition, as_of=as_of
                    )
                except PostHogIntegrationError as exc:
                    failed += 1
                    self.stdout.write(f"? {definition}: {error_text(exc)}")
                else:
                    self._write(explanation_lines(told))
            if not definitions:
                self.stdout.write("There are no definitions.")
        if failed:
            raise CommandError(f"Definitions that cannot be judged as of {as_of}: {failed}.")

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(printable(line))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise CommandError("--as-of takes a day, such as 2026-11-20.") from exc


def _connected() -> list[models.Model]:
    connections = PosthogWorkspaceConfig.objects.active().select_related("workspace")
    return [connection.workspace for connection in connections.order_by("pk")]


def _connected_one(text: str) -> models.Model:
    workspace = find_workspace(text)
    if not PosthogWorkspaceConfig.objects.filter(workspace_id=workspace.pk).exists():
        raise CommandError(error_text(NotConfigured()))
    return workspace


def _accounts(workspace: models.Model, name: str) -> QuerySet[Account]:
    """The account with this key, or else those with this name, or else the one with this id."""
    accounts = usage_service_for(workspace).accounts()
    wanted = [Q(key=name), Q(name__iexact=name)]
    if is_id(name):
        wanted.append(Q(pk=int(name)))
    for one in wanted:
        if accounts.filter(one).exists():
            return accounts.filter(one).order_by("pk")
    return accounts.none()
