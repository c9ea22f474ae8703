"""Staff give money back, and end a refund by hand of which only the gateway's own pages know what became of it."""

from dataclasses import replace
from datetime import timedelta

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.jobs import ring_after_commit
from payments.locks import lock_payments
from payments.models import Refund, RefundSource, RefundWay
from payments.refunds.came_back import CAME_BACK, it_did_arrive
from payments.refunds.locks import lock_refund
from payments.refunds.take_up import fail, finish
from payments.refunds.write import Wish, find_known, write_refund
from payments.states import REFUND_ENDS, RefundState
from payments.tasks import send_refunds

# Younger ones may still be answered: nobody ends them by hand.
RESOLVE_AFTER_SECONDS = 600


def refund_payment(payment_id: int, wish: Wish, *, actor_id: int) -> Refund:
    """Give back a part of a settled payment, or all that is left of it. The same reference twice is one refund.

    Commits: row, ledger and the line in the audit log together; the gateway is called afterwards.
    Locks:   payment, wallet account.
    Raises:  as write_refund().
    """
    with committing("refund.ask"):
        return refund_in_transaction(payment_id, wish, actor_id=actor_id)


def refund_in_transaction(payment_id: int, wish: Wish, *, actor_id: int) -> Refund:
    """The same in the caller's transaction, for callers that commit something with it."""
    [payment] = lock_payments([payment_id])
    if known := find_known(payment, wish):
        return known
    refund = write_refund(payment, replace(wish, source=RefundSource.STAFF, asked_by_id=actor_id))
    details = {"refund": refund.pk, "amount": str(refund.amount), "way": refund.way}
    about = f"payment:{payment.pk}"
    record_act(actor_id=actor_id, verb="refund_payment", about=about, reason=wish.reason, details=details)
    if refund.way == RefundWay.GATEWAY:
        ring_after_commit(send_refunds, refund.gateway)
    return refund


def resolve_refund(refund_id: int, *, actor_id: int, was_given: bool, reason: str) -> Refund:
    """End a refund by what the gateway's own pages say, when its API does not tell.

    One that waits in the queue can be called off (`was_given` false): nothing was sent. One that was REFUNDED stands
    until the gateway says that it came back: then a person says which is true.
    Commits: row, ledger, message and the line in the audit log together.
    Locks:   payment, wallet account.
    Raises:  NotAllowed (already_ended, too_early, not_sent), Rejected (no_reason).
    """
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    with committing("refund.resolve"):
        [payment] = lock_payments([payment_id])
        refund = lock_refund(refund_id)
        _refuse_what_may_still_be_told(refund, was_given=was_given)
        details = {"refund": refund.pk, "was": refund.state, "was_given": was_given}
        record_act(
            actor_id=actor_id, verb="resolve_refund", about=f"payment:{payment.pk}", reason=reason, details=details
        )
        if refund.state == RefundState.REFUNDED and was_given:
            it_did_arrive(refund)
        elif was_given:
            finish(refund)
        else:
            fail(refund, code="not_given", problem=f"ended by hand: {reason}")
    return refund


def may_be_resolved(refund: Refund) -> bool:
    """Whether staff may end it by hand by now."""
    if refund.state in {RefundState.QUEUED, RefundState.REFUNDED}:
        return refund.state == RefundState.QUEUED or refund.failure_code == CAME_BACK
    asked = refund.requested_at
    old_enough = asked is not None and clock.now() > asked + timedelta(seconds=RESOLVE_AFTER_SECONDS)
    return refund.state in {RefundState.REQUESTED, RefundState.PENDING} and old_enough


def _refuse_what_may_still_be_told(refund: Refund, *, was_given: bool) -> None:
    if refund.state in REFUND_ENDS and not may_be_resolved(refund):
        raise NotAllowed(f"This refund is {refund.state} already.", code="already_ended")
    if refund.state == RefundState.QUEUED and was_given:
        raise NotAllowed("The gateway was not asked yet.", code="not_sent")
    if not may_be_resolved(refund):
        minutes = RESOLVE_AFTER_SECONDS // 60
        raise NotAllowed(f"The gateway may still answer: not before {minutes} minutes are over.", code="too_early")
