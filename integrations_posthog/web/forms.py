"""What the settings page takes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..client.hosts import canonical_origin, is_alias, is_cloud
from ..errors import InvalidHost
from ..services.check import KEY_PAGE
from ..wiring import operator_network

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
    network = operator_network()
    default = network.default_origin
    return [
        Place(
            value="",
            label="PostHog Cloud, US or EU" if is_alias(default) else _label(default),
            key_page=default + KEY_PAGE,
        ),
        *(
            Place(value=region, label=_label(region), key_page=region + KEY_PAGE)
            for region in network.cloud_regions
            if region != default
        ),
        Place(value=OTHER, label="Self-hosted PostHog", key_page=""),
    ]


def chosen_host(posted: Mapping[str, str]) -> str | None:
    """The host in a posted form; None for the default one. Another one may be empty, or wrong."""
    where = posted.get("where", "")
    return posted.get("host", "") if where == OTHER else where or None


def shown_place(posted: Mapping[str, str], *, stored_host: str) -> tuple[str, str]:
    """The place to show as chosen and, for another PostHog, its address.

    They are those that were posted, else those of the stored connection.
    """
    known = {place.value for place in places()}
    if "where" in posted:
        return posted["where"] if posted["where"] in known else "", _shown_host(posted)
    if stored_host in known:
        return stored_host, ""
    if not stored_host or stored_host == operator_network().default_origin:
        return "", ""
    return OTHER, stored_host


def _shown_host(posted: Mapping[str, str]) -> str:
    """A posted host, to mend it; only if it may be one, since people paste keys anywhere."""
    try:
        origin = canonical_origin(posted.get("host", ""))
    except InvalidHost:
        return ""
    return "" if "_" in origin else origin  # Every key has one.


def _label(origin: str) -> str:
    name = origin.partition("://")[2]
    return f"{name.split('.')[0].upper()} Cloud only" if is_cloud(origin) else name
