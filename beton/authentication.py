"""Sessions for the API, with a CSRF rule that lets our own front end and curl through."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import is_same_domain
from drf_spectacular.authentication import SessionScheme
from rest_framework import authentication
from rest_framework.request import Request

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session, where a request whose headers vouch for it needs no CSRF token.

    Browsers say in ``Sec-Fetch-Site``, and older ones say in ``Origin``, where a request comes
    from, and no page can forge either. What sends neither is no browser, so nobody can make
    it send another's cookie. All else needs Django's token.
    """

    def enforce_csrf(self, request: Request) -> None:
        if not comes_from_us(request._request):
            super().enforce_csrf(request)


class SessionCookieScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The session cookie in the OpenAPI document."""

    target_class = "beton.authentication.SessionAuthentication"


def comes_from_us(request: HttpRequest) -> bool:
    """Whether the headers of this request prove that no foreign site is behind it."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is None:
        return origin is None or _is_own(origin, request) or _is_trusted(origin)
    return site == "same-origin" or (
        site == "same-site" and origin is not None and _is_trusted(origin)
    )


def _is_own(origin: str, request: HttpRequest) -> bool:
    return _split(origin) == _split(f"{request.scheme}://{request.get_host()}")


def _is_trusted(origin: str) -> bool:
    scheme, host = _split(origin)
    return any(
        scheme == trusted_scheme and is_same_domain(host, trusted_host.removeprefix("*"))
        for trusted_scheme, trusted_host in map(_split, settings.CSRF_TRUSTED_ORIGINS)
    )


def _split(origin: str) -> tuple[str, str]:
    """Scheme and host of an origin; the port is part of the host unless it is the usual one."""
    scheme, _, host = origin.lower().partition("://")
    return scheme, host.removesuffix(DEFAULT_PORTS.get(scheme, ""))
