"""The faults that are answers: PostHog's refusals in its own words, and answers spoilt on the way.

Texts and codes: posthog/exceptions.py, posthog/permissions.py, posthog/rate_limit.py and
posthog/clickhouse/client/limit.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .answers import (
    Answer,
    forbidden,
    invalid_key,
    missing_scope,
    not_found,
    organization_out_of_reach,
    project_out_of_reach,
    server_error,
    throttled,
)
from .faults import Struck
from .tenants import ACME, UMBRELLA

PROXY_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
# As Django renders it without templates of one's own; seen from a running PostHog 1.30.
SERVER_ERROR_PAGE = """
<!doctype html>
<html lang="en">
<head>
  <title>Server Error (500)</title>
</head>
<body>
  <h1>Server Error (500)</h1><p></p>
</body>
</html>
"""
LOGIN_PAGE = "<!doctype html><html><head><title>PostHog</title></head><body>Log in</body></html>"
PROJECT_IN_PATH = re.compile(r"/api/projects/([0-9]+)")
NESTED_IN_PROJECT = re.compile(r"/api/projects/[^/]+/[^/]+")

Refusal = Callable[[Struck], Answer]


TOO_BIG: dict[int, Answer] = {
    504: server_error(
        status=504,
        detail="Query has hit the max execution time before completing. See our docs for how "
        "to improve your query performance. You may need to materialize.",
    ),
    512: server_error(
        status=512,
        detail="Estimated query execution time is too long. Try reducing its scope by "
        "changing the time range.",
    ),
    513: server_error(
        status=513,
        code="clickhouse_memory_limit_exceeded",
        detail="This query ran out of memory before it could finish, usually because it's "
        "scanning too much data. Try a shorter date range or narrower filters, or see our "
        "docs for more ways to speed it up: https://posthog.com/docs/product-analytics/"
        "troubleshooting#how-do-i-speed-up-my-insights-and-queries",
    ),
}
"""The answers to a query that reads too much, by their status."""


def _missing_scope(struck: Struck) -> Answer:
    return missing_scope(struck.fault.scope or struck.required_scope or "project:read")


def _project_out_of_reach(struck: Struck) -> Answer:
    project = PROJECT_IN_PATH.match(struck.request.path)
    return project_out_of_reach(project[1] if project else 12345)


def _project_gone(struck: Struck) -> Answer:
    nested = NESTED_IN_PROJECT.match(struck.request.path)
    return not_found("Project not found.") if nested else not_found()


def _rate_limited(struck: Struck) -> Answer:
    wait = struck.fault.retry_after
    detail = f"Request was throttled. Expected available in {wait} seconds."
    return throttled(detail=detail, retry_after=wait)


def _budget_spent(struck: Struck) -> Answer:
    return throttled(
        detail="The hourly read budget of this project's API queries is used up.",
        code="api_queries_budget_exceeded",
        retry_after=struck.fault.retry_after,
    )


def _redirected(struck: Struck) -> Answer:
    return Answer(status=302, body="", headers={"Location": struck.fault.location})


def _fixed(answer: Answer) -> Refusal:
    return lambda struck: answer


def _unexpected_types(struck: Struck) -> Answer:
    answer = struck.real_answer()
    body = {
        name: "unexpected" if isinstance(value, list | dict) else ["unexpected"]
        for name, value in answer.body.items()
    }
    return replace(answer, body=body)


def _spoilt(body: Any) -> Refusal:
    return lambda struck: replace(struck.real_answer(), body=body)


ANSWERS: dict[str, Refusal] = {
    "401": lambda struck: invalid_key(origin=struck.request.origin),
    "402": _fixed(
        server_error(
            status=402,
            code="api_queries_quota_exceeded",
            detail="Your organization has read more query data over the API than its free "
            "allowance for this month. API queries will be available again when the allowance "
            "resets. Upgrade your plan in Billing settings to restore access sooner, or ask an "
            "org admin to do so.",
        )
    ),
    "403_scope": _missing_scope,
    "403_project": _project_out_of_reach,
    "403_organization": _fixed(organization_out_of_reach(UMBRELLA.id)),
    "403_keys_disabled": _fixed(
        forbidden(
            f"Organization '{ACME.name}' does not allow using personal API keys. Contact an admin "
            "to enable personal API keys for this organization."
        )
    ),
    "404": _project_gone,
    "429": _rate_limited,
    "429_concurrency": _fixed(
        throttled(detail="Too many queries are running right now — please try again in a moment.")
    ),
    "429_budget": _budget_spent,
    "500": _fixed(server_error(status=500, detail="A server error occurred.")),
    "500_html": _fixed(Answer(status=500, body=SERVER_ERROR_PAGE)),
    "502": _fixed(Answer(status=502, body=PROXY_PAGE.format("502 Bad Gateway"))),
    "503": _fixed(
        server_error(
            status=503,
            detail="Queries are a little too busy right now. We're working to free up resources. "
            "Please try again later.",
        )
    ),
    "503_database": _fixed(
        server_error(
            status=503,
            code="database_unavailable",
            detail="We couldn't reach the database just now. Please try again in a moment.",
            headers={"Retry-After": "1"},
        )
    ),
    **{str(status): _fixed(answer) for status, answer in TOO_BIG.items()},
    "html": _fixed(Answer(status=200, body=LOGIN_PAGE)),
    "redirect": _redirected,
    "wrong_shape": _spoilt([]),
    "missing_fields": _spoilt({"unexpected": True}),
    "wrong_types": _unexpected_types,
}
