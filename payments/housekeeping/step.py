"""One step of a clean-up: some rows of one kind, in a transaction of its own that is short whatever happens."""

from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction

from payments.housekeeping.kept import KEPT, Kept, What
from payments.housekeeping.locks import claim_of

log = structlog.get_logger(__name__)

# A clean-up gives way: it waits for no lock longer than this, and gives up a step that takes longer than that.
LOCK_TIMEOUT_MS = 500
STATEMENT_TIMEOUT_MS = 5_000

# What is done with the rows that are due. Moving is one statement: a row is in one of the two tables, never in none.
_STATEMENTS = {
    What.DELETE: "DELETE FROM {table} gone USING due WHERE gone.{key} = due.key",
    What.EMPTY: "UPDATE {table} gone SET {empties} FROM due WHERE gone.{key} = due.key",
    What.ARCHIVE: """
        , gone AS (DELETE FROM {table} gone USING due WHERE gone.{key} = due.key RETURNING gone.*)
        INSERT INTO payments_history (kind, row_id, about, happened_at, archived_at, content)
        SELECT %(kind)s, gone.id, {about}, gone.{since}, now(), to_jsonb(gone) FROM gone
    """,
}


def take_step(kept: Kept) -> int:
    """Deal with the oldest rows of this kind that are past their age. Returns how many; 0 when none is left.

    Commits: by itself.
    Locks:   the rows, and their payments where they have one, skipping what others hold.
    Raises:  OperationalError: it took too long, or was in the way. Nothing has changed.
    """
    statement = _STATEMENTS[kept.what].format(
        table=kept.table,
        key=kept.key,
        since=kept.since,
        about=kept.about,
        empties=", ".join(f"{column} = '{{}}'" for column in kept.empties),
    )
    values = {**kept.values, "before": kept.before(), "limit": settings.CLEANUP_STEP_ROWS, "kind": kept.kind}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        cursor.execute(f"WITH {claim_of(kept)} {statement}", values)
        return int(cursor.rowcount)


def take_steps() -> Iterator[tuple[str, int]]:
    """(kind, rows) step by step until nothing is left: every kind in turn, so that a large one keeps none waiting.

    A kind whose step fails is left for the next clean-up.
    """
    left = list(KEPT)
    while left:
        for kept in tuple(left):
            try:
                count = take_step(kept)
            except OperationalError as error:
                log.warning("a step of the clean-up gave way", kind=kept.name, error=str(error))
                count = 0
            if count < settings.CLEANUP_STEP_ROWS:
                left.remove(kept)
            yield kept.name, count
