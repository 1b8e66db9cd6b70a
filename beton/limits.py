"""How often one may try to log in, by the page and by the API together."""

from __future__ import annotations

import unicodedata

from integrations_posthog.errors import RateLimited
from integrations_posthog.limits import count_attempt

LOGIN_RATE = "10/m"


class TooManyLogins(RateLimited):
    """Rate limit exceeded. Maximum 10 attempts to log in per minute."""


def count_login_address(address: str) -> None:
    """Count one attempt to log in for the address it comes from.

    Args:
        address: ``REMOTE_ADDR``. A header such as ``X-Forwarded-For`` is anyone's to write.

    Raises:
        TooManyLogins: this address has used up its minute.
        integrations_posthog.errors.ServiceUnavailable: the cache that counts is down.
    """
    _count(group="beton.login.address", key=address)


def count_login_name(name: str) -> None:
    """Count one attempt to log in for the name it gives: in any spelling, unless it is empty.

    Raises the same errors as ``count_login_address``.
    """
    spelling = _common_spelling(name)
    if spelling:
        _count(group="beton.login.name", key=spelling)


def count_refresh(*, address: str) -> None:
    """Count one attempt to refresh a token. Raises the same errors."""
    _count(group="beton.refresh.address", key=address)


def _common_spelling(name: str) -> str:
    """Forms look up a name normalized and stripped, so its other spellings count as one."""
    spelling = unicodedata.normalize("NFKC", name).strip().casefold()
    return spelling.encode(errors="replace").decode()  # JSON can hold half a character.


def _count(*, group: str, key: str) -> None:
    try:
        count_attempt(group=group, key=key, rate=LOGIN_RATE)
    except RateLimited as exc:
        raise TooManyLogins(retry_after=exc.retry_after) from exc
