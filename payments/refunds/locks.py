"""Claims of refunds, and the lock of one. A refund is locked after its payment, before any wallet account.

A claim locks nothing else, so it may meet one who holds the payment: it skips what is locked.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from choptym.lib.failpoints import commits
from payments.models import Refund, RefundSource
from payments.states import RefundState

_WORDS = {"queued": RefundState.QUEUED, "requested": RefundState.REQUESTED, "outside": RefundSource.OUTSIDE}

_CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id, state FROM payments_refund
        WHERE gateway = %(gateway)s AND next_attempt_at <= now() AND (%(send)s OR state <> %(queued)s)
        ORDER BY next_attempt_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE payments_refund refund
        SET state = CASE WHEN due.state = %(queued)s THEN %(requested)s ELSE due.state END,
            requested_at = CASE WHEN due.state = %(queued)s OR (due.state = %(requested)s AND %(again)s)
                                THEN now() ELSE refund.requested_at END,
            attempts_made = attempts_made + (due.state = %(queued)s)::int,
            asks_made = CASE WHEN due.state = %(queued)s THEN 0 ELSE asks_made + 1 END,
            next_attempt_at = now() + make_interval(secs => %(lease)s)
        FROM due WHERE refund.id = due.id
        RETURNING refund.*, due.state <> %(queued)s AS was_sent
    )
    SELECT claimed.id, claimed.payment_id, claimed.state, claimed.was_sent,
           CASE WHEN claimed.source = %(outside)s THEN '' ELSE claimed.reference::text END,
           claimed.gateway_refund_id, attempt.transaction_id, payment.by_link, payment.phone,
           claimed.amount_minor, claimed.currency, claimed.reason, claimed.requested_at,
           claimed.next_attempt_at, claimed.attempts_made, claimed.asks_made
    FROM claimed
    JOIN payments_payment payment ON payment.id = claimed.payment_id
    JOIN payments_paymentattempt attempt ON attempt.id = claimed.attempt_id
"""


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A refund whose turn it is, with all that the call needs. `was_sent`: the gateway may know of it already."""

    refund_id: int
    payment_id: int
    state: str
    was_sent: bool
    reference: str  # "" for one that was begun at the gateway: it has never heard ours
    gateway_refund_id: str
    transaction_id: str
    by_link: bool
    phone: str
    amount_minor: int
    currency: str
    reason: str
    requested_at: datetime
    leased_until: datetime
    attempts_made: int
    asks_made: int

    def is_claim_of(self, refund: Refund) -> bool:
        """Whether this claim is still the last one, and nobody has told what became of the refund meanwhile."""
        last = (refund.state, refund.attempts_made, refund.asks_made)
        return last == (self.state, self.attempts_made, self.asks_made)


def lock_refund(refund_id: int) -> Refund:
    """This refund, locked until the caller's transaction ends: nobody claims it meanwhile. After its payment's lock."""
    rows = Refund.objects.select_for_update(no_key=True, of=("self",)).select_related("payment__order")
    return rows.get(pk=refund_id)


@commits("refund.claim")
def claim_refunds(gateway: str, limit: int, *, may_send_again: bool, may_send: bool = True) -> list[DueRefund]:
    """Up to `limit` due refunds of this gateway; those that were QUEUED are REQUESTED now. Commits by itself.

    `requested_at` becomes the last moment at which the gateway may be asked to give: with `may_send_again`, also where
    it was asked before. Without `may_send` those that are QUEUED stay so.
    """
    lease = settings.PAYMENT_LEASE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {**_WORDS, "gateway": gateway, "limit": limit, "again": may_send_again, "send": may_send, "lease": lease},
        )
        return [DueRefund(*row) for row in cursor.fetchall()]
