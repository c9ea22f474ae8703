"""A refund that was begun at the gateway, by its staff or by itself: we hear of it, and it becomes a row of ours."""

from dataclasses import replace

import structlog
from django.db import IntegrityError, transaction

from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from notifications.notify import notify
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.gateways.facts_json import dump_refund
from payments.letters import set_aside
from payments.locks import lock_payments
from payments.models import Payment, PaymentAttempt, Refund, RefundSource, RefundWay
from payments.refunds.books import left_in_sales, post_refund
from payments.refunds.messages import refund_message
from payments.refunds.taken_back import make_room
from payments.refunds.whose import attempt_of, is_booked, is_ours
from payments.states import AttemptState, PaymentState, RefundState

log = structlog.get_logger(__name__)

_STATES = {RefundOutcome.DONE: RefundState.REFUNDED, RefundOutcome.PENDING: RefundState.PENDING}


def write_outside_refund(gateway: str, status: RefundStatus, *, may_wait: bool = False) -> Payment | None:
    """Write and book it, once, and tell the customer. None when it is about nothing of ours.

    None also while the money is not booked yet, or under review: this word came first, and must be taken up again. And,
    with `may_wait`, when the gateway gave by itself what we booked: it does so with the second payment of an order, and
    the event of the first, which is ours then, may be under way.
    Nothing is written of money that never was ours: what a payer paid twice, or too late, a gateway gives back by
    itself. What cannot be booked (more than was captured, money that the customer has spent from the wallet, or money
    of which nobody can tell whether it was ours) is set aside as a dead letter: a person mends what is in the way, and
    replays it.
    Commits: row, ledger and message together.
    Locks:   payment, wallet account.
    """
    attempt = attempt_of(gateway, status)
    if attempt is None:
        return None
    state, ours = _STATES.get(status.outcome), is_ours(attempt, status)
    if state is None or ours is False:
        # The gateway returned what it never gave us (too late, or the second payment of an order), or nothing went out.
        log.warning("a refund at the gateway moves nothing of ours", payment=attempt.payment_id, word=status.word)
        return attempt.payment
    if not is_booked(attempt):
        return attempt.payment if status.is_automatic else None
    if may_wait and status.is_automatic and ours:
        return None
    try:
        with committing("refund.outside"):
            [payment] = lock_payments([attempt.payment_id])
            attempt.refresh_from_db()
            _refuse_doubtful(ours)
            _book(payment, attempt, status, state)
    except (IntegrityError, NotAllowed) as error:
        if not _is_written(attempt, status):
            with committing("refund.outside_set_aside"):
                _cannot_book(attempt, status, error)
    return attempt.payment


def _refuse_doubtful(ours: bool | None) -> None:
    if ours is None:
        raise NotAllowed("the gateway began it by itself, and whether that money was ours is not known")


def _is_written(attempt: PaymentAttempt, status: RefundStatus) -> bool:
    """The same word may come twice at once, by two roads: whoever was first has written it."""
    live = Refund.objects.filter(gateway=attempt.gateway).exclude(state=RefundState.FAILED)
    return bool(status.gateway_refund_id) and live.filter(gateway_refund_id=status.gateway_refund_id).exists()


def book_given_after_all(refund: Refund, status: RefundStatus) -> None:
    """A refund that had FAILED went out after all: the money is booked, once. In the caller's transaction.

    What was put into the wallet in its place is taken out again; if it was spent, a person decides (see above).
    """
    attempt, given_id = refund.attempt, status.gateway_refund_id or refund.gateway_refund_id
    if attempt is None:
        return
    log.error("a refund that had failed was given after all", refund=refund.pk, payment=refund.payment_id)
    try:
        with transaction.atomic():
            told, why = replace(status, gateway_refund_id=given_id), _after_all(refund)
            if not _is_written(attempt, told):
                make_room(attempt, _bookable(refund.payment, attempt, told), why)
                _book(refund.payment, attempt, told, RefundState.REFUNDED, reason=why)
    except (IntegrityError, NotAllowed) as error:
        _cannot_book(attempt, status, error)


def given_in_its_place(refund: Refund) -> Refund | None:
    """The row of the money that went out for this one, which had FAILED, after all."""
    rows = Refund.objects.filter(payment=refund.payment_id, source=RefundSource.OUTSIDE, reason=_after_all(refund))
    return rows.first()


def _after_all(refund: Refund) -> str:
    return f"refund {refund.pk} was given after all"


def _book(
    payment: Payment,
    attempt: PaymentAttempt,
    status: RefundStatus,
    state: RefundState,
    *,
    reason: str = "begun at the gateway",
) -> None:
    if _is_written(attempt, status):
        return
    money, now = _bookable(payment, attempt, status), clock.now()
    is_done = state == RefundState.REFUNDED
    refund = Refund.objects.create(
        payment=payment,
        attempt=attempt,
        way=RefundWay.GATEWAY,
        source=RefundSource.OUTSIDE,
        state=state,
        gateway=attempt.gateway,
        amount_minor=money.amount_minor,
        currency=money.currency,
        reason=reason,
        gateway_refund_id=status.gateway_refund_id,
        bank_reference=status.bank_reference[:100],
        requested_at=now,
        next_attempt_at=None if is_done else now,
        finished_at=now if is_done else None,
    )
    in_sales = 0 if attempt.state == AttemptState.SURPLUS else left_in_sales(payment)
    post_refund(refund, given_minor=min(refund.amount_minor, in_sales))
    if is_done:
        notify([refund_message(refund)])
    log.warning("a refund was begun at the gateway", payment=payment.pk, refund=refund.pk, money=str(money))


def _bookable(payment: Payment, attempt: PaymentAttempt, status: RefundStatus) -> Money:
    """What went back. Raises NotAllowed when it cannot be booked as it is."""
    if status.money is None or status.money.amount_minor <= 0:
        raise NotAllowed("its amount cannot be read")
    if not status.gateway_refund_id:
        raise NotAllowed("it has no id, so nobody could tell whether it is booked already")
    if payment.state != PaymentState.SETTLED and attempt.state != AttemptState.SURPLUS:
        raise NotAllowed(f"the payment is {payment.state}: decide about it first")
    return status.money


def _cannot_book(attempt: PaymentAttempt, status: RefundStatus, error: Exception) -> None:
    # The first line only: PostgreSQL's second one repeats the row.
    why = str(error).splitlines()[0][:500]
    gave = f"the gateway gave back {status.money or 'an amount'} ({status.gateway_refund_id})"
    said = {"gateway": attempt.gateway, **dump_refund(status)}
    set_aside(attempt.payment_id, f"{gave}, and it cannot be booked: {why}", said)
