"""What the OpenAPI document says of each call beyond its shapes: examples and errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from ..errors import InvalidFormat, PostHogIntegrationError, RateLimited, Unauthorized
from .exceptions import response_to
from .serializers import (
    DisconnectAnswer,
    ErrorAnswer,
    StatusAnswer,
    ValidateAnswer,
    ValidateRequest,
)

WORKSPACE = OpenApiParameter(
    name="X-Workspace-Id",
    location=OpenApiParameter.HEADER,
    description="Id or slug of a workspace you are in; left out: the one you chose last, "
    "else your only or oldest one.",
)
RETRY_AFTER = OpenApiParameter(
    name="Retry-After",
    type=int,
    location=OpenApiParameter.HEADER,
    response=[429],
    description="Seconds to wait; left out where PostHog refused without saying how long.",
)
PAGING = [
    OpenApiParameter(
        name="page_size",
        type={"type": "integer", "minimum": 1, "maximum": 200},
        description="By default 50.",
    ),
    OpenApiParameter(name="cursor", description="As in next and previous."),
]
"""The parameters of lists."""

_ERRORS = {
    400: "invalid_format or invalid_host: the body, the key or the host is not well formed.",
    401: "not_authenticated: log in. unauthorized: PostHog refused the key.",
    403: "permission_denied: your role does not allow it, or the CSRF token is missing.",
    404: "not_found: no such workspace, project or row, or nothing is connected.",
    405: "method_not_allowed",
    406: "not_acceptable: ask for application/json.",
    409: "project_changed: usage of another project is stored. sync_running: a sync is running.",
    415: "unsupported_media_type: send application/json.",
    429: "rate_limited: five validations, ten syncs or what leads to one, and ten tests of "
    "webhooks a minute for each workspace, or PostHog's own limit.",
    500: "internal_error",
    502: "connection_error or api_error: PostHog could not be reached, or failed.",
    503: "service_unavailable: the cache that counts attempts is down.",
}


def responses(success: Any, *statuses: int, code: int = 200) -> dict[int, Any]:
    """A success with its status, and the errors of these statuses."""
    errors = {
        status: OpenApiResponse(ErrorAnswer, description=_ERRORS[status]) for status in statuses
    }
    return {code: success, **errors}


def refusal(name: str, error: PostHogIntegrationError) -> OpenApiExample:
    """An error as an example of an answer."""
    answer = response_to(error)
    return OpenApiExample(
        name, value=answer.data, response_only=True, status_codes=[str(answer.status_code)]
    )


validate = extend_schema(
    operation_id="posthog_validate",
    tags=["posthog"],
    parameters=[WORKSPACE, RETRY_AFTER],
    request={"application/json": ValidateRequest},
    responses=responses(ValidateAnswer, 400, 401, 403, 404, 405, 406, 409, 415, 429, 500, 502, 503),
    examples=[
        OpenApiExample("A key", value={"api_key": "phc_abc123def456..."}, request_only=True),
        OpenApiExample(
            "Connected",
            value={
                "success": True,
                "workspace_name": "Acme Corp",
                "project_id": "12345",
                "events_count": 15420,
                "project_name": "Acme Production",
                "host": "https://us.posthog.com",
                "projects": [{"id": "12345", "name": "Acme Production"}],
            },
            response_only=True,
            status_codes=["200"],
        ),
        refusal("No key", InvalidFormat()),
        refusal(
            "A scope is missing",
            Unauthorized(
                missing_scopes=("query:read",),
                hint="The key lacks query:read. Make one that has both project:read and "
                "query:read at https://us.posthog.com/settings/user-api-keys?preset=analytics",
            ),
        ),
        refusal("The sixth in a minute", RateLimited(retry_after=42)),
    ],
)

status = extend_schema(
    operation_id="posthog_status",
    tags=["posthog"],
    parameters=[WORKSPACE],
    responses=responses(StatusAnswer, 401, 403, 404, 405, 406, 500),
    examples=[
        OpenApiExample(
            "Connected",
            value={
                "is_configured": True,
                "is_validated": True,
                "is_active": True,
                "workspace_name": "Acme Corp",
                "project_id": "12345",
                "validated_at": "2025-01-15T10:30:00Z",
                "last_sync": "2025-01-15T12:00:00Z",
                "validation_error": None,
            },
            response_only=True,
            status_codes=["200"],
        )
    ],
)

disconnect = extend_schema(
    operation_id="posthog_disconnect",
    tags=["posthog"],
    parameters=[WORKSPACE],
    request=None,
    responses=responses(DisconnectAnswer, 401, 403, 404, 405, 406, 500),
    examples=[
        OpenApiExample(
            "Disconnected",
            value={"message": "PostHog integration disconnected successfully"},
            response_only=True,
            status_codes=["200"],
        )
    ],
)
