"""Statements that are planned for their own values, though statements are prepared (docs/adr/0046)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def planned_anew() -> Iterator[None]:
    """For a look whether something waits; a decorator, too. Raises OperationalError when the database is away.

    PostgreSQL may plan a prepared statement once, for any values. It then takes a third of the rows for due, so that
    the first one is soon found by reading the table from its beginning: but none is, and all of the past is read.
    """
    connection.ensure_connection()
    session = connection.connection
    threshold, session.prepare_threshold = session.prepare_threshold, None
    try:
        yield
    finally:
        session.prepare_threshold = threshold
