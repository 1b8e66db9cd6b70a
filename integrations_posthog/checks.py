"""System checks of the settings: what would fail later is said at the start, with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .client.hosts import allowed_origin, canonical_origin, is_cloud
from .conf import PREFIX, app_settings
from .errors import InvalidHost

_IN_PROCESS_CACHES = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)
_RATE = re.compile(r"[1-9][0-9]*/[smhd]")
_LEAST = {
    "SETTLE_SECONDS": (0, "seconds"),
    "SYNC_FIRST_DAYS": (28, "days"),
    "SYNC_HISTORY_DAYS": (28, "days"),
    "SYNC_EVERY_SECONDS": (60, "seconds"),
    "SYNC_LEASE_SECONDS": (1, "seconds"),
}
_SAFE_LEASE_SECONDS = 90
_NEW_KEY = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


def require_usable_settings() -> None:
    """Stop a server's start where a system check of this app finds an error.

    Management commands run the checks by themselves; a WSGI server or a worker calls this.

    Raises:
        ImproperlyConfigured: with what to do.
    """
    problems = [message for message in check_settings() if message.is_serious()]
    if problems:
        raise ImproperlyConfigured("\n".join(str(problem) for problem in problems))


@register
def check_settings(*_: Any, **__: Any) -> list[CheckMessage]:
    """All checks of this app's settings."""
    checks: Sequence[Callable[[], list[CheckMessage]]] = (
        _check_encryption_keys,
        _check_workspace_model,
        _check_workspace_access,
        _check_origins,
        _check_ca_bundle,
        _check_rates,
        _check_sync,
        _check_cache,
    )
    return [message for check in checks for message in check()]


def _error(number: int, text: str, hint: str) -> list[CheckMessage]:
    return [Error(text, hint=hint, id=f"integrations_posthog.E{number:03}")]


def _check_encryption_keys() -> list[CheckMessage]:
    hint = (
        "Set it to one or more Fernet keys: the first encrypts, all decrypt. "
        f"Make one with: {_NEW_KEY}"
    )
    keys = app_settings.ENCRYPTION_KEYS
    if not keys:
        return _error(1, f"{PREFIX}ENCRYPTION_KEYS is empty: PostHog keys cannot be stored.", hint)
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            return _error(1, f"{PREFIX}ENCRYPTION_KEYS: no. {position} is no Fernet key.", hint)
    return []


def _check_workspace_model() -> list[CheckMessage]:
    try:
        apps.get_model(app_settings.WORKSPACE_MODEL)
    except (LookupError, ValueError):
        return _error(
            2,
            f"{PREFIX}WORKSPACE_MODEL names no installed model.",
            'Set it to your workspace (tenant, team) model, as "app_label.Model".',
        )
    return []


def _check_workspace_access() -> list[CheckMessage]:
    try:
        import_string(app_settings.WORKSPACE_ACCESS)
    except ImportError:
        return _error(
            3,
            f"{PREFIX}WORKSPACE_ACCESS cannot be imported.",
            "Set it to the dotted path of a function that takes a request and returns a "
            "integrations_posthog.access.WorkspaceAccess.",
        )
    return []


def _check_origins() -> list[CheckMessage]:
    names = f"{PREFIX}HOST, {PREFIX}CLOUD_REGIONS or {PREFIX}TRUSTED_ORIGINS"
    hint = "Write each as https://host, or http://host:port where it is a trusted origin."
    try:
        trusted = {canonical_origin(origin) for origin in app_settings.TRUSTED_ORIGINS}
        regions = [canonical_origin(origin) for origin in app_settings.CLOUD_REGIONS]
        default = canonical_origin(app_settings.HOST)
        for origin in filter(is_cloud, [*regions, default]):
            allowed_origin(origin, trusted_origins=frozenset(trusted))
    except InvalidHost:
        return _error(4, f"{names} holds something that is no origin, or is never asked.", hint)
    if not regions:
        return _error(5, f"{PREFIX}CLOUD_REGIONS is empty.", "Leave it out for PostHog's own.")
    if any(origin.startswith("http:") and is_cloud(origin) for origin in [*regions, default]):
        return _error(4, f"{names} would send keys to PostHog Cloud by plain http.", hint)
    if any(not is_cloud(region) and region not in trusted for region in regions):
        return _error(
            5,
            f"{PREFIX}CLOUD_REGIONS names an origin outside posthog.com that is not trusted.",
            f"Name it in {PREFIX}TRUSTED_ORIGINS too, if keys of PostHog Cloud may go there.",
        )
    return []


def _check_ca_bundle() -> list[CheckMessage]:
    bundle = app_settings.CA_BUNDLE
    if bundle and not Path(bundle).is_file():
        return _error(
            6,
            f"{PREFIX}CA_BUNDLE names no file.",
            "Give the path of a file of PEM certificates, or leave it out.",
        )
    return []


def _check_rates() -> list[CheckMessage]:
    rates = {name: getattr(app_settings, name) for name in ("VALIDATION_RATE", "SYNC_RATE")}
    wrong = [name for name, rate in rates.items() if not _RATE.fullmatch(str(rate))]
    if not wrong:
        return []
    return _error(
        7,
        f"{PREFIX}{wrong[0]} is no rate.",
        'Write it as count/period with a period of s, m, h or d, such as "5/m".',
    )


def _check_sync() -> list[CheckMessage]:
    for name, (least, words) in _LEAST.items():
        value = getattr(app_settings, name)
        if not isinstance(value, int) or value < least:
            hint = f"Set it to a whole number of {words}, {least} or more."
            return _error(8, f"{PREFIX}{name} cannot be {value!r}.", hint)
    if app_settings.SYNC_FIRST_DAYS > app_settings.SYNC_HISTORY_DAYS:
        hint = f"The first sync reads the newest days of {PREFIX}SYNC_HISTORY_DAYS."
        return _error(8, f"{PREFIX}SYNC_FIRST_DAYS is more than the whole history.", hint)
    if app_settings.SYNC_LEASE_SECONDS < _SAFE_LEASE_SECONDS:
        return [
            CheckWarning(
                f"{PREFIX}SYNC_LEASE_SECONDS is shorter than a query may take, so that living "
                "workers lose their syncs.",
                hint=f"Set it to {_SAFE_LEASE_SECONDS} or more.",
                id="integrations_posthog.W002",
            )
        ]
    return []


def _check_cache() -> list[CheckMessage]:
    if settings.DEBUG or settings.CACHES["default"]["BACKEND"] not in _IN_PROCESS_CACHES:
        return []
    return [
        CheckWarning(
            "The cache lives inside one process, so each server process counts validations "
            "for itself.",
            hint="Set CACHES to a shared cache such as Redis where more than one process serves.",
            id="integrations_posthog.W001",
        )
    ]
