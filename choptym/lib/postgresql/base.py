"""A server that takes no writes, or that has ended our session because we stood still, is a server that is away.

So is one that cannot go on with a statement which it had prepared, because a column of it has another type now: then
the session is given up, and the next one prepares it anew (docs/adr/0046).

It takes none after a failover to a replica, or when somebody has made it read-only. It ends the session of a process
that was frozen in a transaction for longer than it may idle there (choptym/settings/database.py). PostgreSQL then
answers with errors of the class "invalid transaction state" (25006, 25P03, 25P04), which Django takes for a fault of
ours. Whoever handles a database that is away (503 and Retry-After at the doors; leases given back, nothing set aside,
in the verbs) handles this too.
"""

from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg import Connection
from psycopg.errors import (
    FeatureNotSupported,
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from psycopg_pool import ConnectionPool, PoolTimeout

from choptym.lib.postgresql.still_there import check_connection

# PostgreSQL's words, of all languages: the name of the function that refuses.
STALE_PLAN = "RevalidateCachedQuery"
WEATHER = (ReadOnlySqlTransaction, IdleInTransactionSessionTimeout, TransactionTimeout)
# How often a worker waits once more for a connection while others get theirs (docs/adr/0052).
WAITS_ON = 3


class ErrorWrapper(DatabaseErrorWrapper):
    """Raises OperationalError where Django would raise InternalError, though nothing is wrong with what was asked."""

    def __init__(self, wrapper: "DatabaseWrapper") -> None:
        super().__init__(wrapper)
        self._database = wrapper

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FeatureNotSupported) and error.diag.source_function == STALE_PLAN:
            self._database.connection.close()
            raise OperationalError(*error.args).with_traceback(trace) from error
        if isinstance(error, WEATHER):
            raise OperationalError(*error.args).with_traceback(trace) from error
        super().__exit__(kind, error, trace)


class DatabaseWrapper(base.DatabaseWrapper):
    _served = 0  # of this process, so many times

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        """Django's, with our check in place of a round trip for each request: Django lets nobody choose another."""
        pool: ConnectionPool[Any] | None = super().pool  # type: ignore[misc]
        if pool is not None:
            pool._check = check_connection
        return pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """From the pool. A worker waits on while others are served: a gateway's answer in hand is not to be lost.

        In web a customer waits, and is told to come again. Where nobody is served the server is away.
        """
        for _ in range(WAITS_ON if settings.IS_WORKER else 0):
            served_before = DatabaseWrapper._served
            try:
                return self._get_connection(conn_params)
            except PoolTimeout:
                if DatabaseWrapper._served == served_before:
                    raise
        return self._get_connection(conn_params)

    def _get_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        found: Connection[Any] = super().get_new_connection(conn_params)
        DatabaseWrapper._served += 1  # threads may lose one of two; that it changes is enough
        return found

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        return ErrorWrapper(self)
