"""A connection that has just answered is handed out as it is, unless its server has gone meanwhile."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from choptym.lib.postgresql import still_there


@pytest.fixture
def asked(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The round trips that only ask whether the server is there, by the session. The pool is new."""
    asked: list[int] = []
    ask = ConnectionPool.check_connection

    def note(given: psycopg.Connection[Any]) -> None:
        asked.append(given.info.backend_pid)
        ask(given)

    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(note))
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        yield asked
        connection.close()


def request() -> int:
    """What each request does: take a connection, ask something, give it back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def test_within_a_second_nobody_asks_again(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_there, "SILENT_SECONDS", 60.0)

    served = {request() for _ in range(5)}

    assert sorted(asked) == sorted(served)


def test_later_somebody_asks(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_there, "SILENT_SECONDS", 0.0)

    for _ in range(3):
        request()

    assert len(asked) == 3


def test_a_session_that_the_server_ended_is_never_handed_out(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still_there, "SILENT_SECONDS", 60.0)
    ended = request()
    end_session(ended)

    assert ended not in {request() for _ in range(5)}


def end_session(pid: int) -> None:
    """As an operator does, or a server that stops; from outside, and seen to its end."""
    at = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    with psycopg.connect(**{name: at[key] for name, key in names.items()}, autocommit=True) as session:
        assert session.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
