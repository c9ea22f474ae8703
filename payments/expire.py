"""Giving up on what was not paid in time: the reserved stock is freed, the customer is told."""

import structlog
from django.db import transaction
from django.utils import timezone

from choptym.lib.errors import ChoptymError
from choptym.lib.outbound import refuse_in_transaction
from payments.close import close_unpaid
from payments.gateways import get_gateway
from payments.locks import claim_expired, lock_payments
from payments.models import Payment
from payments.states import OPEN_ATTEMPTS, PaymentState

log = structlog.get_logger(__name__)

EXPIRE_BATCH = 100


def expire_batch() -> int:
    """End the payments whose time is over. Returns how many were. Safe to call again, and at the same time.

    Network: for payment links, one call that closes the gateway's page, before the transaction.
    Commits: each payment by itself. Money that comes later is still booked (see close_unpaid).
    """
    ended = 0
    for payment_id in claim_expired(EXPIRE_BATCH):
        _close_page(payment_id)
        with transaction.atomic(durable=True):
            [payment] = lock_payments([payment_id])
            if payment.expires_at <= timezone.now():
                ended += close_unpaid(payment, PaymentState.EXPIRED, code="expired")
    return ended


def _close_page(payment_id: int) -> None:
    """Close the hosted page, so that nobody pays for what is no longer kept. If it fails, the money is honoured."""
    payment = Payment.objects.get(pk=payment_id)
    attempt = payment.attempts.filter(state__in=OPEN_ATTEMPTS).exclude(transaction_id="").first()
    if not payment.by_link or attempt is None:
        return
    refuse_in_transaction()
    try:
        get_gateway(payment.gateway).expire_link(attempt.transaction_id)
    except ChoptymError as error:
        log.info("the payment page could not be closed", payment=payment_id, error=str(error))
