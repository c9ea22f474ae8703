"""Ending a payment that was not paid: state, order, stock, cart and the message to the customer, together."""

from datetime import timedelta

from django.conf import settings

from choptym.lib import clock
from choptym.lib.states import move
from notifications.notify import notify
from orders.cancel import cancel_orders
from payments.messages import messages_about
from payments.models import Payment
from payments.states import OPEN_ATTEMPTS, PAYMENT_MOVES, PaymentState

# Soon after the end the gateway is asked once more: a customer may have approved in the last second.
LAST_LOOK_SECONDS = 5

_KIND_OF_MESSAGE = {PaymentState.FAILED: "payment_failed", PaymentState.EXPIRED: "payment_expired"}


def close_unpaid(payment: Payment, to: PaymentState, *, code: str, problem: str = "", kind: str = "") -> bool:
    """Move the payment to FAILED, EXPIRED or CANCELLED and free what its order reserved. False: it had moved on.

    Runs in the caller's transaction, after the payment's lock. Where a try may still take the money, the gateway is
    asked about it for PAYMENT_WATCHED_FOR_SECONDS more: money that comes late is honoured.
    `kind` is the message about it, where that is not the usual one of this end.
    Locks:   order, cart lines, products.
    """
    now = clock.now()
    watched = payment.attempts.filter(state__in=OPEN_ATTEMPTS).exists() and still_watched(payment)
    moved = move(
        payment,
        to,
        PAYMENT_MOVES,
        failure_code=code,
        problem=problem[:300],
        finished_at=now,
        next_check_at=now + timedelta(seconds=LAST_LOOK_SECONDS) if watched else None,
    )
    if not moved:
        return False
    if payment.order_id is not None:
        cancel_orders([payment.order_id])
    if kind := kind or _KIND_OF_MESSAGE.get(to, ""):
        notify(messages_about([(payment, kind)]))
    return True


def still_watched(payment: Payment) -> bool:
    """Whether the gateway is still asked about a payment of this age."""
    return clock.now() < payment.queued_at + timedelta(seconds=settings.PAYMENT_WATCHED_FOR_SECONDS)
