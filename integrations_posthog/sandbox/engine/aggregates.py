"""Aggregate functions, with the ending -If for a condition.

Over nothing they give ClickHouse's defaults, or NULL where their argument can be NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..grammar import HogQLError
from ..hogql import not_yet
from .kinds import COUNT, FLOAT, INT, Kind, array_of
from .sql import Expr, condition, default, number


@dataclass(frozen=True, kw_only=True)
class Aggregated:
    """The arguments of an aggregate; ``when`` is SQL of a condition, '' for none."""

    args: Sequence[Expr]
    when: str = ""
    distinct: bool = False
    params: Sequence[Expr] = ()

    @property
    def only(self) -> str:
        return f" FILTER (WHERE {self.when})" if self.when else ""

    def given(self) -> str:
        """A filter for the condition and for a first argument that is not NULL."""
        tests = [f"({self.args[0].sql}) IS NOT NULL"] if self.args[0].type.nullable else []
        tests += [self.when] if self.when else []
        return f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    least: int
    most: int | None
    build: Callable[[Aggregated], Expr]


def _count(over: Aggregated) -> Expr:
    if over.distinct:
        return _uniq(over)
    inside = over.args[0].sql if over.args else "*"
    return Expr(sql=f"count({inside}){over.only}", type=COUNT)


def _uniq(over: Aggregated) -> Expr:
    """The number of different values but NULL."""
    value = over.args[0].sql
    if len(over.args) > 1:
        value = f"row({', '.join(arg.sql for arg in over.args)})"
    # The same as a filter, and in DuckDB nearly twice as fast.
    inside = f"CASE WHEN {over.when} THEN {value} END" if over.when else value
    return Expr(sql=f"count(DISTINCT {inside})", type=COUNT)


def _sum(over: Aggregated) -> Expr:
    value = number(over.args[0])
    type_ = FLOAT if value.type.kind is Kind.FLOAT else INT
    if over.args[0].type.name.startswith("UInt"):
        type_ = COUNT
    return _or_default(
        Expr(sql=f"sum({value.sql}){over.only}", type=type_.or_null(value.type.nullable))
    )


def _or_default(expr: Expr) -> Expr:
    if expr.type.nullable:
        return expr
    return replace(expr, sql=f"coalesce({expr.sql}, {default(expr.type)})")


def _of_same_type(function: str) -> Callable[[Aggregated], Expr]:
    def build(over: Aggregated) -> Expr:
        value = over.args[0]
        return _or_default(Expr(sql=f"{function}({value.sql}){over.only}", type=value.type))

    return build


def _by_another(function: str) -> Callable[[Aggregated], Expr]:
    def build(over: Aggregated) -> Expr:
        value, by = over.args
        sql = f"{function}({value.sql}, {by.sql}){over.only}"
        return _or_default(Expr(sql=sql, type=value.type))

    return build


def _float(function: str) -> Callable[[Aggregated], Expr]:
    def build(over: Aggregated) -> Expr:
        inside = function.format(number(over.args[0]).sql)
        # Over nothing it is NaN, which the renderer makes null.
        return Expr(sql=f"{inside}{over.only}", type=FLOAT.or_null())

    return build


def _group_array(over: Aggregated) -> Expr:
    value = over.args[0]
    sql = f"coalesce(list({value.sql}){over.given()}, [])"
    return Expr(sql=sql, type=array_of(value.type.not_null()))


def _group_uniq_array(over: Aggregated) -> Expr:
    value = over.args[0]
    sql = f"coalesce(list(DISTINCT {value.sql}){over.given()}, [])"
    return Expr(sql=sql, type=array_of(value.type.not_null()))


def _top(over: Aggregated) -> Expr:
    value = over.args[0]
    most = over.params[0].value if over.params else 10
    if not isinstance(most, int):
        raise HogQLError(not_yet("topK of a number that is no constant"))
    sql = f"coalesce(approx_top_k({value.sql}, {most}){over.given()}, [])"
    return Expr(sql=sql, type=array_of(value.type.not_null()))


PLAIN = {
    "count": Aggregate(least=0, most=1, build=_count),
    "uniq": Aggregate(least=1, most=None, build=_uniq),
    "uniqExact": Aggregate(least=1, most=None, build=_uniq),
    "sum": Aggregate(least=1, most=1, build=_sum),
    "min": Aggregate(least=1, most=1, build=_of_same_type("min")),
    "max": Aggregate(least=1, most=1, build=_of_same_type("max")),
    "any": Aggregate(least=1, most=1, build=_of_same_type("any_value")),
    "argMin": Aggregate(least=2, most=2, build=_by_another("arg_min")),
    "argMax": Aggregate(least=2, most=2, build=_by_another("arg_max")),
    "avg": Aggregate(least=1, most=1, build=_float("avg({0})")),
    "median": Aggregate(least=1, most=1, build=_float("quantile_cont({0}, 0.5)")),
    "topK": Aggregate(least=1, most=1, build=_top),
    "groupArray": Aggregate(least=1, most=1, build=_group_array),
    "groupUniqArray": Aggregate(least=1, most=1, build=_group_uniq_array),
}


def _with_condition(plain: Aggregate) -> Aggregate:
    def build(over: Aggregated) -> Expr:
        *args, test = over.args
        return plain.build(replace(over, args=args, when=condition(test)))

    most = None if plain.most is None else plain.most + 1
    return Aggregate(least=plain.least + 1, most=most, build=build)


CONDITIONAL = (
    "count uniq uniqExact sum min max any avg median argMin argMax groupArray groupUniqArray"
)

AGGREGATES = PLAIN | {f"{name}If": _with_condition(PLAIN[name]) for name in CONDITIONAL.split()}
