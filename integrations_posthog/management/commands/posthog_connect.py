"""``manage.py posthog_connect``: connect a workspace, as the API does."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...errors import PostHogIntegrationError
from ...services.overview import connection_overview
from ..output import error_text, report_lines
from ..workspaces import add_workspace_argument, find_workspace, service_for

KEY_VARIABLE = "POSTHOG_API_KEY"


class Command(BaseCommand):
    help = (
        "Connect a workspace to PostHog with a personal API key. The key comes from a file, "
        f"the environment variable {KEY_VARIABLE} or a prompt; never from the command line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        parser.add_argument("--host", help="address of the PostHog; default: PostHog Cloud")
        parser.add_argument("--project", metavar="ID", help="default: the one with the lowest id")
        parser.add_argument("--key-file", type=Path, help="a file that holds the key alone")

    def handle(self, *, workspace: str, **options: Any) -> None:
        found = find_workspace(workspace)
        key = read_key(options["key_file"])
        self.stdout.write("Checking the key with PostHog ...")
        try:
            validation = service_for(found).validate_and_store_config(
                api_key=key, host=options["host"], project_id=options["project"]
            )
        except PostHogIntegrationError as exc:
            raise CommandError(error_text(exc)) from exc
        check = connection_overview(found).last_check
        for line in report_lines(check.report if check else [], style=self.style):
            self.stdout.write(line)
        self.stdout.write(self.style.SUCCESS(f"Connected to {validation.workspace_name}."))
        if validation.hint:
            self.stdout.write(self.style.WARNING(validation.hint))


def read_key(file: Path | None) -> str:
    """The key from the file, else from the environment, else from a prompt that hides it.

    Raises:
        CommandError: the file cannot be read.
    """
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"The key file {file} cannot be read.") from exc
    return os.environ.get(KEY_VARIABLE) or getpass.getpass("Personal API key (not shown): ")
