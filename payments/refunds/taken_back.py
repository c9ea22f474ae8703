"""Money that was put into the wallet, because a gateway could not give it back, and that the gateway gave after all.

It leaves the wallet again, or the customer would have it twice.
"""

import structlog

from choptym.lib import clock
from choptym.lib.money import Money
from choptym.lib.states import move
from notifications.notify import notify
from payments.models import PaymentAttempt, Refund, RefundSource, RefundWay
from payments.refunds.books import post_back
from payments.refunds.locks import lock_refund
from payments.refunds.messages import taken_back_message
from payments.refunds.write import Wish, left_to_refund, write_refund
from payments.states import REFUND_MOVES, RefundState

log = structlog.get_logger(__name__)

GIVEN_AFTER_ALL = "given_after_all"


def make_room(attempt: PaymentAttempt, given: Money, why: str) -> None:
    """Take so much out of the wallet that what the gateway gave is within what this try collected.

    Whole refunds, the newest first; what is too much of the last one is put back as a refund of its own. Where not
    enough went into the wallet, nothing is taken that would not help: the database refuses the rest.
    Runs in the caller's transaction, after the locks of payment and refund; the customer is told.
    Locks:   the refunds that are taken back, the customer's account.
    Raises:  NotAllowed (insufficient_balance: it was spent).
    """
    payment = attempt.payment
    excess = given.amount_minor - left_to_refund(payment, attempt).amount_minor
    if excess <= 0:
        return
    rows = Refund.objects.filter(attempt=attempt, way=RefundWay.WALLET, state=RefundState.REFUNDED).order_by("pk")
    in_wallet = [lock_refund(refund_id) for refund_id in rows.values_list("pk", flat=True)]  # before any account
    while excess > 0 and in_wallet:
        refund = in_wallet.pop()
        _take_back(refund, why)
        excess -= refund.amount_minor
        if excess < 0:
            write_refund(payment, _rest_of(refund, -excess, why))


def _rest_of(refund: Refund, amount_minor: int, why: str) -> Wish:
    """As whoever asked for it wanted it."""
    return Wish(
        reason=why,
        amount_minor=amount_minor,
        source=RefundSource(refund.source),
        asked_by_id=refund.asked_by_id,
        attempt_id=refund.attempt_id,
        to_wallet=True,
    )


def _take_back(refund: Refund, why: str) -> None:
    ended = {"finished_at": clock.now(), "failure_code": GIVEN_AFTER_ALL, "problem": why[:300]}
    if move(refund, RefundState.FAILED, REFUND_MOVES, **ended):
        log.warning("a refund was taken back out of the wallet", refund=refund.pk, payment=refund.payment_id)
        post_back(refund)
        notify([taken_back_message(refund)])
