"""A sync as the server starts one, in a process of its own, which writes what it took as JSON."""

from __future__ import annotations

import json
import os
import sys
import time

import django
from django.core.management import call_command
from urllib3.connection import HTTPConnection

from .measuring import memory_of, time_spent_in


def sync(workspace: str) -> dict[str, float]:
    """Sync the workspace by the command.

    Our own time is what passes while PostHog is not waited for: the work of the HTTP client and
    of the database is ours. The start of Python is not in it, for it would make whatever is
    compared look more alike.
    """
    with time_spent_in(HTTPConnection, "getresponse") as waits:
        start = time.perf_counter()
        call_command("posthog_sync", workspace=workspace, stdout=sys.stderr)
        took = time.perf_counter() - start
    return {"own": took - sum(waits), "peak": memory_of(os.getpid(), "VmHWM")}


if __name__ == "__main__":
    django.setup()
    json.dump(sync(sys.argv[1]), sys.stdout)
