"""What the OpenAPI document says of backtests beyond their shapes."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema

from .backtest_serializers import BacktestAnswer, BacktestRequest
from .schema import RETRY_AFTER, WORKSPACE, responses

backtest = extend_schema(
    operation_id="posthog_signal_definition_backtest",
    tags=["signals"],
    parameters=[WORKSPACE, RETRY_AFTER],
    request={"application/json": BacktestRequest},
    responses=responses(BacktestAnswer, 400, 401, 403, 404, 405, 406, 415, 429, 500, 503),
    examples=[
        OpenApiExample(
            "Upgrades within a month",
            value={"goal_event": "plan_upgraded", "horizon_days": 30},
            request_only=True,
        ),
        OpenApiExample(
            "It tells",
            value={
                "sample": "ok",
                "accounts": 1985,
                "exposed": 214,
                "goals": 96,
                "precision": {"value": 0.154, "low": 0.112, "high": 0.209},
                "recall": {"value": 0.344, "low": 0.256, "high": 0.443},
                "lift": {"value": 3.1, "low": 2.1, "high": 4.4},
                "median_lead_days": 12.0,
                "signals_per_week": 6.2,
                "caught_by_weekly_top": [
                    {"n": 5, "share": 0.208},
                    {"n": 10, "share": 0.323},
                    {"n": 25, "share": 0.344},
                    {"n": 50, "share": 0.344},
                ],
                "changed_after": 3,
            },
            response_only=True,
            status_codes=["200"],
        ),
    ],
)
