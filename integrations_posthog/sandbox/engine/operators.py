"""Comparisons and arithmetic, by PostHog's and ClickHouse's rules for types and NULL.

PostHog wraps comparisons so that they are never NULL (posthog/hogql/printer.py).
"""

from __future__ import annotations

import uuid

from ..grammar import HogQLError
from ..hogql import not_yet
from .arrays import contains
from .conditionals import all_of, any_of, is_not_null, is_null
from .kinds import CHECK, FLOAT, INT, NUMBERS, Kind, no_common_type
from .sql import Expr, constant, number
from .strings import like
from .times import as_date, as_time, read_time, shifted

SQL_OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
PATTERN_OPERATORS = {"like": "LIKE", "ilike": "ILIKE"}


def compare(op: str, left: Expr, right: Expr, *, zone: str) -> Expr:
    """``left op right``, which is never NULL.

    Raises:
        HogQLError: the types cannot be compared, or the operator is beyond the stand-in.
    """
    if op in SQL_OPERATORS:
        return _compare(op, left, right, zone=zone)
    positive = op.removeprefix("not ")
    if positive in PATTERN_OPERATORS:
        matched = like(PATTERN_OPERATORS[positive], left, right)
    elif positive == "in":
        matched = _is_in(left, right, zone=zone)
    else:
        raise HogQLError(not_yet(f"the operator {op}"))
    if op == positive:
        return _settled(matched.sql, matched.type.nullable, otherwise=False)
    return _settled(f"(NOT {matched.sql})", matched.type.nullable, otherwise=True)


def _settled(sql: str, nullable: bool, *, otherwise: bool) -> Expr:
    return Expr(sql=f"coalesce({sql}, {str(otherwise).upper()})" if nullable else sql, type=CHECK)


def _compare(op: str, left: Expr, right: Expr, *, zone: str) -> Expr:
    if left.type.kind is Kind.TUPLE and left.items and right.items:
        return _compare_tuples(op, left, right, zone=zone)
    if Kind.NOTHING in (left.type.kind, right.type.kind) and op in ("==", "!="):
        other = left if right.type.kind is Kind.NOTHING else right
        return is_null(other) if op == "==" else is_not_null(other)
    left, right = comparable(left, right, zone=zone)
    nullable = left.type.nullable or right.type.nullable
    if nullable and op in ("==", "!="):
        word = "IS NOT DISTINCT FROM" if op == "==" else "IS DISTINCT FROM"
        return Expr(sql=f"({left.sql} {word} {right.sql})", type=CHECK)
    sql = f"({left.sql} {SQL_OPERATORS[op]} {right.sql})"
    return _settled(sql, nullable, otherwise=False)


def _compare_tuples(op: str, left: Expr, right: Expr, *, zone: str) -> Expr:
    """Part by part: the first ones that differ decide."""
    if len(left.items) != len(right.items):
        raise no_common_type(left.type, right.type)
    pairs = list(zip(left.items, right.items, strict=True))
    if op in ("==", "!="):
        parts = [_compare(op, *pair, zone=zone) for pair in pairs]
        return all_of(parts) if op == "==" else any_of(parts)
    outcome = _compare(op, *pairs[-1], zone=zone)
    strict = op.rstrip("=")
    for pair in reversed(pairs[:-1]):
        same = all_of([_compare("==", *pair, zone=zone), outcome])
        outcome = any_of([_compare(strict, *pair, zone=zone), same])
    return outcome


def comparable(left: Expr, right: Expr, *, zone: str) -> tuple[Expr, Expr]:
    """Both sides as values of one type; text is read where the other side is no text.

    Raises:
        HogQLError: there is no such type.
    """
    kinds = {left.type.kind, right.type.kind}
    if len(kinds) == 1 or Kind.NOTHING in kinds or kinds <= {Kind.STRING, Kind.JSON}:
        return left, right
    if kinds <= set(NUMBERS):
        return number(left), number(right)
    if Kind.TIME in kinds and kinds <= {Kind.TIME, Kind.DATE, Kind.STRING, Kind.JSON}:
        return _as_times(left, zone), _as_times(right, zone)
    if Kind.DATE in kinds and kinds <= {Kind.DATE, Kind.STRING}:
        return as_date(left), as_date(right)
    if kinds == {Kind.UUID, Kind.STRING}:
        return _as_uuid(left), _as_uuid(right)
    raise no_common_type(left.type, right.type)


def _as_times(expr: Expr, zone: str) -> Expr:
    if expr.text is not None and read_time(expr.text, zone) is None:
        raise HogQLError(f"Cannot parse DateTime: '{expr.text}'", code="type_mismatch")
    return as_time(expr, zone)


def _as_uuid(expr: Expr) -> Expr:
    if expr.type.kind is Kind.UUID:
        return expr
    try:
        canonical = str(uuid.UUID(expr.text))
    except (TypeError, ValueError, AttributeError):
        raise HogQLError(f"Cannot parse UUID from {expr.sql}", code="type_mismatch") from None
    return Expr(sql=f"CAST({constant(canonical).sql} AS UUID)", type=expr.type)


def _is_in(left: Expr, right: Expr, *, zone: str) -> Expr:
    """A tuple of constants, or an array, on the right side."""
    if right.items:
        return any_of([_compare("==", left, each, zone=zone) for each in right.items])
    if right.type.kind is Kind.ARRAY:
        return contains(right, left)
    return _compare("==", left, right, zone=zone)


def arithmetic(op: str, left: Expr, right: Expr, *, zone: str) -> Expr:
    """``left op right``; also a time plus or minus an interval.

    Raises:
        HogQLError: the types do not go together.
    """
    if op in "+-" and right.type.kind is Kind.INTERVAL:
        return shifted(left, by=right, sign=op, zone=zone)
    if op == "+" and left.type.kind is Kind.INTERVAL:
        return shifted(right, by=left, sign=op, zone=zone)
    if op in "+-" and left.type.kind is Kind.DATE and right.type.kind is Kind.INT:
        sql = f"({left.sql} {op} CAST({right.sql} AS INTEGER))"
        return Expr(sql=sql, type=left.type.or_null(right.type.nullable))
    left, right = number(left), number(right)
    if not {left.type.kind, right.type.kind} <= {*NUMBERS, Kind.NOTHING}:
        message = f"Illegal types {left.type} and {right.type} of arguments of {op}"
        raise HogQLError(message, code="illegal_type_of_argument")
    real = op == "/" or Kind.FLOAT in (left.type.kind, right.type.kind)
    type_ = (FLOAT if real else INT).or_null(left.type.nullable or right.type.nullable)
    return Expr(sql=f"({left.sql} {op} {right.sql})", type=type_)
