"""What the database refuses by itself, and what it undoes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    """The statements inside break the constraint (or foreign key, or unique index) of this name. At once, not later."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():  # noqa: PT012 - the caller's statements
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert f'"{name}"' in str(caught.value), str(caught.value)


def undo(action: Callable[[], object]) -> None:
    """Do this in a transaction that then fails."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        action()
        raise ZeroDivisionError
