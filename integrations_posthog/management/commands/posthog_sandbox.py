"""Serve the stand-in PostHog until Ctrl-C."""

from __future__ import annotations

from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations_posthog.sandbox import FAULTS, KEYS, Sandbox, first_free_port


class Command(BaseCommand):
    help = "Serves a stand-in for PostHog Cloud with made-up customers, keys and faults on demand."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--us-port", type=int, default=8010, help="or the next free one")
        parser.add_argument("--eu-port", type=int, default=8011, help="or the next free one")
        parser.add_argument(
            "--legacy",
            choices=["1.30", "2023"],
            help="answer as a self-hosted instance of that age",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            us_port = first_free_port(options["us_port"])
            eu_port = first_free_port(options["eu_port"], taken=frozenset((us_port,)))
        except OSError as error:
            raise CommandError(str(error)) from error
        sandbox = Sandbox(us_port=us_port, eu_port=eu_port, legacy=options["legacy"])
        with sandbox:
            self.stdout.write(guide(sandbox))
            self.stdout.flush()
            try:
                Event().wait()
            except KeyboardInterrupt:
                self.stdout.write("\nStopped.")


def guide(sandbox: Sandbox) -> str:
    """What runs where, the keys and what each is for, the faults, and how to ask for them."""
    us, eu = sandbox.us.url, sandbox.eu.url
    keys = [(key.label, key.region, key.value, key.about) for key in KEYS]
    sections = {
        "Stand-in PostHog, stop with Ctrl-C": _table([("us", us), ("eu", eu)]),
        "Environment of a host that uses it": [
            f"POSTHOG_CLOUD_REGIONS={us},{eu}",
            f"POSTHOG_TRUSTED_ORIGINS={us},{eu}",
        ],
        "Keys": _table([("label", "region", "key", "what it is for"), *keys]),
        "Faults, each region by itself": _table(list(FAULTS.items())),
        "Ask for one, end them all, see what came in": [
            f"""curl {us}/_sandbox/faults -d '{{"fault": "429", "path": "/query/", "times": 1}}'""",
            f"curl -X DELETE {us}/_sandbox/faults",
            f"curl {us}/_sandbox/requests",
        ],
        "Change what a key may do (the DELETE above undoes it)": [
            f"""curl {us}/_sandbox/changes -d '{{"revoke": "full"}}'""",
            f"""curl {us}/_sandbox/changes -d '{{"remove_scope": ["full", "query:read"]}}'""",
            f"""curl {us}/_sandbox/changes -d '{{"delete_project": 12345}}'""",
        ],
    }
    return "\n\n".join("\n  ".join([title, *lines]) for title, lines in sections.items())


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
