"""``manage.py posthog_status``: what is known of a workspace's connection."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import models

from ...models import PosthogWorkspaceConfig
from ...services.overview import ConnectionOverview, connection_overview
from ..workspaces import add_workspace_argument, find_workspace, service_for


class Command(BaseCommand):
    help = "Show what is known of a workspace's PostHog connection. PostHog is not asked."

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        parser.add_argument("--json", action="store_true", help="as the API answers it")

    def handle(self, *, workspace: str, **options: Any) -> None:
        found = find_workspace(workspace)
        if options["json"]:
            status = service_for(found).get_config_status()
            self.stdout.write(json.dumps(status.as_plain_data(), indent=2))
            return
        for label, value in _facts(found, connection_overview(found)).items():
            if value:
                self.stdout.write(f"{label:<20}{value}")


def _facts(workspace: models.Model, overview: ConnectionOverview) -> dict[str, str]:
    facts = {"Workspace": str(workspace), "State": overview.state.replace("_", " ").capitalize()}
    if overview.trouble is not None:
        since = _time_text(overview.trouble.since)
        facts["Trouble"] = overview.trouble.error + (f", since {since}" if since else "")
        facts["What to do"] = overview.trouble.hint
    if overview.connected is not None:
        when = _time_text(overview.connected.occurred_at)
        facts["Connected"] = f"{when}, by {overview.connected.actor_name}"
    return facts if overview.config is None else facts | _config_facts(overview.config)


def _config_facts(config: PosthogWorkspaceConfig) -> dict[str, str]:
    return {
        "Organization": config.posthog_workspace_name or "",
        "Project": f"{config.posthog_project_name} ({config.posthog_project_id})".strip(),
        "Events in 30 days": "" if config.events_count is None else f"{config.events_count:,}",
        "PostHog": config.posthog_host,
        "Key": config.api_key_hint,
        "Last validated": _time_text(config.validated_at),
        "Last sync": _time_text(config.last_sync),
    }


def _time_text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
