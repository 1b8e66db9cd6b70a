"""Conditions, NULL, conversions, and what belongs to no type."""

from __future__ import annotations

from collections.abc import Sequence

from ..grammar import HogQLError
from .context import Context, Function
from .kinds import CHECK, COUNT, FLOAT, INT, UUID, Kind, Type, common_type
from .sql import Expr, cast, condition, default


def choice(pairs: Sequence[tuple[Expr, Expr]], other: Expr) -> Expr:
    """The value of the first pair whose condition holds; a condition that is NULL does not."""
    type_ = common_type([*(value.type for _, value in pairs), other.type])
    whens = [f"WHEN {condition(test)} THEN {cast(value, type_).sql}" for test, value in pairs]
    return Expr(sql=f"CASE {' '.join(whens)} ELSE {cast(other, type_).sql} END", type=type_)


def all_of(parts: Sequence[Expr]) -> Expr:
    return _joined(parts, " AND ")


def any_of(parts: Sequence[Expr]) -> Expr:
    return _joined(parts, " OR ")


def _joined(parts: Sequence[Expr], word: str) -> Expr:
    nullable = any(part.type.nullable for part in parts)
    return Expr(sql=f"({word.join(map(condition, parts))})", type=CHECK.or_null(nullable))


def negated(part: Expr) -> Expr:
    return Expr(sql=f"(NOT {condition(part)})", type=CHECK.or_null(part.type.nullable))


def first_given(args: Sequence[Expr]) -> Expr:
    """The first argument that is not NULL."""
    type_ = common_type([arg.type for arg in args])
    nullable = all(arg.type.nullable for arg in args)
    inside = ", ".join(cast(arg, type_).sql for arg in args)
    return Expr(sql=f"coalesce({inside})", type=type_ if nullable else type_.not_null())


def is_null(part: Expr) -> Expr:
    return Expr(sql=f"({part.sql} IS NULL)", type=CHECK)


def is_not_null(part: Expr) -> Expr:
    return Expr(sql=f"({part.sql} IS NOT NULL)", type=CHECK)


def _if(context: Context, args: Sequence[Expr]) -> Expr:
    return choice([(args[0], args[1])], args[2])


def _multi_if(context: Context, args: Sequence[Expr]) -> Expr:
    if len(args) % 2 == 0:
        raise HogQLError("Function 'multiIf' expects an odd number of arguments")
    return choice(list(zip(args[:-1:2], args[1::2], strict=True)), args[-1])


def _null_if(context: Context, args: Sequence[Expr]) -> Expr:
    sql = f"nullif({args[0].sql}, {args[1].sql})"
    return Expr(sql=sql, type=args[0].type.or_null())


def _assume_not_null(context: Context, args: Sequence[Expr]) -> Expr:
    type_ = args[0].type.not_null()
    return Expr(sql=f"coalesce({args[0].sql}, {default(type_)})", type=type_)


def _converted(sql_type: str, type_: Type) -> Function:
    """A conversion that gives NULL where it cannot."""

    def build(context: Context, args: Sequence[Expr]) -> Expr:
        source = args[0].sql
        if args[0].type.kind is Kind.FLOAT and type_ is INT:
            source = f"trunc({source})"
        return Expr(sql=f"try_cast({source} AS {sql_type})", type=type_.or_null())

    return Function(least=1, most=1, build=build)


def _hash(context: Context, args: Sequence[Expr]) -> Expr:
    """Some hash: a client can rely on its being the same for the same value, on no more."""
    return Expr(sql=f"CAST(hash({args[0].sql}) >> 1 AS BIGINT)", type=COUNT)


FUNCTIONS = {
    "and": Function(least=2, most=None, build=lambda context, args: all_of(args)),
    "or": Function(least=2, most=None, build=lambda context, args: any_of(args)),
    "not": Function(least=1, most=1, build=lambda context, args: negated(args[0])),
    "if": Function(least=3, most=3, build=_if),
    "multiIf": Function(least=3, most=None, build=_multi_if),
    "coalesce": Function(least=1, most=None, build=lambda context, args: first_given(args)),
    "ifNull": Function(least=2, most=2, build=lambda context, args: first_given(args)),
    "nullIf": Function(least=2, most=2, build=_null_if),
    "isNull": Function(least=1, most=1, build=lambda context, args: is_null(args[0])),
    "isNotNull": Function(least=1, most=1, build=lambda context, args: is_not_null(args[0])),
    "assumeNotNull": Function(least=1, most=1, build=_assume_not_null),
    "toInt": _converted("BIGINT", INT),
    "toFloat": _converted("DOUBLE", FLOAT),
    "toUUID": _converted("UUID", UUID),
    "cityHash64": Function(least=1, most=1, build=_hash),
}
