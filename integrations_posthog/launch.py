"""Have somebody perform a sync run, away from the request that asked for it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

from django.conf import settings
from django.utils.module_loading import import_string

from .conf import app_settings

logger = logging.getLogger(__name__)


def launch(run_id: int) -> None:
    """Hand a run over, as the setting ``SYNC_LAUNCHER`` says. It returns at once.

    A run that gets lost on the way is taken up by the next tick.
    """
    import_string(app_settings.SYNC_LAUNCHER)(run_id)


def start_process(run_id: int) -> None:
    """Perform a run in a process of its own, which goes on when this one ends."""
    ours = {
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
        "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
    }
    try:
        process = subprocess.Popen(  # noqa: S603  (this very interpreter, and a number)
            [sys.executable, "-m", "django", "posthog_sync", "--run", str(run_id)],
            env=os.environ | ours,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        logger.exception("No process could be started; sync run %s waits for a tick", run_id)
        return
    # Somebody has to take note of its end, or it would stay as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
