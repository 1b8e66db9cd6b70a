"""``manage.py posthog_rotate_keys``: bring every stored secret under the first encryption key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ...services.rotation import rotate_encryption


class Command(BaseCommand):
    help = (
        "Encrypt every stored PostHog key, and secret of a webhook, anew with the first of the "
        "encryption keys. "
        "May be stopped at any point and run again. Afterwards the other keys can be dropped."
    )

    def handle(self, **_: Any) -> None:
        with tqdm(unit=" keys", disable=None) as progress:  # On a terminal alone.
            result = rotate_encryption(on_total=progress.reset, on_progress=progress.update)
        self.stdout.write(f"Encrypted anew: {result.rotated}. Up to date before: {result.current}.")
        if result.unreadable:
            raise CommandError(
                f"Stored keys that none of the encryption keys opens: {len(result.unreadable)}. "
                "Give back the encryption key that is missing and run this again, or let these "
                "workspaces make new secrets for their webhooks, and connect anew: "
                + ", ".join(result.unreadable)
            )
        self.stdout.write(self.style.SUCCESS("Only the first encryption key is needed now."))
