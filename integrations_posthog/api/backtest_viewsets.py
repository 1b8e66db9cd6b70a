"""The API's call for a backtest. It reads the input, calls one use case, presents the answer."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from ..access import access_for
from ..limits import count_backtest
from ..wiring import definition_service
from . import backtest_schema as schema
from .backtest_serializers import BacktestAnswer, BacktestRequest
from .viewsets import WorkspaceViewSet, actor_of, valid_input


class BacktestViewSet(WorkspaceViewSet):
    """How well a signal definition would have told who converts."""

    serializer_class = BacktestRequest

    def get_object(self) -> Any:
        """None: nothing of a backtest is kept. OPTIONS asks."""
        raise Http404

    @schema.backtest
    def backtest(self, request: Request, definition_id: str) -> Response:
        """Replay the definition over the days that are held. Nothing fires, nothing is stored."""
        access = access_for(request)
        service = definition_service(workspace=access.workspace, actor=actor_of(request, access))
        asked = valid_input(BacktestRequest(data=request.data))
        count_backtest(workspace_pk=access.workspace.pk)
        return Response(BacktestAnswer(service.backtest(definition_id, **asked)).data)
