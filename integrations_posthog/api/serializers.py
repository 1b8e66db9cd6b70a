"""The shapes of the API's requests and answers."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from ..errors import InvalidFormat, InvalidHost, NotFound, PostHogIntegrationError
from .exceptions import MALFORMED_HINT, STATUSES

_ERRORS_BY_FIELD: dict[str, type[PostHogIntegrationError]] = {
    "host": InvalidHost,
    "project_id": NotFound,
}


class ValidateRequest(serializers.Serializer[Any]):
    """A key to try, and where."""

    api_key = serializers.CharField(
        max_length=1000,
        style={"input_type": "password", "autocomplete": "off"},
        help_text="A personal API key of PostHog's, with the scopes query:read and project:read.",
    )
    host = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=2000,
        help_text="Address of a PostHog; left out: the default one, which is PostHog Cloud, "
        "whichever region knows the key, unless the operator has set another.",
    )
    project_id = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=100,
        help_text="The project to connect; left out: the only one, or that with the lowest id.",
    )
    replace = serializers.BooleanField(
        required=False,
        help_text="Whether usage of another project, if any is stored, may be removed.",
    )


def validate_arguments(request: Request) -> dict[str, Any]:
    """The input of a validation, for the use case.

    Raises:
        InvalidFormat, InvalidHost, NotFound: by the first field that is wrong; a body that
            cannot be read is an InvalidFormat.
    """
    try:
        serializer = ValidateRequest(data=request.data)
    except (ParseError, SuspiciousOperation) as exc:
        raise InvalidFormat(hint=MALFORMED_HINT) from exc
    names = [str(name) for name in serializer.fields]
    if not serializer.is_valid():
        wrong = next((name for name in names if name in serializer.errors), "api_key")
        raise _ERRORS_BY_FIELD.get(wrong, InvalidFormat)
    found = {name: serializer.validated_data.get(name) or None for name in names}
    return found | {"replace": bool(found["replace"])}


class ProjectAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField(allow_null=True)


class ValidateAnswer(serializers.Serializer[Any]):
    """What a good validation found, and stored."""

    success = serializers.BooleanField()
    workspace_name = serializers.CharField(
        help_text="The organization's name where the key may read it, else the project's."
    )
    project_id = serializers.CharField()
    events_count = serializers.IntegerField(
        allow_null=True, help_text="Events of the last 30 days; null where PostHog could not count."
    )
    project_name = serializers.CharField()
    host = serializers.CharField(help_text="The origin that accepted the key.")
    projects = ProjectAnswer(
        many=True, help_text="The projects that the key reaches: at most 100, lowest id first."
    )
    hint = serializers.CharField(
        required=False, help_text="Why events_count is null; there only where it is."
    )


class StatusAnswer(serializers.Serializer[Any]):
    """What is known of the workspace's connection. All fields are always there."""

    is_configured = serializers.BooleanField()
    is_validated = serializers.BooleanField()
    is_active = serializers.BooleanField()
    workspace_name = serializers.CharField(allow_null=True)
    project_id = serializers.CharField(allow_null=True)
    validated_at = serializers.DateTimeField(allow_null=True)
    last_sync = serializers.DateTimeField(allow_null=True)
    validation_error = serializers.CharField(allow_null=True)


class DisconnectAnswer(serializers.Serializer[Any]):
    message = serializers.CharField()


class ErrorAnswer(serializers.Serializer[Any]):
    """The envelope of every error."""

    error = serializers.CharField(help_text="What happened, for people.")
    error_type = serializers.ChoiceField(
        choices=[(kind, f"status {status}") for kind, status in sorted(STATUSES.items())]
    )
    hint = serializers.CharField(required=False, help_text="What to do about it.")
    missing_scopes = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Scopes that the key lacks."
    )
