"""What the OpenAPI document says of the calls about usage beyond their shapes."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from .schema import PAGING, RETRY_AFTER, WORKSPACE, responses
from .usage_serializers import (
    FIGURES,
    ORDERINGS,
    AccountAnswer,
    AccountDetailAnswer,
    AccountRange,
    DayAnswer,
    MappingAnswer,
    MappingRequest,
    PurgeAnswer,
    PurgeRequest,
    SyncAnswer,
    SyncRequest,
    SyncStarted,
)

_READ = (401, 403, 404, 405, 406, 500)
_CHANGE = (400, 401, 403, 404, 405, 406, 415, 429, 500, 503)
_BOUNDS = [
    OpenApiParameter(
        name=f"{bound}_{name}",
        type={"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
        description=f"{name} of {words} so many",
    )
    for bound, words in (("min", "at least"), ("max", "at most"))
    for name in FIGURES
] + [
    OpenApiParameter(
        name=f"{bound}_score",
        type={"type": "number", "minimum": 0, "maximum": 100},
        description=f"A score of {words} so many points",
    )
    for bound, words in (("min", "at least"), ("max", "at most"))
]


sync_status = extend_schema(
    operation_id="posthog_sync_status",
    tags=["usage"],
    parameters=[WORKSPACE],
    responses=responses(SyncAnswer, *_READ),
)

start_sync = extend_schema(
    operation_id="posthog_sync_start",
    tags=["usage"],
    parameters=[WORKSPACE, RETRY_AFTER],
    request={"application/json": SyncRequest},
    responses=responses(SyncStarted, *_CHANGE, 409, code=202),
    examples=[
        OpenApiExample("Started", value={"run_id": "17"}, response_only=True, status_codes=["202"])
    ],
)

days = extend_schema(
    operation_id="posthog_sync_days",
    tags=["usage"],
    parameters=[WORKSPACE, *PAGING],
    responses=responses(DayAnswer(many=True), 400, *_READ),
)

accounts = extend_schema(
    operation_id="posthog_accounts",
    tags=["usage"],
    parameters=[
        WORKSPACE,
        *PAGING,
        OpenApiParameter(name="search", description="Found in key or name, in whatever case."),
        OpenApiParameter(
            name="ordering",
            enum=[f"{sign}{name}" for name in ORDERINGS for sign in ("", "-")],
            description="By default -events_28d. By fit, accounts without one come last either "
            "way.",
        ),
        *_BOUNDS,
    ],
    responses=responses(AccountAnswer(many=True), 400, *_READ),
)

account = extend_schema(
    operation_id="posthog_account",
    tags=["usage"],
    parameters=[WORKSPACE, AccountRange],
    responses=responses(AccountDetailAnswer, 400, *_READ),
)

mapping = extend_schema(
    operation_id="posthog_account_mapping",
    tags=["usage"],
    parameters=[WORKSPACE],
    responses=responses(MappingAnswer, *_READ),
)

change_mapping = extend_schema(
    operation_id="posthog_account_mapping_change",
    tags=["usage"],
    parameters=[WORKSPACE, RETRY_AFTER],
    request={"application/json": MappingRequest},
    responses=responses(MappingAnswer, *_CHANGE),
)

purge = extend_schema(
    operation_id="posthog_purge",
    tags=["usage"],
    parameters=[WORKSPACE, RETRY_AFTER],
    request={"application/json": PurgeRequest},
    responses=responses(PurgeAnswer, *_CHANGE),
)
