"""The API's calls about signals. Each reads the input, calls one use case, presents the answer."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from ..access import WorkspaceAccess, access_for, manager_access_for
from ..services.signals.definitions import DefinitionService
from ..services.signals.presentation import signal_data
from ..services.signals.signals import SignalService
from ..services.usage import UsageService
from ..wiring import definition_service, signal_service, usage_service
from . import signal_schema as schema
from .pagination import Pagination
from .signal_serializers import (
    DayQuery,
    DefinitionAnswer,
    DefinitionRequest,
    DismissRequest,
    FitCriteria,
    RuleRequest,
    SignalQuery,
    WhyNotQuery,
    definition_data,
    explanation_data,
    preview_data,
    templates_data,
)
from .viewsets import WorkspaceViewSet, actor_of, valid_input


class DefinitionViewSet(WorkspaceViewSet):
    """What counts as a signal in the workspace."""

    serializer_class = DefinitionRequest
    pagination_class = Pagination

    def get_object(self) -> Any:
        """None: OPTIONS asks, and needs none to tell what can be changed."""
        raise Http404

    @schema.definitions
    def definitions(self, request: Request) -> Response:
        """The definitions, the oldest first."""
        page = self.paginate_queryset(_definitions(request, access_for(request)).definitions())
        return self.get_paginated_response(DefinitionAnswer(page, many=True).data)

    @schema.create_definition
    def create_definition(self, request: Request) -> Response:
        """A new definition, as a draft: it is evaluated once it is active."""
        service = _definitions(request, manager_access_for(request))
        definition = service.create(**valid_input(DefinitionRequest(data=request.data)))
        return Response(definition_data(definition), status=201)

    @schema.definition
    def definition(self, request: Request, definition_id: str) -> Response:
        """One definition."""
        found = _definitions(request, access_for(request)).definition(definition_id)
        return Response(definition_data(found))

    @schema.update_definition
    def update_definition(self, request: Request, definition_id: str) -> Response:
        """Change what is given. That is a new version; what has fired keeps its own."""
        service = _definitions(request, manager_access_for(request))
        changes = valid_input(DefinitionRequest(data=request.data, partial=True))
        return Response(definition_data(service.update(definition_id, **changes)))

    @schema.pause_definition
    def pause(self, request: Request, definition_id: str) -> Response:
        """Evaluate it no more; its signals do not count meanwhile."""
        service = _definitions(request, manager_access_for(request))
        return Response(definition_data(service.pause(definition_id)))

    @schema.activate_definition
    def activate(self, request: Request, definition_id: str) -> Response:
        """Evaluate it from now on, and right away."""
        service = _definitions(request, manager_access_for(request))
        return Response(definition_data(service.activate(definition_id)))

    @schema.templates
    def templates(self, request: Request) -> Response:
        """Definitions to start from, with events that the project has."""
        return Response(templates_data(_definitions(request, access_for(request)).templates()))

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        return ("id",)


class PreviewViewSet(WorkspaceViewSet):
    """What rules would find. Nothing is stored."""

    serializer_class = RuleRequest

    @schema.preview_definition
    def preview_definition(self, request: Request, definition_id: str) -> Response:
        """What a definition finds as of a day."""
        service = _definitions(request, access_for(request))
        asked = valid_input(DayQuery(data=request.query_params))
        return Response(preview_data(service.preview_definition(definition_id, **asked)))

    @schema.preview_rule
    def preview_rule(self, request: Request) -> Response:
        """What a rule would find as of a day."""
        service = _definitions(request, access_for(request))
        asked = valid_input(DayQuery(data=request.query_params))
        asked |= valid_input(RuleRequest(data=request.data))
        return Response(preview_data(service.preview(**asked)))


class SignalViewSet(WorkspaceViewSet):
    """What was found of the workspace's accounts."""

    serializer_class = DismissRequest
    pagination_class = Pagination

    @schema.signals
    def signals(self, request: Request) -> Response:
        """The signals, the newest first."""
        # Of a form, which is how query_params are read, a box that is not there is a no.
        asked = valid_input(SignalQuery(data=request.query_params.dict()))
        page = self.paginate_queryset(_signals(request, access_for(request)).signals(**asked))
        return self.get_paginated_response([signal_data(signal) for signal in page or ()])

    @schema.signal
    def signal(self, request: Request, signal_id: str) -> Response:
        """One signal."""
        return Response(signal_data(_signals(request, access_for(request)).signal(signal_id)))

    @schema.acknowledge
    def acknowledge(self, request: Request, signal_id: str) -> Response:
        """Somebody has taken note of it. It goes on to count."""
        service = _signals(request, manager_access_for(request))
        return Response(signal_data(service.acknowledge(signal_id)))

    @schema.dismiss
    def dismiss(self, request: Request, signal_id: str) -> Response:
        """It is of no use, for a reason; it counts no more."""
        service = _signals(request, manager_access_for(request))
        reason = valid_input(DismissRequest(data=request.data))["reason"]
        return Response(signal_data(service.dismiss(signal_id, reason=reason)))

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        return ("-fired_on", "-id")


class WhyNotViewSet(WorkspaceViewSet):
    """What an account lacks."""

    serializer_class = WhyNotQuery

    @schema.why_not
    def why_not(self, request: Request, account_id: str) -> Response:
        """Whether a definition is met for an account, and if not, what is missing."""
        access = access_for(request)
        asked = valid_input(WhyNotQuery(data=request.query_params))
        account = _usage(request, access).account(account_id)
        definition = _definitions(request, access).definition(asked.pop("definition"))
        service = _signals(request, access)
        explanation = service.explain(account=account, definition=definition, **asked)
        return Response(explanation_data(explanation))


class FitViewSet(WorkspaceViewSet):
    """How accounts are judged apart from their signals."""

    serializer_class = FitCriteria

    def get_object(self) -> Any:
        """None: there is one list of criteria, which no address names. OPTIONS asks."""
        raise Http404

    @schema.fit_criteria
    def fit_criteria(self, request: Request) -> Response:
        """What makes an account fit."""
        return Response({"criteria": _signals(request, access_for(request)).fit_criteria()})

    @schema.change_fit_criteria
    def change_fit_criteria(self, request: Request) -> Response:
        """Judge the fit of all accounts by other criteria."""
        service = _signals(request, manager_access_for(request))
        asked = valid_input(FitCriteria(data=request.data))
        return Response({"criteria": service.change_fit_criteria(asked["criteria"])})


def _definitions(request: Request, access: WorkspaceAccess) -> DefinitionService:
    return definition_service(workspace=access.workspace, actor=actor_of(request, access))


def _usage(request: Request, access: WorkspaceAccess) -> UsageService:
    return usage_service(workspace=access.workspace, actor=actor_of(request, access))


def _signals(request: Request, access: WorkspaceAccess) -> SignalService:
    return signal_service(workspace=access.workspace, actor=actor_of(request, access))
