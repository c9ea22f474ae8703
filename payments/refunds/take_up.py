"""Taking up what a gateway says about a refund."""

import structlog

from payments.gateways.base import RefundStatus
from payments.models import Payment

log = structlog.get_logger(__name__)


def take_up_refund(gateway: str, status: RefundStatus) -> Payment | None:
    """The payment whose refund this is about, after it was booked. None: it belongs to none of ours (yet).

    Refunds are not booked yet, so every one is left to be looked at again.
    """
    log.warning("a refund that nobody takes up", gateway=gateway, refund=status.gateway_refund_id, word=status.word)
    return None
