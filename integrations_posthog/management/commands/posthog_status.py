"""``manage.py posthog_status``: what is known of a workspace's connection."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ..workspaces import add_workspace_argument, find_workspace, service_for

_LABELS = {
    "is_configured": "Configured",
    "is_validated": "Validated",
    "is_active": "Active",
    "workspace_name": "PostHog organization",
    "project_id": "Project",
    "validated_at": "Validated at",
    "last_sync": "Last sync",
    "validation_error": "Trouble",
}

_WORDS = {True: "yes", False: "no", None: "-"}


class Command(BaseCommand):
    help = "Show what is known of a workspace's PostHog connection. PostHog is not asked."

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        parser.add_argument("--json", action="store_true", help="as the API answers it")

    def handle(self, *, workspace: str, **options: Any) -> None:
        status = service_for(find_workspace(workspace)).get_config_status()
        facts = status.as_plain_data()
        if options["json"]:
            self.stdout.write(json.dumps(facts, indent=2))
            return
        for name, value in facts.items():
            shown = _WORDS[value] if value is None or isinstance(value, bool) else value
            self.stdout.write(f"{_LABELS[name]:<22}{shown}")
