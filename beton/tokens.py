"""``/api/auth/token``: JSON web tokens for callers without a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.exceptions import SuspiciousOperation
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from integrations_posthog.api.exceptions import handle
from integrations_posthog.api.parsers import PARSERS
from integrations_posthog.api.serializers import ErrorAnswer
from integrations_posthog.errors import InvalidFormat

from .limits import count_login_address, count_login_name, count_refresh

Method = TypeVar("Method", bound=Callable[..., Response])

_ERRORS = {
    400: "invalid_format: the body is not JSON, or a field is missing.",
    401: "not_authenticated: the credentials or the token are not valid, or no longer.",
    405: "method_not_allowed",
    406: "not_acceptable: ask for application/json.",
    415: "unsupported_media_type: send application/json.",
    429: "rate_limited: 10 attempts a minute for each address and for each name.",
    500: "internal_error",
    503: "service_unavailable: the cache that counts attempts is down.",
}
_RETRY_AFTER = OpenApiParameter(
    name="Retry-After",
    type=int,
    location=OpenApiParameter.HEADER,
    response=[429],
    description="Seconds to wait.",
)


class InvalidCredentials(InvalidFormat):
    """The body is not what this address expects"""

    default_hint = 'Send {"username": "...", "password": "..."} as JSON.'


class InvalidRefresh(InvalidFormat):
    """The body is not what this address expects"""

    default_hint = 'Send {"refresh": "..."} as JSON.'


class TokenPair(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer ...`.")
    refresh = serializers.CharField(help_text="Gets the next access token.")


class AccessToken(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer ...`.")


def _described(
    *, operation_id: str, success: type[serializers.Serializer[Any]]
) -> Callable[[Method], Method]:
    errors = {code: OpenApiResponse(ErrorAnswer, text) for code, text in _ERRORS.items()}
    described: Callable[[Method], Method] = extend_schema(
        operation_id=operation_id,
        tags=["auth"],
        parameters=[_RETRY_AFTER],
        responses={200: success, **errors},
    )
    return described


class TokenView(TokenObtainPairView):
    """A pair of tokens for a user name and a password."""

    parser_classes = PARSERS

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle

    @_described(operation_id="auth_token", success=TokenPair)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Log in without a session."""
        count_login_address(request.META["REMOTE_ADDR"])
        try:
            count_login_name(_name_in(request.data))
            return super().post(request, *args, **kwargs)
        except (ParseError, SuspiciousOperation, ValidationError) as exc:
            raise InvalidCredentials from exc


class RefreshView(TokenRefreshView):
    """The next access token for a refresh token."""

    parser_classes = PARSERS

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle

    @_described(operation_id="auth_refresh", success=AccessToken)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stay logged in without a session."""
        count_refresh(address=request.META["REMOTE_ADDR"])
        try:
            return super().post(request, *args, **kwargs)
        except (ParseError, SuspiciousOperation, ValidationError) as exc:
            raise InvalidRefresh from exc
        except get_user_model().DoesNotExist as exc:  # simplejwt looks the user up unguarded.
            raise InvalidToken from exc


def _name_in(data: object) -> str:
    name = data.get("username") if isinstance(data, Mapping) else None
    return name if isinstance(name, str) else ""
