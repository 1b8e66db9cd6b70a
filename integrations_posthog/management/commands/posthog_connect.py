"""``manage.py posthog_connect``: connect a workspace, as the API does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...conf import PREFIX
from ...errors import PostHogIntegrationError, ProjectChanged
from ..keys import KEY_VARIABLE, read_key
from ..output import error_text, report_lines
from ..workspaces import add_workspace_argument, find_workspace, service_for


class Command(BaseCommand):
    help = (
        "Connect a workspace to PostHog with a personal API key. The key comes from a file, "
        f"the environment variable {KEY_VARIABLE} or a prompt; never from the command line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_workspace_argument(parser)
        parser.add_argument(
            "--host",
            help=f"address of the PostHog; default: the setting {PREFIX}HOST, which is PostHog "
            "Cloud unless the operator set another",
        )
        parser.add_argument(
            "--project", metavar="ID", help="default: the only one, or that with the lowest id"
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="remove the usage of another project or instance that is stored",
        )
        parser.add_argument("--key-file", type=Path, help="a file that holds the key alone")

    def handle(self, *, workspace: str, **options: Any) -> None:
        found = find_workspace(workspace)
        key = read_key(options["key_file"])
        self.stdout.write("Checking the key with PostHog ...")
        try:
            validation = service_for(found).validate_and_store_config(
                api_key=key,
                host=options["host"],
                project_id=options["project"],
                replace=options["replace"],
            )
        except ProjectChanged as exc:
            self._print_report(exc.report)
            raise CommandError(f"{exc.message}. With --replace it is removed.") from exc
        except PostHogIntegrationError as exc:
            self._print_report(exc.report)
            raise CommandError(error_text(exc)) from exc
        self._print_report(validation.report)
        self.stdout.write(self.style.SUCCESS(f"Connected to {validation.workspace_name}."))
        if validation.hint:
            self.stdout.write(self.style.WARNING(validation.hint))
        if len(validation.projects) > 1:
            self.stdout.write("The key reaches several projects; --project takes another one:")
            for project in validation.projects:
                chosen = "  (connected)" if project.id == validation.project_id else ""
                self.stdout.write(f"  {project.id:<9}{project.name or ''}{chosen}".rstrip())

    def _print_report(self, report: list[dict[str, str]]) -> None:
        for line in report_lines(report, style=self.style):
            self.stdout.write(line)
