"""Captured money that has no outcome yet, and should: it is no order, no wallet credit and no refund (INV-6).

"Too long" is PAYMENT_OUTCOME_WITHIN_SECONDS, for all but what a gateway itself needs days for. Each question goes
through a partial index of what is open, so that it costs the same whatever has ended well.

    under_review    the gateway collected another amount: a person has not decided (payments/review.py)
    set_aside       it could not be booked: nobody has replayed the dead letter
    not_booked      a try is paid, and its payment is neither settled nor under review. No code does that
    unclaimed       a gateway told us of money that is nobody's, after every look (for STRANGER_DAYS: often it is
                    another system's that shares the account)
    refund_waiting  a refund was promised, and its gateway has not taken it; or it has, and needs more than REFUND_DAYS
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.snapshot import Snapshot

log = structlog.get_logger(__name__)

# So many are named; all are counted.
NAMED = 20
STRANGER_DAYS = 7
# Banks take a week or more for the way back to a card.
REFUND_DAYS = 10
# How far back ended payments are looked at each time; `prove_money` looks at all.
LOOK_BACK_DAYS = 7
# What gateways call paid, in their hints; a signed event's facts say it in our word.
_PAID_WORDS = (
    *("SUCCESSFUL", "SUCCESS", "PAID", "CAPTURED"),
    *("PAYMENT.CAPTURED", "ORDER.PAID", "PAYMENT_LINK.PAID", "PAYMENT_SUCCESS_WEBHOOK"),
)

# Each returns a row for each place, oldest first: how many there are in all, and its name.
_QUESTIONS = {
    "under_review": """
        SELECT count(*) OVER (), format('payment %%s: %%s', id, problem) FROM payments_payment
        WHERE state = 'REVIEW' AND finished_at < %(late)s ORDER BY id LIMIT %(named)s
    """,
    "set_aside": """
        SELECT count(*) OVER (), format('payment %%s: %%s', payment_id, left(reason, 200)) FROM payments_deadletter
        WHERE replayed_at IS NULL AND created_at < %(late)s ORDER BY id LIMIT %(named)s
    """,
    "not_booked": """
        WITH unpaid AS (
            SELECT id, state FROM payments_payment
            WHERE state IN ('FAILED', 'EXPIRED', 'CANCELLED') AND finished_at < %(late)s
              AND finished_at > %(look_back)s
            UNION ALL
            SELECT id, state FROM payments_payment
            WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING') AND queued_at < %(late)s
        )
        SELECT count(*) OVER (), format('payment %%s is %%s, its try %%s is paid', unpaid.id, unpaid.state, number)
        FROM unpaid JOIN payments_paymentattempt attempt ON attempt.payment_id = unpaid.id AND attempt.state = 'PAID'
        ORDER BY unpaid.id LIMIT %(named)s
    """,
    "unclaimed": """
        SELECT count(*) OVER (), format('event %%s of %%s: %%s %%s', id, gateway, word, transaction_id)
        FROM payments_webhookevent
        WHERE state = 'UNCLAIMED' AND received_at < %(late)s
          AND received_at > %(stranger)s
          AND (upper(word) = ANY(%(paid)s) OR upper(facts #>> '{status,outcome}') = 'PAID')
        ORDER BY id LIMIT %(named)s
    """,
    "refund_waiting": """
        SELECT count(*) OVER (), format('refund %%s of payment %%s is %%s', id, payment_id, state) FROM payments_refund
        WHERE next_attempt_at IS NOT NULL AND (
            (state IN ('QUEUED', 'REQUESTED') AND created_at < %(late)s)
            OR (state = 'PENDING' AND created_at < %(refund)s))
        ORDER BY id LIMIT %(named)s
    """,
}
KINDS = tuple(_QUESTIONS)


@dataclass(frozen=True, slots=True)
class Stuck:
    """How many of a kind there are, and the first of them by name."""

    count: int
    places: tuple[str, ...]


def read_stuck() -> dict[str, Stuck]:
    """Every kind, also those of which there is none."""
    found = {}
    with connection.cursor() as cursor:
        for kind, question in _QUESTIONS.items():
            cursor.execute(question, _values())
            rows = cursor.fetchall()
            found[kind] = Stuck(rows[0][0] if rows else 0, tuple(row[1] for row in rows))
    return found


def _values() -> dict[str, Any]:
    now = clock.now()
    return {
        "late": now - timedelta(seconds=settings.PAYMENT_OUTCOME_WITHIN_SECONDS),
        "look_back": now - timedelta(days=LOOK_BACK_DAYS),
        "stranger": now - timedelta(days=STRANGER_DAYS),
        "refund": now - timedelta(days=REFUND_DAYS),
        "paid": list(_PAID_WORDS),
        "named": NAMED,
    }


def report_stuck() -> int:
    """Write an error for each kind of which there is one, with its places. Returns how many there are in all."""
    found = read_stuck()
    for kind, stuck in found.items():
        if stuck.count:
            log.error("captured money has no outcome", kind=kind, count=stuck.count, places=stuck.places)
    return sum(stuck.count for stuck in found.values())


stuck = Snapshot(read_stuck, seconds=5.0)
