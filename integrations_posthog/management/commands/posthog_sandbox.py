"""Serve the stand-in PostHog until Ctrl-C."""

from __future__ import annotations

import json
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations_posthog.sandbox import (
    FAULTS,
    KEYS,
    BenchmarkWorld,
    ProductWorld,
    Sandbox,
    World,
    first_free_port,
)

ACME_PROJECT = 12345
WORLDS = {
    "product": "a year of a B2B product: 2,000 accounts, 20,000 people, some 300,000 events",
    "small": "exactly 15,420 events in the last 30 days, of 24 people",
    "benchmark": "a history of the size that the options below say",
}


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
        parser.add_argument(
            "--world",
            choices=list(WORLDS),
            default="product",
            help=f"what project {ACME_PROJECT} holds: "
            + "; ".join(f"{name}, {about}" for name, about in WORLDS.items()),
        )
        size = parser.add_argument_group("size of the benchmark")
        size.add_argument("--events", type=int, default=1_000_000)
        size.add_argument("--days", type=int, default=90)
        size.add_argument("--accounts", type=int, default=2_000)
        size.add_argument("--people", type=int, default=20_000)
        size.add_argument("--property-bytes", type=int, default=600, help="of each event")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            us_port = first_free_port(options["us_port"])
            eu_port = first_free_port(options["eu_port"], taken=frozenset((us_port,)))
        except OSError as error:
            raise CommandError(str(error)) from error
        sandbox = Sandbox(
            us_port=us_port, eu_port=eu_port, legacy=options["legacy"], world=_world(options)
        )
        with sandbox:
            sandbox.us.data(ACME_PROJECT).open()
            self.stdout.write(guide(sandbox))
            self.stdout.flush()
            try:
                Event().wait()
            except KeyboardInterrupt:
                self.stdout.write("\nStopped.")


def _world(options: dict[str, Any]) -> World | None:
    """The world that is asked for; None is the small one."""
    if options["world"] == "product":
        return ProductWorld()
    if options["world"] == "small":
        return None
    return BenchmarkWorld(
        events=options["events"],
        days=options["days"],
        accounts=options["accounts"],
        people=options["people"],
        property_bytes=options["property_bytes"],
    )


def guide(sandbox: Sandbox) -> str:
    """What runs where, the keys and what each is for, the faults, and how to ask for them."""
    us, eu = sandbox.us.url, sandbox.eu.url
    event = json.dumps(
        {
            "add_events": [
                {
                    "event": "report_created",
                    "timestamp": "2026-10-01T12:00:00Z",
                    "person_id": "00000000-0000-4000-8000-000000000001",
                    "groups": {"0": "acme"},
                }
            ]
        }
    )
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
            f"""curl {us}/_sandbox/changes -d '{{"revoke": "full", "after_queries": 3}}'""",
        ],
        "Cut answers without a word, refuse large queries (undone by that DELETE too)": [
            f"""curl {us}/_sandbox/limits -d '{{"rows": 1000, "days": 30, "status": 512}}'""",
        ],
        f"Change the data of project {ACME_PROJECT}": [
            f"""curl {us}/_sandbox/data -d '{{"set_timezone": "Europe/Berlin"}}'""",
            f"""curl {us}/_sandbox/data -d '{{"set_group": [0, "acme", {{"plan": "pro"}}]}}'""",
            f"curl {us}/_sandbox/data -d '{event}'",
            f"""curl {us}/_sandbox/data -d '{{"merge_duplicates": true}}'""",
            f"curl -X POST {us}/_sandbox/reset",
        ],
    }
    return "\n\n".join("\n  ".join([title, *lines]) for title, lines in sections.items())


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
