"""A person has dealt with a break: it stays in the report, closed, with the reason."""

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.states import move
from payments.models import ReconciliationBreak
from payments.states import BREAK_MOVES, BreakState


def close_break(break_id: int, *, actor_id: int, reason: str) -> ReconciliationBreak:
    """Close this break for good: found again, it stays closed.

    Commits: the break and the line in the audit log together.
    Raises:  NotAllowed (break_not_open), Rejected (no_reason).
    """
    row = ReconciliationBreak.objects.select_related("attempt", "reconciliation").get(pk=break_id)
    about = f"payment:{row.attempt.payment_id}" if row.attempt else f"reconciliation:{row.reconciliation_id}"
    details = {"break": row.pk, "kind": row.kind, "transaction": row.transaction_id, "reference": row.reference}
    with committing("reconcile.close"):
        closed = {"closed_at": clock.now(), "note": reason.strip()[:300]}
        if not move(row, BreakState.CLOSED, BREAK_MOVES, **closed):
            raise NotAllowed("Somebody has dealt with this break already.", code="break_not_open")
        record_act(actor_id=actor_id, verb="close_break", about=about, reason=reason, details=details)
    return row
