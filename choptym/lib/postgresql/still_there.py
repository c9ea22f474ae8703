"""Whether a connection of the pool still has a server: asked before it is handed out, which is for each request."""

import select
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from choptym.lib.deadline import moment

# So long a connection is believed in that has just answered.
SILENT_SECONDS = 1.0
_ASKED_AT = "choptym_asked_at"


def check_connection(connection: Connection[Any]) -> None:
    """Raises when the server has gone.

    One that ends a session says so, or its machine does, and then there is something to be read: a look at the socket
    finds it. Whether one that is silent is there at all only a question tells, and one a second is enough: a request
    has two or three of its own, and each may find it gone as well.
    """
    asked_at = getattr(connection, _ASKED_AT, float("-inf"))
    if moment() - asked_at > SILENT_SECONDS or _has_news(connection):
        ConnectionPool.check_connection(connection)
        setattr(connection, _ASKED_AT, moment())


def _has_news(connection: Connection[Any]) -> bool:
    """Whether something was said that nobody has asked for."""
    looking = select.poll()
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))
