"""Requests, answers, and PostHog's error envelope.

Every refusal has the form ``{"type", "code", "detail", "attr"}``. Source: the PyPI package
drf-exceptions-hog and posthog/exceptions.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """``origin`` is the server's own, as scheme, host and port; ``path`` is without the query."""

    method: str
    path: str
    origin: str
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``body`` is sent as JSON, or as HTML if it is text; ``version`` is of the data asked."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None

    @property
    def content_type(self) -> str:
        return "text/html; charset=utf-8" if isinstance(self.body, str) else "application/json"

    def content(self) -> bytes:
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, separators=(",", ":")).encode()


class RefusalError(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def iso(moment: datetime) -> str:
    """ISO 8601 as PostHog's renderer writes it: UTC as ``Z``, microseconds only if not zero."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def envelope(
    *,
    status: int,
    kind: str,
    code: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body: dict[str, Any] = {"type": kind, "code": code, "detail": detail, "attr": None}
    if extra is not None:
        body["extra"] = dict(extra)
    return Answer(status=status, body=body, headers=headers or {})


def unauthenticated(*, code: str, detail: str, origin: str) -> Answer:
    """401, with the challenge that points at the OAuth metadata."""
    metadata = f"{origin}/.well-known/oauth-protected-resource"
    return envelope(
        status=401,
        kind="authentication_error",
        code=code,
        detail=detail,
        headers={"WWW-Authenticate": f'Bearer resource_metadata="{metadata}"'},
    )


def invalid_key(*, origin: str, source: str = "Authorization header") -> Answer:
    detail = f"Personal API key found in request {source} is invalid."
    return unauthenticated(code="authentication_failed", detail=detail, origin=origin)


def no_key(*, origin: str) -> Answer:
    detail = "Authentication credentials were not provided."
    return unauthenticated(code="not_authenticated", detail=detail, origin=origin)


def forbidden(detail: str) -> Answer:
    """403. Its type is ``authentication_error`` too: PostHog maps PermissionDenied there."""
    return envelope(
        status=403, kind="authentication_error", code="permission_denied", detail=detail
    )


def missing_scope(scope: str) -> Answer:
    return forbidden(f"API key missing required scope '{scope}'")


def project_out_of_reach(project_id: object) -> Answer:
    return forbidden(f"API key does not have access to the requested project: ID {project_id}.")


def organization_out_of_reach(organization_id: str) -> Answer:
    return forbidden(
        f"API key does not have access to the requested organization: ID {organization_id}."
    )


def not_found(detail: str = "Not found.") -> Answer:
    return envelope(status=404, kind="invalid_request", code="not_found", detail=detail)


def method_not_allowed(method: str) -> Answer:
    detail = f'Method "{method}" not allowed.'
    return envelope(status=405, kind="invalid_request", code="method_not_allowed", detail=detail)


def parse_error(detail: str) -> Answer:
    """400 for a body that is not JSON, or not of the endpoint's schema."""
    detail = f"JSON parse error - {detail}"
    return envelope(status=400, kind="invalid_request", code="parse_error", detail=detail)


def bad_query(
    *, detail: str, code: str = "hogql_query_error", extra: Mapping[str, Any] | None = None
) -> Answer:
    """400 for a query that PostHog understood well enough to refuse."""
    return envelope(status=400, kind="validation_error", code=code, detail=detail, extra=extra)


def throttled(*, detail: str, code: str = "throttled", retry_after: int | None = None) -> Answer:
    """429. PostHog sends ``Retry-After`` (whole seconds) only where it knows the wait."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return envelope(status=429, kind="throttled_error", code=code, detail=detail, headers=headers)


def server_error(
    *,
    status: int,
    detail: str,
    code: str = "error",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    return envelope(status=status, kind="server_error", code=code, detail=detail, headers=headers)
