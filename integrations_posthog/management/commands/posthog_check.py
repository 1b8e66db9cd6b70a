"""``manage.py posthog_check``: re-check one connection, or all of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ...errors import PostHogIntegrationError
from ...models import PosthogWorkspaceConfig
from ...services.recheck import AT_A_TIME, recheck_connections
from ..output import error_text, report_lines
from ..workspaces import add_workspace_argument, find_workspace, service_for


class Command(BaseCommand):
    help = "Test stored keys against PostHog and note the outcome. Exits with 1 if any fails."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        add_workspace_argument(which, required=False)
        which.add_argument("--all", action="store_true", help="every active connection")

    def handle(self, *, workspace: str | None, **options: Any) -> None:
        if workspace is None:
            self._check_all()
        else:
            self._check_one(workspace)

    def _check_one(self, text: str) -> None:
        workspace = find_workspace(text)
        [outcome] = recheck_connections([service_for(workspace)])
        for line in report_lines(outcome.report, style=self.style):
            self.stdout.write(line)
        if isinstance(outcome, PostHogIntegrationError):
            raise CommandError(error_text(outcome))
        self.stdout.write(self.style.SUCCESS("The connection works."))

    def _check_all(self) -> None:
        pks = list(
            PosthogWorkspaceConfig.objects.active().order_by("pk").values_list("pk", flat=True)
        )
        failed = 0
        # On a terminal alone: cron would mail the bar.
        bar = tqdm(total=len(pks), unit=" connections", disable=None)
        with logging_redirect_tqdm(), bar as progress:
            for start in range(0, len(pks), AT_A_TIME):
                batch = PosthogWorkspaceConfig.objects.filter(pk__in=pks[start : start + AT_A_TIME])
                configs = list(batch.select_related("workspace"))
                outcomes = recheck_connections([service_for(c.workspace) for c in configs])
                for config, outcome in zip(configs, outcomes, strict=True):
                    failed += isinstance(outcome, PostHogIntegrationError)
                    self._print_outcome(config, outcome)
                progress.update(len(configs))
        if failed:
            raise CommandError(f"{failed} of {len(pks)} connections failed the check.")
        self.stdout.write(self.style.SUCCESS(f"Connections that work: {len(pks)}."))

    def _print_outcome(self, config: PosthogWorkspaceConfig, outcome: object) -> None:
        if isinstance(outcome, PostHogIntegrationError):
            text = self.style.ERROR(f"✗ {config.workspace}: {error_text(outcome)}")
        else:
            text = self.style.SUCCESS(f"✓ {config.workspace}")
        with tqdm.external_write_mode():  # Or the line would continue the progress bar's.
            self.stdout.write(text)
