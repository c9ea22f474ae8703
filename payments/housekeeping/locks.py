"""Claims of what is done with, and the lock of who makes and takes away months. Nothing here waits for a row.

Rows that somebody else holds are skipped, payments as well: whoever works on one is never in the way, and is held up
no longer than one short statement takes.
"""

from django.db import connection

from payments.housekeeping.kept import Kept

# Any number of our own: whoever holds it makes or takes away months of the history.
_MONTHS = 7_305_417


def claim_of(kept: Kept) -> str:
    """The rows of one step, as a query named due: the oldest that are done with and that nobody holds."""
    # Only parts of this project are put together here, no value.
    return f"""
        due AS MATERIALIZED (
            SELECT kept.{kept.key} AS key FROM {kept.table} kept {kept.source}
            WHERE kept.{kept.since} < %(before)s AND {kept.due}
            ORDER BY kept.{kept.since} LIMIT %(limit)s
            FOR UPDATE OF kept SKIP LOCKED {"FOR NO KEY UPDATE OF paid SKIP LOCKED" if kept.source else ""}
        )
    """  # noqa: S608


def try_lock_months() -> bool:
    """Be the only one who makes or takes away months until the caller's transaction ends. False: somebody is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_MONTHS])
        return bool(cursor.fetchone()[0])
