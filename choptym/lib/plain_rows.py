"""Rows of a model by a plain statement: the ORM takes longer to write one than everything else in a request."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


class PlainRows(Generic[M]):
    """`columns` stand after SELECT or RETURNING; `row` makes a row of what came of them.

    Of all fields, or of these: the others are read when they are asked for.
    """

    def __init__(self, model: type[M], *names: str) -> None:
        fields = [field for field in model._meta.concrete_fields if not names or field.attname in names]
        if odd := [field.attname for field in fields if hasattr(field, "from_db_value")]:
            raise TypeError(f"{model.__name__}: the ORM makes {odd} of what the driver gives; name the others.")
        self._model = model
        self._names = [field.attname for field in fields]
        self.columns = ", ".join(f'{model._meta.db_table}."{field.column}"' for field in fields)
        self.width = len(fields)

    def row(self, values: Sequence[Any]) -> M:
        return self._model.from_db(connection.alias, self._names, values)
