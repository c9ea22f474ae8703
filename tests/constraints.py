"""What the database refuses by itself, what it undoes, and which rows were locked."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext


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


# A lock is a statement of its own, ordered by id.
_LOCK = re.compile(r'FROM "?(\w+)"?.* ORDER BY [\w."]*\bid"?(?: ASC)? FOR NO KEY UPDATE', re.DOTALL)


@contextmanager
def locked_tables() -> Iterator[list[str]]:
    """The tables whose rows are locked inside, in that order."""
    tables: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield tables
    tables += [found[1] for query in queries if (found := _LOCK.search(query["sql"]))]
