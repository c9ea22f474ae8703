"""Django's `migrate`, which does not stand in the way of payments.

Who waits for a table's strongest lock stops everybody behind it, readers too. So a migration waits for a moment only,
gives way, and tries again until its turn comes.
"""

import time
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from psycopg.errors import DeadlockDetected, LockNotAvailable

# All payments that need the table wait so long at worst; a tenth of what they wait for a lock themselves.
LOCK_WAIT_MS = 500
# Long enough for what piled up behind the last try to be through.
PAUSE_SECONDS = 2.0
GIVE_UP_SECONDS = 600

# What a CONCURRENTLY that was cut off leaves behind: used by no query, and in the way of the next try.
BROKEN_INDEXES = """
    SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname = current_schema
    AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
"""


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--give-up-after",
            type=float,
            default=GIVE_UP_SECONDS,
            metavar="SECONDS",
            help=f"How long locks that others hold may put a migration off ({GIVE_UP_SECONDS} s if not said).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._connection = connections[options["database"]]
        end = time.monotonic() + options["give_up_after"]
        try:
            while not self._try(end, *args, **options):
                time.sleep(PAUSE_SECONDS)
        finally:
            _reset(self._connection)

    def migration_progress_callback(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        """Django calls this around each migration: an earlier one may have ended with RESET."""
        if action in {"apply_start", "unapply_start"}:
            limit_waiting(self._connection)
        super().migration_progress_callback(action, migration, fake)

    def _try(self, end: float, *args: Any, **options: Any) -> bool:
        """Go as far as locks let us; True when all is done."""
        try:
            self._drop_broken_indexes(says_only=options["plan"] or options["check_unapplied"])
            super().handle(*args, **options)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected) or time.monotonic() > end:
                raise
            self.stdout.write(f" the table is in use; next try in {PAUSE_SECONDS:g} s")
            return False
        return True

    def _drop_broken_indexes(self, *, says_only: bool) -> None:
        if says_only or self._connection.vendor != "postgresql":
            return
        with self._connection.cursor() as cursor:
            cursor.execute(BROKEN_INDEXES)
            for (name,) in cursor.fetchall():
                self.stdout.write(f"  Dropping {name}, which was never finished")
                cursor.execute(f"DROP INDEX CONCURRENTLY {name}")


def limit_waiting(connection: BaseDatabaseWrapper) -> None:
    """From now on this session gives up a lock that it does not get at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")


def _reset(connection: BaseDatabaseWrapper) -> None:
    """The connection goes back to a pool, where others find it."""
    if connection.vendor == "postgresql" and connection.connection and connection.is_usable():
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
