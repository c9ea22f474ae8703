"""The gateway's word about a refund: it ends the row, and a failure is booked back.

The word may come twice, late, or before the answer to our own call: the row under its payment's lock decides.
"""

import uuid
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from choptym.lib.states import move
from notifications.notify import notify
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.locks import lock_payments
from payments.models import Payment, Refund
from payments.refunds.books import post_back
from payments.refunds.messages import refund_message
from payments.refunds.outside import write_outside_refund
from payments.states import REFUND_ENDS, REFUND_MOVES, RefundState

log = structlog.get_logger(__name__)

# How often a refund that the gateway works on is asked about; the last one repeats. Banks take days.
POLL_SECONDS = (10.0, 60.0, 600.0, 3600.0, 6 * 3600.0)


def take_up_refund(gateway: str, status: RefundStatus) -> Payment | None:
    """Take up what a gateway says about a refund. Returns its payment; None when it is nothing of ours.

    Safe to call again, in any order. A refund that we did not ask for becomes a row (see outside.py).
    Commits: row, ledger and message together.
    Locks:   payment, wallet account.
    """
    refund = find_refund(gateway, status)
    if refund is None:
        return write_outside_refund(gateway, status)
    with transaction.atomic(durable=True):
        [payment] = lock_payments([refund.payment_id])
        refund.refresh_from_db()
        apply(refund, status)
    return payment


def find_refund(gateway: str, status: RefundStatus) -> Refund | None:
    """The row that the gateway speaks of: by our reference, else by the gateway's own id."""
    rows = Refund.objects.filter(gateway=gateway).select_related("payment__order")
    try:
        named = rows.filter(reference=uuid.UUID(status.reference)).first()
    except ValueError:
        named = None
    return named or rows.filter(gateway_refund_id=status.gateway_refund_id).exclude(gateway_refund_id="").first()


def apply(refund: Refund, status: RefundStatus) -> None:
    """Write down what is true of this refund. In the caller's transaction, after the payment's lock."""
    if refund.state in REFUND_ENDS:
        _compare_with_end(refund, status)
        return
    known = {
        "gateway_refund_id": status.gateway_refund_id or refund.gateway_refund_id,
        "bank_reference": (status.bank_reference or refund.bank_reference)[:100],
    }
    if status.outcome is RefundOutcome.DONE:
        if status.money is not None and status.money != refund.amount:
            known["problem"] = f"asked for {refund.amount}, the gateway gave back {status.money}"
            log.error("a refund of another amount", refund=refund.pk, problem=known["problem"])
        finish(refund, **known)
    elif status.outcome is RefundOutcome.FAILED:
        fail(refund, code="refund_refused", problem=status.reason or status.word, **known)
    else:
        if status.outcome is RefundOutcome.UNMAPPED:
            log.error("the gateway used a word we do not know", refund=refund.pk, word=status.word)
        # The gateway has it: what was the matter before is no more.
        _wait(refund, **{"problem": "", **known})


def finish(refund: Refund, **also: str) -> None:
    """It was given back. In the caller's transaction, after the payment's lock."""
    ended = {"finished_at": timezone.now(), "next_attempt_at": None}
    if move(refund, RefundState.REFUNDED, REFUND_MOVES, **ended, **{"problem": "", **also}):
        notify([refund_message(refund)])


def fail(refund: Refund, *, code: str, problem: str, **also: str) -> None:
    """Nothing was given back: what was booked for it is booked back. In the caller's transaction, after the lock."""
    ended = {"finished_at": timezone.now(), "next_attempt_at": None}
    about = {"failure_code": code[:40], "problem": problem[:300]}
    if move(refund, RefundState.FAILED, REFUND_MOVES, **ended, **about, **also):
        log.error("a refund failed", refund=refund.pk, payment=refund.payment_id, code=code)
        post_back(refund)


def _wait(refund: Refund, **also: str) -> None:
    again = timezone.now() + timedelta(seconds=POLL_SECONDS[min(refund.asks_made, len(POLL_SECONDS) - 1)])
    if not move(refund, RefundState.PENDING, REFUND_MOVES, next_attempt_at=again, **also):
        Refund.objects.filter(pk=refund.pk, state=RefundState.PENDING).update(next_attempt_at=again, **also)


def _compare_with_end(refund: Refund, status: RefundStatus) -> None:
    """An end is final for us; a gateway that says otherwise afterwards needs a person."""
    ended_as = {RefundState.REFUNDED: RefundOutcome.DONE, RefundState.FAILED: RefundOutcome.FAILED}
    if (
        status.outcome in {RefundOutcome.DONE, RefundOutcome.FAILED}
        and status.outcome != ended_as[RefundState(refund.state)]
    ):
        problem = f"ended {refund.state}, and then the gateway said {status.word or status.outcome}"
        log.error("a refund ended otherwise than the gateway says", refund=refund.pk, problem=problem)
        Refund.objects.filter(pk=refund.pk).update(problem=problem[:300])
