"""The API's calls about the connection: each reads, calls one use case and presents its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from ..access import WorkspaceAccess, access_for, confirm_manager, manager_access_for
from ..errors import InvalidInput
from ..limits import count_validation
from ..models import PosthogWorkspaceConfig
from ..redaction import RedactingReporterFilter
from ..services.store import Actor
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service
from . import exceptions, schema
from .negotiation import ContentNegotiation
from .parsers import PARSERS
from .renderers import BrowsableAPIRenderer
from .serializers import ValidateRequest, validate_arguments


class _ErrorsInOurEnvelope(APIView):
    content_negotiation_class = ContentNegotiation
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]

    def get_view_name(self) -> str:
        return "PostHog"

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return exceptions.handle

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        request.exception_reporter_filter = RedactingReporterFilter()
        return super().initialize_request(request, *args, **kwargs)


class WorkspaceViewSet(_ErrorsInOurEnvelope, GenericViewSet[Any]):
    """Something of the request's workspace, for those who are logged in."""

    permission_classes = [IsAuthenticated]
    parser_classes = PARSERS

    def get_queryset(self) -> Any:
        """Nothing: each call asks for its own rows. The browsable API asks for lists."""
        return PosthogWorkspaceConfig.objects.none()


class PosthogViewSet(WorkspaceViewSet):
    """The PostHog connection of the request's workspace."""

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ValidateRequest

    @schema.validate
    def validate(self, request: Request) -> Response:
        """Try a key against PostHog, and connect the workspace with it if all is well."""
        access = manager_access_for(request)
        count_validation(workspace_pk=access.workspace.pk)
        service = _service(request, access)
        with service.attempt():
            arguments = validate_arguments(request)
        found = service.validate_and_store_config(**arguments)
        return Response({"success": True, **found.as_plain_data()})

    @schema.status
    def status(self, request: Request) -> Response:
        """What is known of the workspace's connection; PostHog is not asked."""
        status = _service(request, access_for(request)).get_config_status()
        return Response(status.as_plain_data())

    @schema.disconnect
    def disconnect(self, request: Request) -> Response:
        """Stop using the connection. What is stored is kept; a later validation reactivates it."""
        _service(request, manager_access_for(request)).disconnect()
        return Response({"message": "PostHog integration disconnected successfully"})


class UnknownPathView(_ErrorsInOurEnvelope):
    """Whatever else is asked for under the API's base."""

    authentication_classes: list[Any] = []

    def check_permissions(self, request: Request) -> None:
        raise NotFound


def actor_of(
    request: Request,
    access: WorkspaceAccess,
    *,
    confirm: Callable[[Request, Model], None] = confirm_manager,
) -> Actor:
    """Who acts, and whether they still may when it comes to storing."""
    return Actor(
        name=request.user.get_username(), confirm=lambda: confirm(request, access.workspace)
    )


def valid_input(
    serializer: Serializer[Any], *, error: type[InvalidInput] = InvalidInput
) -> dict[str, Any]:
    """The input, checked.

    Raises:
        InvalidInput: it names the first field that is wrong, and why.
    """
    if not serializer.is_valid():
        wrong: dict[str, Any] = dict(serializer.errors)
        name, reasons = next(iter(wrong.items()))
        reason = reasons[0] if isinstance(reasons, list) else reasons
        if getattr(reason, "code", "") == "invalid_choice":  # It repeats what was sent.
            choices = serializer.fields[name].choices  # type: ignore[attr-defined]
            reason = f"It is one of: {', '.join(choices)}."
        raise error(hint=f"{name}: {reason}")
    return dict(serializer.validated_data)


def _service(request: Request, access: WorkspaceAccess) -> PostHogValidatorService:
    return connection_service(workspace=access.workspace, actor=actor_of(request, access))
