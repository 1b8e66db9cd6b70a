"""Model fields and an index whose database side is exactly what the schema asks for."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from .encryption import SealedText


class SealedTextField(models.TextField):  # type: ignore[type-arg]
    """A TEXT column that holds ciphertext; its Python side is a ``SealedText``, never a str."""

    def from_db_value(self, value: str | None, *_: Any) -> SealedText | None:
        return None if value is None else SealedText(value)

    def to_python(self, value: Any) -> SealedText | None:
        return value if value is None or isinstance(value, SealedText) else SealedText(str(value))

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, SealedText):
            return None if value is None else value.token
        raise TypeError("Seal the text first: SealedText.seal(text).")

    def get_lookup(self, lookup_name: str) -> Any:
        """Nothing but presence: whoever can compare ciphertext can read it, piece by piece."""
        return super().get_lookup(lookup_name) if lookup_name in ("exact", "isnull") else None

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))


class VarCharField(models.CharField):  # type: ignore[type-arg]
    """A CharField without the second, ``_like`` index that Django adds on PostgreSQL.

    Django adds that index to columns whose type it spells ``varchar``; the standard's long
    name for the same type gets none.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return f"character varying({self.max_length})"


class _DatabaseCascade(models.ForeignKey):  # type: ignore[type-arg]
    """Django (before 6.1) writes foreign keys without an action, so the clause is made part of
    the column's type: there it survives alterations and SQLite's rebuilding of tables."""

    def __init__(self, to: Any, **kwargs: Any) -> None:
        super().__init__(to, **kwargs | {"on_delete": models.DO_NOTHING, "db_constraint": False})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["on_delete"], kwargs["db_constraint"]
        return name, path, args, kwargs

    def db_type_suffix(self, connection: BaseDatabaseWrapper) -> str | None:
        table, column = self.remote_field.model._meta.db_table, self.target_field.column
        quote = connection.ops.quote_name
        return f"REFERENCES {quote(table)} ({quote(str(column))}) ON DELETE CASCADE"


class CascadingForeignKey(_DatabaseCascade):
    """A foreign key whose ON DELETE CASCADE stands in the database."""


class BulkCascadingForeignKey(CascadingForeignKey):
    """A cascading key for tables of very many rows, which PostgreSQL does not check row by row:
    that takes several times as long as to write the rows.

    There a trigger has to cascade, once a statement; and who writes rows has to hold what they
    refer to. Elsewhere it is as any other cascading key.
    """

    def db_type_suffix(self, connection: BaseDatabaseWrapper) -> str | None:
        return None if connection.vendor == "postgresql" else super().db_type_suffix(connection)


class CascadingOneToOneField(_DatabaseCascade, models.OneToOneField):  # type: ignore[type-arg]
    """A one-to-one key whose ON DELETE CASCADE stands in the database."""


class LongNameIndex(models.Index):
    """An index whose name may be as long as PostgreSQL allows."""

    max_name_length = 63
