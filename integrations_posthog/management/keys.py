"""How the commands take in a key: never from the command line, which others can read."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from django.core.management.base import CommandError

KEY_VARIABLE = "POSTHOG_API_KEY"


def read_key(file: Path | None) -> str:
    """The key from the file, else from the environment, else from a prompt that hides it.

    Raises:
        CommandError: the file cannot be read, or there is nobody to ask.
    """
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"The key file {file} cannot be read.") from exc
    return os.environ.get(KEY_VARIABLE) or _prompt()


def _prompt() -> str:
    try:
        return getpass.getpass("Personal API key (not shown): ")
    except (EOFError, KeyboardInterrupt) as exc:
        raise CommandError(f"No key was given. Type it, or set {KEY_VARIABLE}.") from exc
