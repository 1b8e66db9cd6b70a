"""The app's settings: typed, with one prefix, read live from Django's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings

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

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        return getattr(django_settings, PREFIX + name, default) if name.isupper() else default


app_settings = AppSettings()
