"""SELECT statements to SQL of DuckDB, with HogQL's rules for names.

An alias stands for its expression, in the columns after it and in every other part of the same
SELECT, before a column of the same name (posthog/hogql/resolver.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..grammar import HogQLError, Node
from ..hogql import limit_of, not_yet
from .context import Context
from .expressions import Expressions
from .kinds import Kind, Type, common_type
from .sql import Expr, condition, name_of
from .tables import OTHER_TABLES, TABLES, QuerySource, Source, TableSource

PARTS = frozenset(
    [
        "node",
        "start",
        "end",
        "select",
        "distinct",
        "select_from",
        "where",
        "prewhere",
        "group_by",
        "having",
        "order_by",
        "limit",
    ]
)


Limit = Callable[[int | None], int | None]


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A query's SQL and its columns, in order; ``names`` may have the same one twice."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]

    @property
    def columns(self) -> Mapping[str, Type]:
        return dict(zip(_distinct(self.names), self.types, strict=True))


def as_written(limit: int | None) -> int | None:
    return limit


def translate(node: Node, *, context: Context, text: str, limit: Limit = as_written) -> Translated:
    """The SQL of a checked query; ``limit`` tells what its LIMIT becomes, None for none.

    ``text`` is the query's own text, after which columns without an alias are named.

    Raises:
        HogQLError: PostHog refuses it, or it is beyond the stand-in.
    """
    if node["node"] == "SelectSetQuery":
        return _union(node, context=context, text=text, limit=limit)
    return _Select(context=context, text=text).translate(node, limit=limit)


def _union(node: Node, *, context: Context, text: str, limit: Limit) -> Translated:
    for each in node["subsequent_select_queries"]:
        if each["set_operator"] != "UNION ALL":
            raise HogQLError(not_yet(each["set_operator"]), at=node)
    nodes = [node["initial_select_query"]]
    nodes += [each["select_query"] for each in node["subsequent_select_queries"]]
    parts = [translate(each, context=context, text=text, limit=limit) for each in nodes]
    if len({len(part.types) for part in parts}) > 1:
        raise HogQLError(
            "Expected the same number of columns in each SELECT of a UNION",
            code="union_all_result_structures_mismatch",
            at=node,
        )
    columns = zip(*(part.types for part in parts), strict=True)
    sql = " UNION ALL ".join(f"({part.sql})" for part in parts)
    return Translated(
        sql=sql, names=parts[0].names, types=tuple(common_type(each) for each in columns)
    )


class _Select:
    """One SELECT; it is what the names in its expressions stand for."""

    def __init__(self, *, context: Context, text: str) -> None:
        self._context = context
        self._text = text
        self._source: Source | None = None
        self._aliases: dict[str, Expr] = {}
        self._unnested: dict[str, str] = {}
        self._expressions = Expressions(context=context, names=self)

    def translate(self, node: Node, *, limit: Limit) -> Translated:
        _refuse_other_parts(node)
        if node["select_from"]:
            self._source = self._read(node["select_from"])
        columns = [self._column(each) for each in node["select"]]
        wheres = [node[part] for part in ("where", "prewhere") if node.get(part)]
        where = " AND ".join(condition(self._expressions.expr(each)) for each in wheres)
        group_by = [self._group(each) for each in node["group_by"] or []]
        having = condition(self._expressions.expr(node["having"])) if node["having"] else ""
        order_by = [self._order(each) for each in node.get("order_by") or []]
        most = limit(limit_of(node))
        names = [name for name, _ in columns]
        selected = ", ".join(
            f"{expr.sql} AS {name_of(name)}"
            for name, (_, expr) in zip(_distinct(names), columns, strict=True)
        )
        clauses = {
            "SELECT DISTINCT": selected if node["distinct"] else "",
            "SELECT": "" if node["distinct"] else selected,
            "FROM": self._from(),
            "WHERE": where,
            "GROUP BY": ", ".join(group_by),
            "HAVING": having,
            "ORDER BY": ", ".join(order_by),
            "LIMIT": "" if most is None else str(most),
        }
        return Translated(
            sql=" ".join(f"{word} {text}" for word, text in clauses.items() if text),
            names=tuple(names),
            types=tuple(expr.type for _, expr in columns),
        )

    def field(self, chain: Sequence[str]) -> Expr:
        if chain[0] in self._aliases:
            return self._inside_alias(chain)
        if self._source is None:
            raise _unresolved(chain[0])
        if len(chain) > 1 and chain[0] in self._source.names:
            chain = chain[1:]
        field = self._source.field(chain)
        if field is None:
            raise _unresolved(chain[0])
        return field

    def _inside_alias(self, chain: Sequence[str]) -> Expr:
        if len(chain) > 1:
            raise HogQLError(not_yet(f"a field of the alias {chain[0]}"))
        return self._aliases[chain[0]]

    def unnested(self, items: Expr) -> Expr:
        if items.type.kind is not Kind.ARRAY:
            message = "Argument of function arrayJoin must be Array or Map"
            raise HogQLError(message, code="type_mismatch")
        name = self._unnested.setdefault(items.sql, f"array_join_{len(self._unnested)}")
        return Expr(sql=f"t.{name}", type=items.type.items[0])

    def _read(self, join: Node) -> Source:
        if join["next_join"] or join.get("sample") or join.get("table_final"):
            raise HogQLError(not_yet("JOIN, SAMPLE and FINAL"), at=join)
        table, alias = join["table"], join["alias"]
        if table["node"] != "Field":
            inner = translate(table, context=self._context, text=self._text)
            return QuerySource(sql=inner.sql, columns=inner.columns, alias=alias)
        name = ".".join(map(str, table["chain"]))
        if name in OTHER_TABLES or join.get("table_args"):
            raise HogQLError(not_yet(f"the table {name}"), at=table)
        if name not in TABLES:
            raise HogQLError(f"Unknown table `{name}`.", at=table)
        return TableSource(table=name, alias=alias, context=self._context)

    def _column(self, node: Node) -> tuple[str, Expr]:
        if node["node"] != "Alias":
            return self._name(node), self._expressions.expr(node)
        alias = node["alias"]
        expr = self._expressions.expr(node["expr"])
        if alias in self._aliases:
            raise HogQLError(f"Cannot redefine an alias with the name: {alias}", at=node)
        self._aliases[alias] = expr
        return alias, expr

    def _name(self, node: Node) -> str:
        if node["node"] == "Field" and len(node["chain"]) == 1:
            return str(node["chain"][0])
        return self._text[node["start"]["offset"] : node["end"]["offset"]]

    def _group(self, node: Node) -> str:
        """A number stands for a column; a constant by another name must not."""
        expr = self._expressions.expr(node)
        if node["node"] != "Constant" and isinstance(expr.value, int):
            return f"CAST({expr.sql} AS BIGINT)"
        return expr.sql

    def _order(self, node: Node) -> str:
        return f"{self._group(node['expr'])} {node['order']} NULLS LAST"

    def _from(self) -> str:
        if self._source is None and not self._unnested:
            return ""
        sql = self._source.sql() if self._source else "(SELECT 1 AS one)"
        for items, name in self._unnested.items():
            sql = f"(SELECT t.*, unnest({items}) AS {name} FROM {sql} t)"  # noqa: S608
        return f"{sql} t"


def _unresolved(name: str) -> HogQLError:
    return HogQLError(f"Unable to resolve field: {name}")


def _refuse_other_parts(node: Node) -> None:
    for part, value in node.items():
        if part not in PARTS and value:
            raise HogQLError(not_yet(part.replace("_", " ").upper()), at=node)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names under which columns can be told apart in SQL."""
    return [
        f"{name} {index}" if name in names[:index] else name for index, name in enumerate(names)
    ]
