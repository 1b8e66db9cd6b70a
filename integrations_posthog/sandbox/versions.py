"""The PostHogs of three times: today's, and two that self-hosted installations still run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .legacy import PayloadsOf130
from .payloads import Payloads

LegacyName = Literal["1.30", "2023"]


@dataclass(frozen=True, kw_only=True)
class QueryDialect:
    """What an instance's query endpoint accepts and tells.

    ``caches``: identical texts are answered from a cache. ``explains``: a refusal carries the
    code of its kind and ``hogql_metadata``. ``refresh_words``: ``refresh`` may be a word such as
    ``force_blocking``, and not only a boolean.
    """

    fields: frozenset[str]
    query_fields: frozenset[str]
    caches: bool
    explains: bool
    offset_allowed: bool
    refresh_words: bool


CURRENT_DIALECT = QueryDialect(
    fields=frozenset(
        (
            "async",
            "client_query_id",
            "filters_override",
            "limit_context",
            "name",
            "query",
            "refresh",
            "variables_override",
        )
    ),
    query_fields=frozenset(
        (
            "explain",
            "filters",
            "kind",
            "modifiers",
            "name",
            "query",
            "response",
            "tags",
            "values",
            "variables",
            "version",
        )
    ),
    caches=True,
    explains=True,
    offset_allowed=False,
    refresh_words=True,
)

# Source: posthog/api/query.py and posthog/schema.py of that winter: QueryRequest had these four
# fields, `refresh` was a boolean, and nothing else was let through.
DIALECT_OF_2023 = QueryDialect(
    fields=frozenset(("async", "client_query_id", "query", "refresh")),
    query_fields=frozenset(
        ("explain", "filters", "kind", "modifiers", "query", "response", "values")
    ),
    caches=False,
    explains=False,
    offset_allowed=True,
    refresh_words=False,
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One PostHog of its time.

    ``modern``: with key introspection, scopes and restrictions. ``breaks_on_organizations``: the
    list of organizations, and one asked for by something that is no UUID, are 500.
    """

    payloads: Payloads
    modern: bool
    query: QueryDialect | None
    breaks_on_organizations: bool = False


VERSIONS: dict[LegacyName | None, Version] = {
    None: Version(payloads=Payloads(), modern=True, query=CURRENT_DIALECT),
    "2023": Version(payloads=Payloads(), modern=False, query=DIALECT_OF_2023),
    "1.30": Version(
        payloads=PayloadsOf130(), modern=False, query=None, breaks_on_organizations=True
    ),
}
