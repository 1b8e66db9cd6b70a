"""HogQL expressions to SQL of DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..grammar import HogQLError, Node
from ..hogql import not_yet
from . import arrays, conditionals, strings, times
from .aggregates import AGGREGATES, Aggregated
from .arrays import Lambda, element, tuple_element
from .conditionals import all_of, any_of, negated
from .context import Context, Function, check_count
from .kinds import NULL, Type
from .operators import arithmetic, compare
from .sql import Expr, array, constant, name_of, tuple_

FUNCTIONS: dict[str, Function] = {
    **arrays.FUNCTIONS,
    **conditionals.FUNCTIONS,
    **strings.FUNCTIONS,
    **times.FUNCTIONS,
}
ANY_CASE = {
    name.lower(): name
    for name in [
        "count",
        "min",
        "max",
        "sum",
        "avg",
        "lower",
        "upper",
        "concat",
        "coalesce",
        "ifNull",
        "nullIf",
        "now",
    ]
}


class Names(Protocol):
    """What the names in an expression stand for."""

    def field(self, chain: Sequence[str]) -> Expr:
        """Raises HogQLError if there is no such field."""

    def unnested(self, items: Expr) -> Expr:
        """One element of an array in each row (``arrayJoin``)."""


class Expressions:
    """Translates the expressions of one SELECT."""

    def __init__(self, *, context: Context, names: Names) -> None:
        self._context = context
        self._names = names
        self._parameters: list[dict[str, Expr]] = []
        self._by_node: dict[str, Callable[[Node], Expr]] = {
            "And": lambda node: all_of(self._all(node["exprs"])),
            "ArithmeticOperation": self._arithmetic,
            "Array": lambda node: array(self._all(node["exprs"])),
            "ArrayAccess": self._array_access,
            "BetweenExpr": self._between,
            "Call": self._call,
            "CompareOperation": self._comparison,
            "Constant": lambda node: constant(node["value"]),
            "Field": self._field,
            "Lambda": self._lambda,
            "Not": lambda node: negated(self.expr(node["expr"])),
            "Or": lambda node: any_of(self._all(node["exprs"])),
            "Tuple": lambda node: tuple_(self._all(node["exprs"])),
            "TupleAccess": self._tuple_access,
        }

    def expr(self, node: Node) -> Expr:
        """The expression as SQL.

        Raises:
            HogQLError: PostHog refuses it, or it is beyond the stand-in; with its place.
        """
        translate = self._by_node.get(node["node"])
        if translate is None:
            raise HogQLError(not_yet(f"the expression {node['node']}"), at=node)
        try:
            return translate(node)
        except HogQLError as error:
            error.locate(node)
            raise

    def _all(self, nodes: Sequence[Node]) -> list[Expr]:
        return [self.expr(each) for each in nodes]

    def _field(self, node: Node) -> Expr:
        chain = [str(part) for part in node["chain"]]
        for parameters in reversed(self._parameters):
            if len(chain) == 1 and chain[0] in parameters:
                return parameters[chain[0]]
        return self._names.field(chain)

    def _comparison(self, node: Node) -> Expr:
        left, right = self.expr(node["left"]), self.expr(node["right"])
        return compare(node["op"], left, right, zone=self._context.zone)

    def _arithmetic(self, node: Node) -> Expr:
        left, right = self.expr(node["left"]), self.expr(node["right"])
        return arithmetic(node["op"], left, right, zone=self._context.zone)

    def _between(self, node: Node) -> Expr:
        value, low, high = (self.expr(node[part]) for part in ("expr", "low", "high"))
        zone = self._context.zone
        inside = [compare(">=", value, low, zone=zone), compare("<=", value, high, zone=zone)]
        return negated(all_of(inside)) if node["negated"] else all_of(inside)

    def _array_access(self, node: Node) -> Expr:
        return element(self.expr(node["array"]), self.expr(node["property"]))

    def _tuple_access(self, node: Node) -> Expr:
        return tuple_element(self.expr(node["tuple"]), node["index"])

    def _call(self, node: Node) -> Expr:
        name = node["name"]
        name = ANY_CASE.get(name.lower(), name)
        if name == "arrayJoin":
            check_count(name, len(node["args"]), least=1, most=1, term="Function")
            return self._names.unnested(self.expr(node["args"][0]))
        if name in AGGREGATES:
            return self._aggregate(name, node)
        if name not in FUNCTIONS:
            raise HogQLError(f"Unsupported function call '{node['name']}(...)'", at=node)
        function = FUNCTIONS[name]
        count = len(node["args"])
        check_count(name, count, least=function.least, most=function.most, term="Function")
        return function.build(self._context, self._all(node["args"]))

    def _aggregate(self, name: str, node: Node) -> Expr:
        aggregate = AGGREGATES[name]
        nodes = [arg for arg in node["args"] if arg.get("chain") != ["*"]]
        check_count(
            name, len(nodes), least=aggregate.least, most=aggregate.most, term="Aggregation"
        )
        return aggregate.build(
            Aggregated(
                args=self._all(nodes),
                distinct=bool(node["distinct"]),
                params=self._all(node["params"] or []),
            )
        )

    def _lambda(self, node: Node) -> Expr:
        def body(types: Sequence[Type]) -> tuple[list[str], Expr]:
            if len(types) != len(node["args"]):
                raise HogQLError("A lambda has as many parameters as there are arrays")
            # Nested lambdas may use a name again; DuckDB's must not.
            depth = len(self._parameters)
            names = [name_of(f"{name}_{depth}") for name in node["args"]]
            exprs = [Expr(sql=name, type=type_) for name, type_ in zip(names, types, strict=True)]
            self._parameters.append(dict(zip(node["args"], exprs, strict=True)))
            try:
                return names, self.expr(node["expr"])
            finally:
                self._parameters.pop()

        return Lambda(sql="", type=NULL, body=body)
