"""The API's calls about usage. Each reads the input, calls one use case, presents the answer."""

from __future__ import annotations

import math
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from ..access import (
    WorkspaceAccess,
    access_for,
    confirm_purger,
    manager_access_for,
    purger_access_for,
)
from ..errors import InvalidInput, InvalidMapping
from ..launch import launch
from ..limits import count_sync
from ..models import Account
from ..pql.scores import HIGHEST
from ..services.usage import UsageService
from ..wiring import usage_service
from . import usage_schema as schema
from .pagination import Pagination
from .usage_serializers import (
    FIGURES,
    ORDERINGS,
    AccountAnswer,
    AccountRange,
    DayAnswer,
    MappingAnswer,
    MappingRequest,
    PurgeRequest,
    SyncRequest,
    account_data,
    sync_data,
)
from .viewsets import WorkspaceViewSet, actor_of, valid_input

_FILTERS = {
    f"{bound}_{name}": f"{name}__{lookup}"
    for bound, lookup in (("min", "gte"), ("max", "lte"))
    for name in FIGURES
}
_LARGEST = 2**63 - 1
_SCORES = {"min_score": "score__gte", "max_score": "score__lte"}
_WITHOUT_FIT = {"fit": 1_000.0, "-fit": -1.0}
"""What stands for no fit, so that it comes last: cursors cannot compare with nothing."""
_MOST_DIGITS = 19
_LONGEST_SEARCH = 200


class SyncViewSet(WorkspaceViewSet):
    """Syncing of the workspace's usage."""

    serializer_class = SyncRequest
    pagination_class = Pagination

    @schema.sync_status
    def progress(self, request: Request) -> Response:
        """How syncing stands; PostHog is not asked."""
        return Response(sync_data(_service(request, access_for(request)).sync_status()))

    @schema.start_sync
    def start(self, request: Request) -> Response:
        """Start a sync; it goes on after the answer."""
        access = manager_access_for(request)
        count_sync(workspace_pk=access.workspace.pk)
        service = _service(request, access)
        run = service.request_sync(**valid_input(SyncRequest(data=request.data)))
        launch(run.pk)
        return Response({"run_id": str(run.pk)}, status=202)

    @schema.days
    def days(self, request: Request) -> Response:
        """The ledger, a row a day, the newest first."""
        days = _service(request, access_for(request)).days()
        page = self.paginate_queryset(days)
        return self.get_paginated_response(DayAnswer(page, many=True).data)

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        return ("-day",)


class AccountViewSet(WorkspaceViewSet):
    """The workspace's accounts, with their usage."""

    serializer_class = AccountAnswer
    pagination_class = Pagination

    @schema.accounts
    def accounts(self, request: Request) -> Response:
        """The accounts, with their figures as of the last day held."""
        accounts = _service(request, access_for(request)).accounts()
        page = self.paginate_queryset(_filtered(accounts, request))
        return self.get_paginated_response(AccountAnswer(page, many=True).data)

    @schema.account
    def account(self, request: Request, account_id: str) -> Response:
        """One account, with its usage day by day."""
        service = _service(request, access_for(request))
        account = service.account(account_id)
        asked = valid_input(AccountRange(data=request.query_params))
        return Response(account_data(account, service.account_usage(account, **asked)))

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        asked = request.query_params.get("ordering") or "-events_28d"
        if asked.removeprefix("-") not in ORDERINGS:
            raise InvalidInput(hint=f"Order by one of: {', '.join(ORDERINGS)}; - for the reverse.")
        if asked in _WITHOUT_FIT:
            return (asked.replace("fit", "fit_or_last"), "id")
        return (asked, "id")


class MappingViewSet(WorkspaceViewSet):
    """What makes an account of an event."""

    serializer_class = MappingRequest

    def get_object(self) -> Any:
        """None: there is one mapping, which no address names. OPTIONS asks."""
        raise Http404

    @schema.mapping
    def mapping(self, request: Request) -> Response:
        """The mapping, and what each choice would cover."""
        return Response(MappingAnswer(_service(request, access_for(request)).mapping()).data)

    @schema.change_mapping
    def change_mapping(self, request: Request) -> Response:
        """Map events to accounts in another way; all usage is removed, and read anew."""
        access = manager_access_for(request)
        count_sync(workspace_pk=access.workspace.pk)
        service = _service(request, access)
        arguments = valid_input(MappingRequest(data=request.data), error=InvalidMapping)
        run = service.change_mapping(**arguments)
        if run is not None:
            launch(run.pk)
        return Response(MappingAnswer(service.mapping()).data)


class PurgeViewSet(WorkspaceViewSet):
    """Removal of the workspace's usage."""

    serializer_class = PurgeRequest

    @schema.purge
    def purge(self, request: Request) -> Response:
        """Remove all usage of the workspace, for good; the connection stays."""
        access = purger_access_for(request)
        count_sync(workspace_pk=access.workspace.pk)
        actor = actor_of(request, access, confirm=confirm_purger)
        service = usage_service(workspace=access.workspace, actor=actor)
        service.purge(**valid_input(PurgeRequest(data=request.data)))
        return Response({"message": "All PostHog usage of this workspace was removed"})


def _service(request: Request, access: WorkspaceAccess) -> UsageService:
    return usage_service(workspace=access.workspace, actor=actor_of(request, access))


def _filtered(accounts: QuerySet[Account], request: Request) -> QuerySet[Account]:
    asked = request.query_params
    if search := asked.get("search", "").replace("\0", "")[:_LONGEST_SEARCH]:
        accounts = accounts.filter(Q(key__icontains=search) | Q(name__icontains=search))
    for name, lookup in _FILTERS.items():
        if name in asked:
            accounts = accounts.filter(**{lookup: _number(name, asked[name])})
    for name, lookup in _SCORES.items():
        if name in asked:
            accounts = accounts.filter(**{lookup: _points(name, asked[name])})
    if instead := _WITHOUT_FIT.get(asked.get("ordering", "")):
        accounts = accounts.annotate(fit_or_last=Coalesce("fit", Value(instead)))
    return accounts


def _points(name: str, text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= HIGHEST:
        raise InvalidInput(hint=f"{name} takes a number from 0 to {HIGHEST:g}.")
    return points


def _number(name: str, text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    if not is_number or int(text) > _LARGEST:
        raise InvalidInput(hint=f"{name} takes a whole number.")
    return int(text)
