"""Statements are prepared once for each connection; a change of a table's types meanwhile costs its sessions."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection

TIMES = 10
SESSIONS = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
COUNT = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%tried_prepared%%' AND statement LIKE %s"
READ = "SELECT id, word FROM tried_prepared WHERE id = %s"


@pytest.fixture
def table(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        by_others("CREATE TABLE tried_prepared (id bigint PRIMARY KEY, word varchar(10))")
        yield
        connection.close()
        by_others("DROP TABLE tried_prepared")


def by_others(statement: str) -> None:
    """In a session of its own: our driver forgets what it has prepared when it sees such a statement itself."""
    at = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    with psycopg.connect(**{name: at[key] for name, key in names.items()}, autocommit=True) as session:
        session.execute(statement)


def read() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(READ, [1])
        return list(cursor.fetchall())


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, ["SELECT id%"])
        return int(cursor.fetchone()[0])


def test_what_is_asked_often_is_prepared_once(table: None) -> None:
    for _ in range(TIMES):
        read()

    assert prepared() == 1


@pytest.mark.invariant("INV-1")
def test_after_a_change_of_a_column_sessions_end_as_if_the_server_were_away_and_new_ones_work(
    table: None,
) -> None:
    """A release may widen a column while processes of the one before go on."""
    for _ in range(TIMES):
        read()
    by_others("ALTER TABLE tried_prepared ALTER COLUMN word TYPE varchar(20)")

    refused = 0
    while not is_read() and refused < SESSIONS:
        refused += 1

    assert refused > 0, "no session had prepared it"
    assert all(is_read() for _ in range(TIMES))


def is_read() -> bool:
    """As a request does it: afterwards the connection goes back to the pool."""
    try:
        assert read() == []
    except OperationalError as error:
        assert "cached plan" in str(error)  # noqa: PT017 - whether it comes is what is asked
        return False
    finally:
        connection.close()
    return True
