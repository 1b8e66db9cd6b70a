"""The app's settings: typed, with one prefix, read live from Django's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

PREFIX = "INTEGRATIONS_POSTHOG_"


class AppSettings:
    """Each attribute is the Django setting of that name with the prefix, or its default here."""

    WORKSPACE_MODEL: str = ""
    """The host's workspace model, as ``app_label.Model``. Required."""

    WORKSPACE_ACCESS: str = ""
    """Dotted path of ``request -> WorkspaceAccess``. Required."""

    ENCRYPTION_KEYS: list[str] = []
    """Fernet keys: the first encrypts, all decrypt. Required."""

    HOST: str = "https://app.posthog.com"
    """Where a key is tried when the request names no host."""

    CLOUD_REGIONS: list[str] = ["https://us.posthog.com", "https://eu.posthog.com"]
    """The origins of PostHog Cloud, in the order in which they are asked."""

    TRUSTED_ORIGINS: list[str] = []
    """Origins that the operator exempts from the guard: private addresses, http, other ports."""

    CA_BUNDLE: str = ""
    """A file of certificates that vouch for trusted origins, in place of the public ones."""

    VALIDATION_RATE: str = "5/m"
    """Validations that a workspace may ask for, as ``count/period`` with s, m, h or d."""

    SYNC_RATE: str = "10/m"
    """Syncs, changes of the mapping and purges that a workspace may ask for, written likewise."""

    SETTLE_SECONDS: int = 300
    """How long PostHog may take to store an event; what is younger waits for the next sync."""

    SYNC_FIRST_DAYS: int = 90
    """The history that the first sync reads."""

    SYNC_HISTORY_DAYS: int = 365
    """The history that is read in the end, in the background."""

    SYNC_EVERY_SECONDS: int = 3600
    """Time between two syncs of a workspace."""

    SYNC_LEASE_SECONDS: int = 120
    """After which another worker takes over a sync that gives no sign of life."""

    SYNC_LAUNCHER: str = "integrations_posthog.launch.start_process"
    """Dotted path of a function that gets a run's id and has somebody perform that run."""

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        return getattr(django_settings, PREFIX + name, default) if name.isupper() else default


app_settings = AppSettings()


def workspace_model() -> str:
    """The host's workspace model, which the app's tables refer to.

    Raises:
        ImproperlyConfigured: it is not set.
    """
    model: str = app_settings.WORKSPACE_MODEL
    if not model:
        raise ImproperlyConfigured(
            f"Set {PREFIX}WORKSPACE_MODEL to the model of your workspaces, such as 'shop.Team'."
        )
    return model
