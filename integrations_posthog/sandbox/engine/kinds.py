"""The types of HogQL expressions, as far as the stand-in tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import reduce

from ..grammar import HogQLError


class Kind(Enum):
    """What DuckDB holds a value of the type as is in brackets."""

    NOTHING = "Nothing"  # the type of NULL
    BOOL = "Bool"  # BOOLEAN; a comparison's is named UInt8, as in ClickHouse
    INT = "Int64"
    FLOAT = "Float64"
    STRING = "String"
    JSON = "JSON"  # VARCHAR with JSON text: a String whose fields can be named
    UUID = "UUID"
    DATE = "Date"
    TIME = "DateTime64(6)"  # TIMESTAMP, in UTC whatever the zone
    INTERVAL = "Interval"
    ARRAY = "Array"
    TUPLE = "Tuple"


@dataclass(frozen=True, kw_only=True)
class Type:
    """``name`` is ClickHouse's, where it is not the kind's usual one; ``zone`` is a time's.

    ``items`` are the type of an array's elements, or the types of a tuple's.
    """

    kind: Kind
    nullable: bool = False
    name: str = ""
    zone: str = ""
    items: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """ClickHouse's name of the type."""
        name = self.name or self.kind.value
        if self.kind is Kind.JSON:
            name = Kind.STRING.value
        elif self.kind is Kind.TIME:
            name = f"DateTime64(6, '{self.zone}')"
        elif self.kind in (Kind.ARRAY, Kind.TUPLE):
            name = f"{self.kind.value}({', '.join(map(str, self.items))})"
        return f"Nullable({name})" if self.nullable else name

    @property
    def is_text(self) -> bool:
        return self.kind in (Kind.STRING, Kind.JSON)

    def or_null(self, nullable: bool = True) -> Type:
        return replace(self, nullable=self.nullable or nullable)

    def not_null(self) -> Type:
        return replace(self, nullable=False)


NULL = Type(kind=Kind.NOTHING, nullable=True)
BOOL = Type(kind=Kind.BOOL)
CHECK = Type(kind=Kind.BOOL, name="UInt8")
INT = Type(kind=Kind.INT)
COUNT = Type(kind=Kind.INT, name="UInt64")
FLOAT = Type(kind=Kind.FLOAT)
STRING = Type(kind=Kind.STRING)
JSON = Type(kind=Kind.JSON)
UUID = Type(kind=Kind.UUID)
DATE = Type(kind=Kind.DATE)
INTERVAL = Type(kind=Kind.INTERVAL)


def time_in(zone: str) -> Type:
    return Type(kind=Kind.TIME, zone=zone)


def array_of(item: Type) -> Type:
    return Type(kind=Kind.ARRAY, items=(item,))


def tuple_of(items: Sequence[Type]) -> Type:
    return Type(kind=Kind.TUPLE, items=tuple(items))


NUMBERS = (Kind.BOOL, Kind.INT, Kind.FLOAT)


def common_type(types: Sequence[Type]) -> Type:
    """The type that values of all these types can be of.

    Raises:
        HogQLError: ``no_common_type``, ClickHouse's error 386.
    """
    return reduce(_common_of_two, types) if types else NULL


def _common_of_two(left: Type, right: Type) -> Type:
    nullable = left.nullable or right.nullable
    if Kind.NOTHING in (left.kind, right.kind):
        other = right if left.kind is Kind.NOTHING else left
        return other if other.kind in (Kind.ARRAY, Kind.TUPLE) else other.or_null(nullable)
    if left.kind is right.kind:
        return _merged(left, right).or_null(nullable)
    kinds = {left.kind, right.kind}
    if kinds <= {Kind.STRING, Kind.JSON}:
        return STRING.or_null(nullable)
    if kinds <= set(NUMBERS):
        return (FLOAT if Kind.FLOAT in kinds else INT).or_null(nullable)
    if kinds == {Kind.DATE, Kind.TIME}:
        return (left if left.kind is Kind.TIME else right).or_null(nullable)
    raise no_common_type(left, right)


def _merged(left: Type, right: Type) -> Type:
    if left.kind in (Kind.ARRAY, Kind.TUPLE):
        if left.kind is Kind.TUPLE and len(left.items) != len(right.items):
            raise no_common_type(left, right)
        pairs = zip(left.items, right.items, strict=True)
        return replace(left, items=tuple(_common_of_two(*pair) for pair in pairs))
    if left.kind is Kind.INT and left.name != right.name:
        return INT
    return left


def no_common_type(*types: Type) -> HogQLError:
    names = ", ".join(map(str, types))
    return HogQLError(f"There is no supertype for types {names}", code="no_common_type")
