"""The body of a query request, and what its schema lets through.

Source: posthog/schema.py (``QueryRequest``, ``HogQLQuery``) and posthog/api/mixins.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answers import RefusalError, bad_query, parse_error
from .hogql import not_yet
from .versions import QueryDialect

BLOCKING = ("blocking", "force_blocking", "force_cache")
ASYNCHRONOUS = ("async", "async_except_on_cache_miss", "force_async", "lazy_async")
OTHER_KINDS = (
    "ActorsQuery",
    "DatabaseSchemaQuery",
    "EventsQuery",
    "FunnelsQuery",
    "HogQLMetadata",
    "RetentionQuery",
    "TrendsQuery",
)


@dataclass(frozen=True, kw_only=True)
class QueryRequest:
    text: str
    values: Mapping[str, Any]
    refresh: str | bool
    as_sent: Mapping[str, Any]

    @property
    def forces(self) -> bool:
        return self.refresh is True or self.refresh == "force_blocking"


def read_body(body: bytes, *, dialect: QueryDialect) -> QueryRequest:
    """The request in a body that fits the schema.

    Raises:
        RefusalError: 400 ``parse_error``, in the words of the schema's library (pydantic).
    """
    try:
        sent = json.loads(body)
    except ValueError as error:
        raise RefusalError(parse_error(str(error))) from None
    if not isinstance(sent, dict):
        raise _misfit("", "Input should be a valid dictionary or instance of QueryRequest")
    _refuse_unknown(sent, known=dialect.fields, inside="")
    query = sent.get("query")
    if not isinstance(query, dict):
        raise _misfit("query", "Field required" if query is None else "Input should be an object")
    _check_kind(query)
    _refuse_unknown(query, known=dialect.query_fields, inside="query.HogQLQuery.")
    if not isinstance(query.get("query"), str):
        raise _misfit("query.HogQLQuery.query", "Input should be a valid string")
    values = query.get("values") or {}
    if not isinstance(values, dict):
        raise _misfit("query.HogQLQuery.values", "Input should be a valid dictionary")
    for field in ("name", "client_query_id"):
        if not isinstance(sent.get(field), str | None):
            raise _misfit(field, "Input should be a valid string")
    refresh = _refresh_of(sent, dialect=dialect)
    return QueryRequest(text=query["query"], values=values, refresh=refresh, as_sent=query)


def _misfit(where: str, why: str) -> RefusalError:
    return RefusalError(parse_error(f"1 validation error for QueryRequest\n{where}\n  {why}"))


def _refuse_unknown(sent: Mapping[str, Any], *, known: frozenset[str], inside: str) -> None:
    for field in sent:
        if field not in known:
            why = "Extra inputs are not permitted [type=extra_forbidden]"
            raise _misfit(f"{inside}{field}", why)


def _check_kind(query: Mapping[str, Any]) -> None:
    kind = query.get("kind")
    if kind in OTHER_KINDS:
        raise RefusalError(bad_query(detail=not_yet(f"a query of the kind {kind}")))
    if kind != "HogQLQuery":
        tags = ", ".join(repr(each) for each in ("HogQLQuery", *OTHER_KINDS))
        why = f"Input tag '{kind}' found using 'kind' does not match any of the expected tags"
        raise _misfit("query", f"{why}: {tags} [type=union_tag_invalid]")


def _refresh_of(sent: Mapping[str, Any], *, dialect: QueryDialect) -> str | bool:
    refresh = sent.get("refresh")
    if refresh is None:
        refresh = False
    if isinstance(refresh, bool):
        return refresh
    if not dialect.refresh_words:
        raise _misfit("refresh", "Input should be a valid boolean [type=bool_type]")
    if refresh in ASYNCHRONOUS:
        raise RefusalError(bad_query(detail=not_yet(f"the refresh mode {refresh}")))
    if refresh not in BLOCKING:
        words = ", ".join(repr(word) for word in sorted(BLOCKING + ASYNCHRONOUS))
        raise _misfit("refresh.enum", f"Input should be {words} [type=enum]")
    return str(refresh)
