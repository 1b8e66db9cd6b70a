"""Write a ``.env`` with fresh secrets: ``python -m beton.env_file``.

Needs nothing but the standard library, and leaves a file that is there already as it is.
"""

from __future__ import annotations

import base64
import secrets
import sys
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / ".env"


def fresh_environment() -> str:
    """The lines of a ``.env`` for development, with a secret key and a Fernet key of their own."""
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return (
        "# Made by `python -m beton.env_file`; .env.example lists what else can stand here.\n"
        "DJANGO_DEBUG=true\n"
        f"DJANGO_SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"BETON_ENCRYPTION_KEY={fernet_key}\n"
    )


def write(path: Path) -> bool:
    """Create the file, readable by its owner alone. False if there is one already."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    path.write_text(fresh_environment(), encoding="utf-8")
    return True


if __name__ == "__main__":
    outcome = "Wrote" if write(PATH) else "Kept"
    sys.stdout.write(f"{outcome} {PATH}\n")
