"""What PostHog does with a parsed query before its names are resolved.

Source: posthog/hogql/placeholders.py and user_query_validator.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .grammar import HogQLError, Node

OFFSET_NOT_ALLOWED = (
    "OFFSET is not supported on queries made with a personal API key. "
    "For pagination, use keyset pagination on the `timestamp` column, e.g. "
    "`WHERE timestamp > :last_seen_timestamp ORDER BY timestamp LIMIT N`. "
    "For bulk data extraction, use batch exports: https://posthog.com/docs/cdp/batch-exports"
)


def walk(tree: Any) -> Iterator[Node]:
    """Every node of the tree, in the order of the text."""
    if isinstance(tree, list):
        for each in tree:
            yield from walk(each)
    elif isinstance(tree, dict):
        if "node" in tree:
            yield tree
        for each in tree.values():
            yield from walk(each)


def fill_placeholders(tree: Any, *, values: Mapping[str, Any]) -> Any:
    """The tree with ``{name}`` replaced by a constant of ``values``.

    Raises:
        HogQLError: a placeholder that ``values`` has nothing for.
    """
    if isinstance(tree, list):
        return [fill_placeholders(each, values=values) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("node") != "Placeholder":
        return {name: fill_placeholders(each, values=values) for name, each in tree.items()}
    chain = tree["expr"].get("chain", [])
    if len(chain) != 1 or chain[0] not in values:
        name = ".".join(map(str, chain)) or "..."
        raise HogQLError(f"Unresolved placeholder: {{{name}}}", at=tree)
    return _constant(values[chain[0]], at=tree)


def _constant(value: Any, *, at: Node) -> Node:
    place = {"start": at.get("start"), "end": at.get("end")}
    if isinstance(value, list):
        return {"node": "Array", "exprs": [_constant(each, at=at) for each in value]} | place
    if isinstance(value, dict):
        raise HogQLError(not_yet("an object as a value"), at=at)
    return {"node": "Constant", "value": value} | place


def refuse_offset(tree: Node) -> None:
    """OFFSET is closed to personal API keys, wherever in the query it stands.

    Raises:
        HogQLError: there is one.
    """
    for node in walk(tree):
        offset = node.get("offset") or node.get("offset_value")
        if offset and node["node"] in ("SelectQuery", "SelectSetQuery", "LimitByExpr"):
            raise HogQLError(OFFSET_NOT_ALLOWED, at=offset)


def tables_of(tree: Node) -> list[str]:
    """The names of the tables that the query reads."""
    joins = (node for node in walk(tree) if node["node"] == "JoinExpr")
    tables = (join["table"] for join in joins)
    return list(dict.fromkeys(_name(table) for table in tables if table.get("chain")))


def limit_of(select: Node) -> int | None:
    """The LIMIT of a SELECT.

    Raises:
        HogQLError: it is no constant whole number.
    """
    limit = select.get("limit")
    if limit is None:
        return None
    if limit["node"] != "Constant" or type(limit["value"]) is not int or limit["value"] < 0:
        raise HogQLError(not_yet("a LIMIT that is not a whole number"), at=limit)
    value: int = limit["value"]
    return value


def _name(table: Node) -> str:
    return ".".join(map(str, table.get("chain", [])))


def not_yet(what: str) -> str:
    """The words for what PostHog can and the stand-in cannot."""
    return f"The stand-in PostHog does not answer this yet: {what}."
