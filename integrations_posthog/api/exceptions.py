"""Every error as the API answers it: one envelope, one table of statuses."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from .. import errors

logger = logging.getLogger(__name__)

STATUSES = {
    "invalid_format": 400,
    "invalid_host": 400,
    "unauthorized": 401,
    "not_authenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "project_changed": 409,
    "sync_running": 409,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "internal_error": 500,
    "connection_error": 502,
    "api_error": 502,
    "service_unavailable": 503,
}
"""The HTTP status of each error type."""

MALFORMED_HINT = 'Send a JSON object, such as {"api_key": "phx_..."}.'
_MALFORMED = (
    "invalid_format",
    "The body of the request is not what is expected here",
    MALFORMED_HINT,
)
_DRF_ERRORS: tuple[tuple[type[Exception], str, str, str | None], ...] = (
    (drf.ValidationError, *_MALFORMED),
    (SuspiciousOperation, *_MALFORMED),
    (drf.ParseError, *_MALFORMED),
    (
        drf.NotAuthenticated,
        "not_authenticated",
        "You are not logged in",
        "Log in, or send a valid token in the Authorization header.",
    ),
    (
        drf.AuthenticationFailed,
        "not_authenticated",
        "Your credentials are not valid, or no longer",
        "Log in again, or get a new token.",
    ),
    (drf.NotFound, "not_found", "There is nothing at this address", None),
    (Http404, "not_found", "There is no such workspace, or you are not in it", None),
    (drf.MethodNotAllowed, "method_not_allowed", "This method is not allowed here", None),
    (
        drf.NotAcceptable,
        "not_acceptable",
        "The answer is not available in a format that you accept",
        "Accept application/json.",
    ),
    (
        drf.UnsupportedMediaType,
        "unsupported_media_type",
        "The body's media type is not supported",
        "Send application/json.",
    ),
)


def handle(exc: Exception, context: dict[str, Any]) -> Response:
    """A DRF exception handler that answers every error in this API's envelope.

    Set it as ``get_exception_handler`` of a view; global DRF settings stay as they are.
    """
    set_rollback()
    if isinstance(exc, errors.PostHogIntegrationError):
        return response_to(exc)
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if isinstance(exc, drf.PermissionDenied | DjangoPermissionDenied):
        return _envelope("permission_denied", errors.PermissionDenied().message, _reason(exc))
    if isinstance(exc, drf.Throttled):  # By a throttle of the host's.
        wait = getattr(exc, "wait", None)
        retry_after = None if wait is None else math.ceil(wait)
        return response_to(errors.TooManyRequests(retry_after=retry_after))
    for kind, error_type, message, hint in _DRF_ERRORS:
        if isinstance(exc, kind):
            return _envelope(error_type, message, hint, headers=headers)
    # With its request a report of this error knows how to leave keys out: see redaction.py.
    request = getattr(context.get("request"), "_request", None)
    view = type(context.get("view")).__name__
    logger.error("Unexpected error in %s", view, exc_info=exc, extra={"request": request})
    return response_to(errors.PostHogIntegrationError(hint="It has been logged; try again later."))


def _reason(exc: Exception) -> str | None:
    """What to do, by what forbade it."""
    text = str(exc)
    if text.startswith("CSRF Failed"):
        return f"{text} Send Django's CSRF token, or use a token of the API instead of a session."
    return text or errors.PermissionDenied.default_hint


def response_to(error: errors.PostHogIntegrationError) -> Response:
    """The answer to one of our own errors."""
    facts: dict[str, Any] = {}
    if error.missing_scopes:
        facts["missing_scopes"] = list(error.missing_scopes)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _envelope(error.error_type, error.message, error.hint, headers=headers, **facts)


def _envelope(
    error_type: str,
    message: str,
    hint: str | None,
    *,
    headers: dict[str, str] | None = None,
    **facts: Any,
) -> Response:
    body: dict[str, Any] = {"error": message, "error_type": error_type}
    if hint:
        body["hint"] = hint
    return Response(body | facts, status=STATUSES[error_type], headers=headers)
