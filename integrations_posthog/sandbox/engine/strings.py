"""Functions of strings. ClickHouse counts bytes, unless a name ends in UTF8."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..grammar import HogQLError
from ..hogql import not_yet
from .context import Context, Function
from .kinds import CHECK, INT, STRING, Kind, Type, array_of
from .sql import Expr, local, quoted

LOWER, UPPER = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

MACROS = (
    # ClickHouse's lower and upper change ASCII letters only; DuckDB's are faster.
    "CREATE MACRO ascii_lower(x) AS CASE WHEN strlen(x) = length(x) THEN lower(x) "
    f"ELSE translate(x, '{UPPER}', '{LOWER}') END",
    "CREATE MACRO ascii_upper(x) AS CASE WHEN strlen(x) = length(x) THEN upper(x) "
    f"ELSE translate(x, '{LOWER}', '{UPPER}') END",
    "CREATE MACRO byte_position(x, y) AS CASE WHEN instr(x, y) = 0 THEN 0 "
    "ELSE strlen(left(x, instr(x, y) - 1)) + 1 END",
)


def simple(template: str, type_: Type, *, least: int, most: int | None = None) -> Function:
    """A function that is its template's SQL; ``{0}`` is the first argument. NULL in, NULL out."""

    def build(context: Context, args: Sequence[Expr]) -> Expr:
        nullable = any(arg.type.nullable for arg in args)
        return Expr(sql=template.format(*(arg.sql for arg in args)), type=type_.or_null(nullable))

    return Function(least=least, most=most or least, build=build)


def to_string(expr: Expr) -> Expr:
    """The expression as ClickHouse writes it."""
    type_, kind = STRING.or_null(expr.type.nullable), expr.type.kind
    if kind in (Kind.STRING, Kind.JSON):
        return expr
    sql = f"CAST({expr.sql} AS VARCHAR)"
    if kind is Kind.TIME:
        sql = f"strftime({local(expr.sql, expr.type.zone)}, '%Y-%m-%d %H:%M:%S.%f')"
    elif kind is Kind.FLOAT:
        sql = rf"regexp_replace({sql}, '\.0$', '')"
    elif kind is Kind.BOOL and expr.type.name:
        sql = f"CAST(CAST({expr.sql} AS TINYINT) AS VARCHAR)"
    elif kind in (Kind.ARRAY, Kind.TUPLE):
        raise HogQLError(not_yet(f"toString of {expr.type}"))
    return Expr(sql=sql, type=type_)


def _to_string(context: Context, args: Sequence[Expr]) -> Expr:
    return to_string(args[0])


def _concat(context: Context, args: Sequence[Expr]) -> Expr:
    """PostHog wraps every argument so that NULL is the empty string."""
    inside = ", ".join(to_string(arg).sql for arg in args)
    return Expr(sql=f"concat({inside})", type=STRING)


def _trim(context: Context, args: Sequence[Expr]) -> Expr:
    """Spaces, not other white space, unless told which characters."""
    characters = args[1].sql if len(args) > 1 else "' '"
    type_ = STRING.or_null(args[0].type.nullable)
    return Expr(sql=f"trim({args[0].sql}, {characters})", type=type_)


def _position(context: Context, args: Sequence[Expr]) -> Expr:
    if len(args) > 2:
        raise HogQLError(not_yet("position from a given place on"))
    nullable = args[0].type.nullable or args[1].type.nullable
    sql = f"byte_position({args[0].sql}, {args[1].sql})"
    return Expr(sql=sql, type=INT.or_null(nullable))


def _split_by_char(context: Context, args: Sequence[Expr]) -> Expr:
    if len(args) > 2:
        raise HogQLError(not_yet("splitByChar into at most so many parts"))
    return Expr(sql=f"string_split({args[1].sql}, {args[0].sql})", type=array_of(STRING))


def _extract(context: Context, args: Sequence[Expr]) -> Expr:
    """The first group of the first match, or all of it without a group; '' for no match."""
    group = int(_has_group(_pattern(args[1])))
    sql = f"regexp_extract({args[0].sql}, {args[1].sql}, {group}, 's')"
    return Expr(sql=sql, type=STRING.or_null(args[0].type.nullable))


def _pattern(expr: Expr) -> str:
    if expr.text is None:
        raise HogQLError(not_yet("a regular expression that is no constant"))
    return expr.text


def _has_group(pattern: str) -> bool:
    plain = re.sub(r"\\.|\[\^?\]?(\\.|[^\]\\])*\]", "", pattern)
    return re.search(r"\((?!\?)|\(\?P?<", plain) is not None


def _replace_regexp_all(context: Context, args: Sequence[Expr]) -> Expr:
    _pattern(args[1])
    sql = f"regexp_replace({args[0].sql}, {args[1].sql}, {args[2].sql}, 'gs')"
    return Expr(sql=sql, type=STRING.or_null(args[0].type.nullable))


def like(word: str, left: Expr, right: Expr) -> Expr:
    """``word`` is LIKE or ILIKE."""
    nullable = left.type.nullable or right.type.nullable
    sql = f"({left.sql} {word} {right.sql} ESCAPE {quoted(chr(92))})"
    return Expr(sql=sql, type=CHECK.or_null(nullable))


def _like(word: str) -> Function:
    return Function(least=2, most=2, build=lambda context, args: like(word, args[0], args[1]))


FUNCTIONS = {
    "lower": simple("ascii_lower({0})", STRING, least=1),
    "upper": simple("ascii_upper({0})", STRING, least=1),
    "trim": Function(least=1, most=2, build=_trim),
    "concat": Function(least=2, most=None, build=_concat),
    "substring": simple("substring({0}, {1}, {2})", STRING, least=3),
    "position": Function(least=2, most=3, build=_position),
    "splitByChar": Function(least=2, most=3, build=_split_by_char),
    "split_part": simple("split_part({0}, {1}, {2})", STRING, least=3),
    "extract": Function(least=2, most=2, build=_extract),
    "match": simple("regexp_matches({0}, {1}, 's')", CHECK, least=2),
    "startsWith": simple("starts_with({0}, {1})", CHECK, least=2),
    "endsWith": simple("ends_with({0}, {1})", CHECK, least=2),
    "like": _like("LIKE"),
    "ilike": _like("ILIKE"),
    "replaceAll": simple("replace({0}, {1}, {2})", STRING, least=3),
    "replaceRegexpAll": Function(least=3, most=3, build=_replace_regexp_all),
    "lengthUTF8": simple("length({0})", INT, least=1),
    "toString": Function(least=1, most=2, build=_to_string),
}
