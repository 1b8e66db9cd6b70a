"""Where a PostHog lives: from what a person pasted to the origins that are asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from ..errors import InvalidHost
from .addresses import is_allowed

_CLOUD_DOMAIN = "posthog.com"
_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_HOST = 240
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_IPV4 = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE = re.compile(r"[^\x21-\x7e]|[\\@%]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the operator allows; see the settings of the same names."""

    cloud_regions: tuple[str, ...]
    trusted_origins: frozenset[str]
    default_origin: str = "https://app.posthog.com"
    ca_bundle: str = ""


def candidate_origins(host: str, *, network: Network) -> tuple[str, ...]:
    """The origins to ask, in order, for what a person gave as the host.

    Args:
        host: an address, such as ``https://eu.posthog.com/project/1``; its origin counts.

    Raises:
        InvalidHost: not a URL, not https, or an address or port that is not allowed.
    """
    origin = allowed_origin(host, trusted_origins=network.trusted_origins)
    return network.cloud_regions if is_alias(origin) else (origin,)


def is_alias(origin: str) -> bool:
    """Whether this origin stands for all regions of PostHog Cloud.

    ``app.posthog.com`` is an alias of it and ``*.i.posthog.com`` takes events only; neither
    serves the API (posthog.com/docs/api).
    """
    name = origin.removeprefix("https://")
    return name == f"app.{_CLOUD_DOMAIN}" or name.endswith(f".i.{_CLOUD_DOMAIN}")


def is_cloud(origin: str) -> bool:
    """Whether this origin is PostHog's own."""
    name = urlsplit(origin).hostname or ""
    return name == _CLOUD_DOMAIN or name.endswith(f".{_CLOUD_DOMAIN}")


def canonical_origin(text: str) -> str:
    """The origin of an http or https URL in its one spelling.

    Raises:
        InvalidHost: not a URL of that kind.
    """
    parts = _split(text.strip())
    port = _port(parts)
    suffix = "" if port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{_canonical_host(parts.hostname or '')}{suffix}"


def allowed_origin(text: str, *, trusted_origins: frozenset[str]) -> str:
    """The same, if it is an origin that may be asked.

    Raises:
        InvalidHost: also if it is not https, or an address or port that is not allowed.
    """
    origin = canonical_origin(text)
    if origin in trusted_origins:
        return origin
    parts = urlsplit(origin)
    if parts.scheme != "https":
        raise InvalidHost(hint="Only https:// addresses are asked, and those the operator trusts.")
    if parts.port is not None:
        raise InvalidHost(hint="Only the standard port of https (443) is asked.")
    host = parts.hostname or ""
    if "_" in host:  # No public host has one, but every key that is pasted as a host.
        raise InvalidHost
    if _is_ip(host) and not is_allowed(host):
        raise InvalidHost(hint="This address is not one of the public internet.")
    return origin


def allowed_url(text: str, *, trusted_origins: frozenset[str]) -> str:
    """A whole URL, with its path and query, whose origin may be asked.

    Raises:
        InvalidHost: as of ``allowed_origin``; also if it has a fragment, which is sent to nobody.
    """
    origin = allowed_origin(text, trusted_origins=trusted_origins)
    parts = urlsplit(text.strip())
    if "#" in text:
        raise InvalidHost(hint="Leave out the # and what follows it.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{origin}{parts.path or '/'}{query}"


def _split(text: str) -> SplitResult:
    if _CONTROL.search(text):  # urlsplit drops some of them without a word.
        raise InvalidHost
    try:
        parts = urlsplit(text)
    except ValueError as exc:
        raise InvalidHost from exc
    if parts.scheme not in _DEFAULT_PORTS or _UNSAFE.search(parts.netloc) or "\\" in text:
        raise InvalidHost
    if ("[" in parts.netloc) != (":" in (parts.hostname or "")):
        raise InvalidHost
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as exc:
        raise InvalidHost from exc
    return _DEFAULT_PORTS[parts.scheme] if port is None else port


def _is_ip(host: str) -> bool:
    return ":" in host or _IPV4.fullmatch(host) is not None


def _canonical_host(host: str) -> str:
    if ":" in host:
        try:
            return f"[{IPv6Address(host)}]"
        except ValueError as exc:
            raise InvalidHost from exc
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidHost
    # A last label that is a number makes browsers and resolvers read all of it as an IPv4
    # address, in spellings such as 127.1 or 0x7f000001; only the plain one passes.
    if _NUMBER.fullmatch(labels[-1]) and not _is_plain_ipv4(host):
        raise InvalidHost
    return host


def _is_plain_ipv4(host: str) -> bool:
    return _IPV4.fullmatch(host) is not None and all(int(n) < 256 for n in host.split("."))
