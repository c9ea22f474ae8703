"""A person takes the gateway's word for a fee that is booked otherwise.

Not done by itself: a bill may be wrong, and whoever books every bill that comes never disputes one.
"""

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from choptym.lib.states import move
from payments.locks import lock_payments
from payments.models import BreakKind, Payment, ReconciliationBreak
from payments.reconciliation.fees import fee_posting
from payments.reconciliation.ours import FEE_PARTS
from payments.states import BREAK_MOVES, AttemptState, BreakState
from wallets import accounts
from wallets.models import Entry
from wallets.post import post_entries


def correct_fee(break_id: int, *, actor_id: int, reason: str) -> ReconciliationBreak:
    """Book the difference as a new entry, `payment:<id>:fee_correction:<n>`: what was booked stays as it is.

    Commits: the entry, the payment's fee, the break and the line in the audit log together.
    Locks:   payment.
    Raises:  NotAllowed (not_a_fee, break_not_open, corrected_too_often), Rejected (no_reason).
    """
    row = ReconciliationBreak.objects.select_related("attempt", "refund", "reconciliation").get(pk=break_id)
    if row.kind != BreakKind.FEE or row.their_minor is None or row.attempt is None:
        raise NotAllowed("This is no break about a fee.", code="not_a_fee")
    prefix = _prefix(row)
    with committing("reconcile.correct"):
        lock_payments([row.attempt.payment_id])
        if not move(row, BreakState.MENDED, BREAK_MOVES, closed_at=clock.now(), note="the difference was booked"):
            raise NotAllowed("Somebody has dealt with this break already.", code="break_not_open")
        _book_difference(row, prefix)
        record_act(
            actor_id=actor_id,
            verb="correct_fee",
            about=f"payment:{row.attempt.payment_id}",
            reason=reason,
            details={"break": row.pk, "was": row.our_minor, "is": row.their_minor, "currency": row.their_currency},
        )
    return row


def _prefix(row: ReconciliationBreak) -> str:
    if row.refund_id is not None:
        return f"refund:{row.refund_id}"
    attempt = row.attempt
    assert attempt is not None  # noqa: S101 - the caller has seen to it
    is_surplus = attempt.state == AttemptState.SURPLUS
    return f"attempt:{attempt.pk}" if is_surplus else f"payment:{attempt.payment_id}"


def _book_difference(row: ReconciliationBreak, prefix: str) -> None:
    """From what is booked now, not from what it was when the break was found."""
    reasons = [prefix + part for part in FEE_PARTS]
    booked = {entry.reason: entry for entry in Entry.objects.filter(reason__in=reasons).select_related("debit")}
    gateway, told_minor = row.reconciliation.gateway, row.their_minor or 0
    fees = accounts.fees(gateway)
    sum_minor = sum(one.amount_minor * (1 if one.debit.name == fees else -1) for one in booked.values())
    free = next((reason for reason in reasons[1:] if reason not in booked), None)
    if free is None:
        raise NotAllowed("This fee was corrected too often already.", code="corrected_too_often")
    if told_minor != sum_minor:
        post_entries([fee_posting(gateway, Money(told_minor - sum_minor, row.their_currency), free)])
    if prefix.startswith("payment:"):
        Payment.objects.filter(pk=int(prefix.partition(":")[2])).update(fee_minor=told_minor)
