"""A refund that was begun at the gateway, by its staff or by itself: we hear of it, and it becomes a row of ours."""

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from choptym.lib.errors import NotAllowed
from payments.gateways.base import Outcome, RefundOutcome, RefundStatus
from payments.locks import lock_payments
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund, RefundSource, RefundWay, WebhookEvent
from payments.refunds.books import left_in_sales, post_refund
from payments.states import AttemptState, RefundState

log = structlog.get_logger(__name__)

_STATES = {RefundOutcome.DONE: RefundState.REFUNDED, RefundOutcome.PENDING: RefundState.PENDING}


def write_outside_refund(gateway: str, status: RefundStatus) -> Payment | None:
    """Write and book it, once. None when it is about nothing of ours, or about money that is not booked yet: ask again.

    Nothing is written of money that never was ours: what a payer paid twice, or too late, a gateway gives back by
    itself. What cannot be booked (more than was captured, money that the customer has spent from the wallet, or money
    of which nobody can tell whether it was ours) is set aside as a dead letter: a person looks.
    Commits: row and ledger together.
    Locks:   payment, wallet account.
    """
    attempt = _attempt_of(gateway, status)
    if attempt is None:
        return None
    state = _STATES.get(status.outcome)
    is_ours = _is_ours(attempt, status)
    if state is None or is_ours is False:
        return attempt.payment
    if not _is_booked(attempt):
        return attempt.payment if status.is_automatic else None
    if is_ours is None:
        _set_aside(attempt, status, "the gateway began it by itself, and whether that money was ours is not known")
        return attempt.payment
    try:
        with transaction.atomic(durable=True):
            _write(attempt, status, state)
    except (IntegrityError, NotAllowed) as error:
        if not _is_written(attempt, status):
            _set_aside(attempt, status, str(error).splitlines()[0])
    return attempt.payment


def _attempt_of(gateway: str, status: RefundStatus) -> PaymentAttempt | None:
    """The try that it gives back: by the transaction, or by the money, which has an order of its own behind a link."""
    tries = PaymentAttempt.objects.filter(gateway=gateway).select_related("payment")
    named = tries.filter(transaction_id=status.transaction_id).exclude(transaction_id="").first()
    return named or tries.filter(gateway_payment_id=status.gateway_payment_id).exclude(gateway_payment_id="").first()


def _is_ours(attempt: PaymentAttempt, status: RefundStatus) -> bool | None:
    """Whether it gives back the money that we booked, or shall book. None: nobody can tell.

    One transaction may be paid twice. Which payment counts the gateway says, but its events come in any order: where
    both were announced, an automatic refund of the one that we booked tells nothing.
    """
    booked, told = attempt.gateway_payment_id, status.gateway_payment_id
    if not status.is_automatic:
        return not booked or not told or booked == told
    if not booked or not told:
        return None
    if booked != told:
        return False
    collected = WebhookEvent.objects.filter(gateway=attempt.gateway, transaction_id=attempt.transaction_id)
    others = collected.filter(facts__status__outcome=Outcome.PAID).exclude(
        facts__status__gateway_payment_id__in=[booked, ""]
    )
    return None if others.exists() else True


def _is_booked(attempt: PaymentAttempt) -> bool:
    """Under review, money is known and not booked: a person decides first."""
    is_settled = attempt.state == AttemptState.PAID and attempt.payment.settled_at is not None
    return is_settled or attempt.state == AttemptState.SURPLUS


def _is_written(attempt: PaymentAttempt, status: RefundStatus) -> bool:
    """The same word may come twice at once, by two roads: whoever was first has written it."""
    known = Refund.objects.filter(gateway=attempt.gateway, gateway_refund_id=status.gateway_refund_id)
    return known.exclude(gateway_refund_id="").exists()


def _write(attempt: PaymentAttempt, status: RefundStatus, state: RefundState) -> None:
    [payment] = lock_payments([attempt.payment_id])
    if _is_written(attempt, status):
        return
    attempt.refresh_from_db()
    if not status.gateway_refund_id:
        raise NotAllowed("an outside refund without an id: nobody could tell whether it is booked")
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


def _set_aside(attempt: PaymentAttempt, status: RefundStatus, why: str) -> None:
    reason = (
        f"the gateway gave back {status.money or 'an amount'} ({status.gateway_refund_id}), and it cannot be booked: "
    )
    reason += why[:500]
    log.error("an outside refund could not be booked", payment=attempt.payment_id, error=reason)
    DeadLetter.objects.bulk_create([DeadLetter(payment_id=attempt.payment_id, reason=reason)], ignore_conflicts=True)
