"""A refund that was begun at the gateway, by its staff or by itself: we hear of it, and it becomes a row of ours."""

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from choptym.lib.errors import NotAllowed
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.locks import lock_payments
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund, RefundSource, RefundWay
from payments.refunds.books import left_in_sales, post_refund
from payments.states import AttemptState, RefundState

log = structlog.get_logger(__name__)

_STATES = {RefundOutcome.DONE: RefundState.REFUNDED, RefundOutcome.PENDING: RefundState.PENDING}


def write_outside_refund(gateway: str, status: RefundStatus) -> Payment | None:
    """Write and book it. None when it is about nothing of ours, or about money that never was ours.

    What cannot be booked (more than was captured, or money that the customer has spent from the wallet) is set aside
    as a dead letter: a person looks.
    Commits: row and ledger together.
    Locks:   payment, wallet account.
    """
    attempt = PaymentAttempt.objects.filter(gateway=gateway, transaction_id=status.transaction_id).first()
    if attempt is None or not status.transaction_id:
        return None
    if status.is_automatic and attempt.state not in {AttemptState.PAID, AttemptState.SURPLUS}:
        return attempt.payment  # the gateway returned what it never gave us: nothing of ours goes out
    state = _STATES.get(status.outcome)
    if state is None:
        return attempt.payment
    try:
        with transaction.atomic(durable=True):
            _write(attempt, status, state)
    except (IntegrityError, NotAllowed) as error:
        _set_aside(attempt, status, error)
    return attempt.payment


def _write(attempt: PaymentAttempt, status: RefundStatus, state: RefundState) -> None:
    [payment] = lock_payments([attempt.payment_id])
    known = Refund.objects.filter(gateway=attempt.gateway, gateway_refund_id=status.gateway_refund_id)
    if known.exists():  # the same word came twice at once: the other one was first
        return
    attempt.refresh_from_db()
    if status.money is None:
        raise NotAllowed("an outside refund of an amount that we cannot read")
    now = timezone.now()
    is_done = state == RefundState.REFUNDED
    refund = Refund.objects.create(
        payment=payment,
        attempt=attempt,
        way=RefundWay.GATEWAY,
        source=RefundSource.OUTSIDE,
        state=state,
        gateway=attempt.gateway,
        amount_minor=status.money.amount_minor,
        currency=status.money.currency,
        reason="begun at the gateway",
        gateway_refund_id=status.gateway_refund_id,
        bank_reference=status.bank_reference[:100],
        requested_at=now,
        next_attempt_at=None if is_done else now,
        finished_at=now if is_done else None,
    )
    in_sales = 0 if attempt.state == AttemptState.SURPLUS else left_in_sales(payment)
    post_refund(refund, given_minor=min(refund.amount_minor, in_sales))
    log.warning("a refund was begun at the gateway", payment=payment.pk, refund=refund.pk, money=str(status.money))


def _set_aside(attempt: PaymentAttempt, status: RefundStatus, error: Exception) -> None:
    reason = (
        f"the gateway gave back {status.money or 'an amount'} ({status.gateway_refund_id}), and it cannot be booked: "
    )
    reason += str(error).splitlines()[0][:500]
    log.error("an outside refund could not be booked", payment=attempt.payment_id, error=reason)
    DeadLetter.objects.bulk_create([DeadLetter(payment_id=attempt.payment_id, reason=reason)], ignore_conflicts=True)
