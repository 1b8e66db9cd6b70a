"""Functions of arrays and tuples. DuckDB counts elements from 1, as ClickHouse does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..grammar import HogQLError
from ..hogql import not_yet
from .context import Context, Function
from .kinds import CHECK, COUNT, FLOAT, INT, NULL, Kind, Type, array_of, common_type, tuple_of
from .sql import Expr, array, cast, condition, default, number, tuple_


class Body(Protocol):
    """What a lambda gives for parameters of these types: their SQL names, and the expression."""

    def __call__(self, types: Sequence[Type]) -> tuple[list[str], Expr]: ...


@dataclass(frozen=True, kw_only=True)
class Lambda(Expr):
    """A lambda as an argument of a function."""

    body: Body = field(repr=False)


def item_type(expr: Expr) -> Type:
    """The type of the array's elements.

    Raises:
        HogQLError: it is no array.
    """
    if expr.type.kind is not Kind.ARRAY:
        raise HogQLError(f"An array was expected, not {expr.type}", code="illegal_type_of_argument")
    return expr.type.items[0]


def element(expr: Expr, index: Expr) -> Expr:
    """An element of an array, or its type's default where there is none at the index."""
    type_ = item_type(expr)
    sql = f"coalesce({expr.sql}[{index.sql}], {default(type_)})"
    return Expr(sql=sql, type=type_)


def tuple_element(expr: Expr, index: int) -> Expr:
    """The part of a tuple at the index, from 1.

    Raises:
        HogQLError: it is no tuple, or has no such part.
    """
    if expr.type.kind is not Kind.TUPLE:
        message = f"A tuple was expected, not {expr.type}"
        raise HogQLError(message, code="illegal_type_of_argument")
    if not 1 <= index <= len(expr.type.items):
        raise HogQLError(f"Tuple doesn't have element with index '{index}'", code="not_found")
    return Expr(sql=f"({expr.sql})[{index}]", type=expr.type.items[index - 1])


def contains(haystack: Expr, needle: Expr) -> Expr:
    """Whether an array has an element; NULL is in none."""
    item = common_type([item_type(haystack), needle.type])
    held = f"list_contains({haystack.sql}, {cast(needle, item).sql})"
    return Expr(sql=f"coalesce({held}, FALSE)" if needle.type.nullable else held, type=CHECK)


def _mapped(args: Sequence[Expr]) -> tuple[str, Expr, Type]:
    """SQL of the array that a lambda goes over, the lambda's parameters and what it gives."""
    function, *lists = args
    if not isinstance(function, Lambda):
        message = "A lambda was expected as the first argument"
        raise HogQLError(message, code="illegal_type_of_argument")
    types = [item_type(each) for each in lists]
    if len(lists) > 1:
        raise HogQLError(not_yet("a lambda over several arrays"))
    names, body = function.body(types)
    return names[0], body, types[0]


def _array_map(context: Context, args: Sequence[Expr]) -> Expr:
    name, body, _ = _mapped(args)
    sql = f"list_transform({args[1].sql}, lambda {name}: {body.sql})"
    return Expr(sql=sql, type=array_of(body.type))


def _array_filter(context: Context, args: Sequence[Expr]) -> Expr:
    name, body, item = _mapped(args)
    kept = f"coalesce({condition(body)}, FALSE)" if body.type.nullable else condition(body)
    return Expr(sql=f"list_filter({args[1].sql}, lambda {name}: {kept})", type=array_of(item))


def _array_sum(context: Context, args: Sequence[Expr]) -> Expr:
    summed = _array_map(context, args) if len(args) > 1 else args[0]
    type_ = FLOAT if item_type(summed).kind is Kind.FLOAT else INT
    return Expr(sql=f"coalesce(list_sum({summed.sql}), 0)", type=type_)


def _array_sort(context: Context, args: Sequence[Expr]) -> Expr:
    if len(args) == 1:
        return Expr(sql=f"list_sort({args[0].sql}, 'ASC', 'NULLS LAST')", type=args[0].type)
    name, key, _ = _mapped(args)
    pairs = f"list_transform({args[1].sql}, lambda {name}: row({key.sql}, {name}))"
    sql = f"list_transform(list_sort({pairs}), lambda {name}: ({name})[2])"
    return Expr(sql=sql, type=args[1].type)


def _array_distinct(context: Context, args: Sequence[Expr]) -> Expr:
    """Each element once, in the order of the first ones; without NULL."""
    items, type_ = args[0].sql, item_type(args[0]).not_null()
    first = f"list_filter({items}, lambda x, i: list_position({items}, x) = i)"
    return Expr(sql=first, type=array_of(type_))


def _array_zip(context: Context, args: Sequence[Expr]) -> Expr:
    items = [item_type(arg) for arg in args]
    lists = ", ".join(arg.sql for arg in args)
    return Expr(sql=f"list_zip({lists})", type=array_of(tuple_of(items)))


def _array_pop_front(context: Context, args: Sequence[Expr]) -> Expr:
    item_type(args[0])
    return Expr(sql=f"({args[0].sql})[2:]", type=args[0].type)


def _array_push_back(context: Context, args: Sequence[Expr]) -> Expr:
    item = common_type([item_type(args[0]), args[1].type])
    items, last = cast(args[0], array_of(item)), cast(args[1], item)
    return Expr(sql=f"list_append({items.sql}, {last.sql})", type=array_of(item))


def _array_element(context: Context, args: Sequence[Expr]) -> Expr:
    return element(args[0], args[1])


def _has(context: Context, args: Sequence[Expr]) -> Expr:
    return contains(args[0], args[1])


def _length(context: Context, args: Sequence[Expr]) -> Expr:
    """Elements of an array, or bytes of a string."""
    function = "strlen" if args[0].type.is_text else "len"
    type_ = COUNT.or_null(args[0].type.nullable)
    return Expr(sql=f"{function}({args[0].sql})", type=type_)


def _range(context: Context, args: Sequence[Expr]) -> Expr:
    inside = ", ".join(number(arg).sql for arg in args)
    return Expr(sql=f"range({inside})", type=array_of(INT))


def _tuple(context: Context, args: Sequence[Expr]) -> Expr:
    return tuple_(list(args))


def _array(context: Context, args: Sequence[Expr]) -> Expr:
    return array(list(args)) if args else Expr(sql="[]", type=array_of(NULL))


FUNCTIONS = {
    "array": Function(least=0, most=None, build=_array),
    "arrayDistinct": Function(least=1, most=1, build=_array_distinct),
    "arrayElement": Function(least=2, most=2, build=_array_element),
    "arrayFilter": Function(least=2, most=None, build=_array_filter),
    "arrayMap": Function(least=2, most=None, build=_array_map),
    "arrayPopFront": Function(least=1, most=1, build=_array_pop_front),
    "arrayPushBack": Function(least=2, most=2, build=_array_push_back),
    "arraySort": Function(least=1, most=None, build=_array_sort),
    "arraySum": Function(least=1, most=2, build=_array_sum),
    "arrayZip": Function(least=2, most=None, build=_array_zip),
    "has": Function(least=2, most=2, build=_has),
    "length": Function(least=1, most=1, build=_length),
    "range": Function(least=1, most=3, build=_range),
    "tuple": Function(least=0, most=None, build=_tuple),
}
