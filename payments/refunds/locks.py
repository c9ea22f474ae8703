"""Claims of refunds. The row itself is written under its payment's lock (payments/locks.py)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from payments.models import RefundSource
from payments.states import RefundState


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


def claim_refunds(gateway: str, limit: int) -> list[DueRefund]:
    """Up to `limit` due refunds of this gateway; those that were QUEUED are REQUESTED now. Commits by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id, state FROM payments_refund
                WHERE gateway = %(gateway)s AND next_attempt_at <= now()
                ORDER BY next_attempt_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
            ), claimed AS (
                UPDATE payments_refund refund
                SET state = CASE WHEN due.state = %(queued)s THEN %(requested)s ELSE due.state END,
                    requested_at = CASE WHEN due.state = %(queued)s THEN now() ELSE refund.requested_at END,
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
                   claimed.next_attempt_at
            FROM claimed
            JOIN payments_payment payment ON payment.id = claimed.payment_id
            JOIN payments_paymentattempt attempt ON attempt.id = claimed.attempt_id
            """,
            {
                "gateway": gateway,
                "limit": limit,
                "lease": settings.PAYMENT_LEASE_SECONDS,
                "queued": RefundState.QUEUED,
                "requested": RefundState.REQUESTED,
                "outside": RefundSource.OUTSIDE,
            },
        )
        return [DueRefund(*row) for row in cursor.fetchall()]
