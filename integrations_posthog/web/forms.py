"""What the settings page takes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..client.hosts import canonical_origin, is_cloud
from ..conf import app_settings
from ..encryption import redact
from ..errors import InvalidHost
from ..services.check import KEY_PAGE

OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a key may be from."""

    value: str
    label: str
    key_page: str
    """The page of PostHog's that makes a key there; empty where only the person knows it."""


def places() -> list[Place]:
    """The default host, the regions of PostHog Cloud, and any other host."""
    default = app_settings.HOST.rstrip("/")
    return [
        Place(
            value="",
            label="PostHog Cloud, US or EU" if is_cloud(default) else default,
            key_page=default + KEY_PAGE,
        ),
        *(
            Place(value=region, label=_region_label(region), key_page=region + KEY_PAGE)
            for region in app_settings.CLOUD_REGIONS
        ),
        Place(value=OTHER, label="Self-hosted PostHog", key_page=""),
    ]


def chosen_host(posted: Mapping[str, str]) -> str | None:
    """The host in a posted form; None for the default one.

    Raises:
        InvalidHost: another PostHog is chosen, but its address is not given.
    """
    where = posted.get("where", "")
    if where != OTHER:
        return where or None
    host = posted.get("host", "").strip()
    if not host:
        raise InvalidHost
    return host


def shown_place(posted: Mapping[str, str], *, stored_host: str) -> tuple[str, str]:
    """The place to show as chosen and, for another PostHog, its address.

    They are those that were posted, else those of the stored connection.
    """
    known = {place.value for place in places()}
    if "where" in posted:
        return posted["where"] if posted["where"] in known else "", _shown_host(posted)
    if stored_host in known:
        return stored_host, ""
    if not stored_host or stored_host == canonical_origin(app_settings.HOST):
        return "", ""
    return OTHER, stored_host


def _shown_host(posted: Mapping[str, str]) -> str:
    """A posted host, only if it is one, since people paste keys anywhere."""
    try:
        return redact(canonical_origin(posted.get("host", "")))
    except InvalidHost:
        return ""


def _region_label(region: str) -> str:
    name = region.partition("://")[2]
    return f"{name.split('.')[0].upper()} Cloud only" if is_cloud(region) else name
