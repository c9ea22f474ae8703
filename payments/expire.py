"""Giving up on what was not paid in time: the reserved stock is freed, the customer is told."""

import structlog
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.failpoints import committing
from payments.close import close_unpaid
from payments.locks import lock_payments
from payments.selectors import overdue_payments
from payments.states import PaymentState

log = structlog.get_logger(__name__)

EXPIRE_BATCH = 200


def expire_batch() -> int:
    """End the payments whose time is over. Returns how many were. Safe to call again, and at the same time.

    A hosted page that is still open is closed by the status query that follows (see confirm).
    Commits: each payment by itself. Money that comes later is still booked (see close_unpaid).
    Raises:  OperationalError.
    """
    ended = 0
    for payment_id in overdue_payments(EXPIRE_BATCH):
        try:
            ended += _expire(payment_id)
        except OperationalError:
            raise
        except DatabaseError:
            # The others must not wait behind one that cannot be ended.
            log.exception("payment could not be ended", payment=payment_id)
    return ended


def _expire(payment_id: int) -> bool:
    with committing("expire"):
        [payment] = lock_payments([payment_id])
        return payment.expires_at <= clock.now() and close_unpaid(payment, PaymentState.EXPIRED, code="expired")
