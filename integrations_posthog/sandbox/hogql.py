"""What PostHog checks in a parsed query before it runs: placeholders, OFFSET and names.

Source: posthog/hogql/placeholders.py, resolver.py, printer.py and user_query_validator.py.
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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TABLES = _words("events persons groups sessions person_distinct_ids cohort_people log_entries")
EVENT_FIELDS = _words(
    """
    * uuid event properties timestamp team_id distinct_id elements_chain created_at $session_id
    $session_id_uuid $window_id person_mode person_id person poe pdi session elements_chain_href
    elements_chain_texts elements_chain_ids elements_chain_elements
    $group_0 $group_1 $group_2 $group_3 $group_4 group_0 group_1 group_2 group_3 group_4
    """
)
FUNCTIONS = _words(
    """
    count countIf uniq uniqExact uniqExactIf sum sumIf min max minIf maxIf any argMin argMax avg
    median topK groupArray groupUniqArray now today toDate toStartOfDay toStartOfWeek toMonday
    toStartOfHour toTimeZone toDateTime toDateTime64 dateDiff addDays subtractDays toIntervalSecond
    toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth toIntervalQuarter
    toIntervalYear toUnixTimestamp formatDateTime lower upper trim concat substring position
    splitByChar split_part extract match startsWith endsWith like ilike replaceAll
    replaceRegexpAll lengthUTF8 range arrayJoin arrayElement arraySort arrayMap arrayFilter
    arraySum arrayDistinct arrayZip has length tuple toString toInt toFloat toUUID cityHash64
    coalesce ifNull nullIf isNull isNotNull assumeNotNull if multiIf and or not
    """
)
ANY_CASE_FUNCTIONS = _words("count min max sum avg lower upper concat coalesce ifnull nullif now")


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


def check_names(select: Node) -> None:
    """Every table, field and function of a plain SELECT exists.

    Raises:
        HogQLError: one does not.
    """
    nodes = list(walk(select))
    if any(node["node"] in ("CTE", "SelectSetQuery", "Lambda") for node in nodes):
        return
    joins = [node for node in nodes if node["node"] == "JoinExpr"]
    for join in joins:
        if _name(join["table"]) not in TABLES and join["table"].get("chain"):
            raise HogQLError(f"Unknown table `{_name(join['table'])}`.", at=join["table"])
    if [_name(join["table"]) for join in joins] in ([], ["events"]):
        _check_fields(nodes, tables=joins)
    _check_functions(nodes)


def _check_fields(nodes: list[Node], *, tables: list[Node]) -> None:
    known = {"events", *(table["alias"] for table in tables), *EVENT_FIELDS} if tables else set()
    known |= {node["alias"] for node in nodes if node["node"] == "Alias"}
    table_nodes = [table["table"] for table in tables]
    for node in nodes:
        if node["node"] != "Field" or any(node is table for table in table_nodes):
            continue
        name = column_of(node, tables={"events", *(table["alias"] for table in tables)})
        if name not in known:
            raise HogQLError(f"Unable to resolve field: {name}", at=node)


def _check_functions(nodes: list[Node]) -> None:
    for node in nodes:
        if node["node"] == "Call" and not _is_function(node["name"]):
            raise HogQLError(f"Unsupported function call '{node['name']}(...)'", at=node)


def _is_function(name: str) -> bool:
    return name in FUNCTIONS or name.lower() in ANY_CASE_FUNCTIONS


def column_of(field: Node, *, tables: set[Any]) -> str:
    """The column that a field names, without the table in front of it."""
    chain = [str(part) for part in field["chain"]]
    return chain[1] if len(chain) > 1 and chain[0] in tables else chain[0]


def _name(table: Node) -> str:
    return ".".join(map(str, table.get("chain", [])))


def not_yet(what: str) -> str:
    """The words for what PostHog can and the stand-in cannot."""
    return f"The stand-in PostHog does not answer this yet: {what}."
