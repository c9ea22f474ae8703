"""Claims of reconciliations: one statement takes the row and moves its due time ahead, which is its lease.

Whoever works longer extends it; a claimer that died is followed by another one once it has passed.
"""

from typing import Any

from django.conf import settings
from django.db import connection

from choptym.lib.failpoints import commits
from payments.models import Reconciliation
from payments.reconciliation.facts import Job
from payments.states import ReconciliationState


@commits("reconcile.claim")
def claim_reconciliation(reconciliation_id: int) -> Job | None:
    """This one, if it is due. None: it is not, or somebody else has it. Commits by itself."""
    rows = _fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM payments_reconciliation
            WHERE id = %(id)s AND state = %(queued)s AND next_attempt_at <= now()
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payments_reconciliation reconciliation
        SET next_attempt_at = now() + make_interval(secs => %(lease)s), begun_at = now(), lines_done = 0,
            attempts_made = attempts_made + 1
        FROM due WHERE reconciliation.id = due.id
        RETURNING reconciliation.id, gateway, day, attempts_made, next_attempt_at
        """,
        {"id": reconciliation_id, "queued": ReconciliationState.QUEUED, "lease": settings.RECONCILE_LEASE_SECONDS},
    )
    return Job(*rows[0]) if rows else None


@commits("reconcile.extend")
def extend_claim(job: Job, *, done: int | None = None, seen: int | None = None) -> Job | None:
    """Go on holding it, and show how far it is. None: it was lost to somebody else. Commits by itself."""
    rows = _fetch(
        """
        UPDATE payments_reconciliation
        SET next_attempt_at = now() + make_interval(secs => %(lease)s), lines_done = coalesce(%(done)s, lines_done),
            lines_seen = coalesce(%(seen)s, lines_seen)
        WHERE id = %(id)s AND state = %(queued)s AND next_attempt_at = %(held)s
        RETURNING id, gateway, day, attempts_made, next_attempt_at
        """,
        {
            "id": job.reconciliation_id,
            "queued": ReconciliationState.QUEUED,
            "held": job.leased_until,
            "lease": settings.RECONCILE_LEASE_SECONDS,
            "done": done,
            "seen": seen,
        },
    )
    return Job(*rows[0]) if rows else None


def lock_claimed(job: Job) -> Reconciliation | None:
    """The row, locked until the caller's transaction ends. None: it is not ours any more. Taken before any other."""
    held = Reconciliation.objects.select_for_update(no_key=True).filter(
        pk=job.reconciliation_id, state=ReconciliationState.QUEUED, next_attempt_at=job.leased_until
    )
    return held.first()


def _fetch(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
