"""Looking for what waits costs the same with a long past behind it, however often it is done (docs/adr/0046)."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from notifications.locks import claim_notifications
from notifications.tasks import _is_due
from payments import hand_out, locks, progress, selectors, stats
from payments.alerts import figures
from payments.states import EventState
from tests.factories import make_payment

pytestmark = pytest.mark.django_db

PAST = 100_000
# More often than a session needs to plan a statement for any values.
TIMES = 12
BIG = ("payments_payment", "payments_webhookevent", "notifications_notification")
LOOKS: dict[str, Callable[[], object]] = {
    "payments that are overdue": partial(selectors.overdue_payments, 200),
    "gateways to ask": selectors.gateways_to_ask,
    "new events": partial(selectors.gateways_with_events, EventState.NEW),
    "parked events": partial(selectors.gateways_with_events, EventState.PARKED),
    "queues with charges": hand_out.queues_with_charges,
    "messages": _is_due,
    "the line": progress._read_line,
    "a claim of events": partial(locks.claim_events, "fapshi", 100),
    "a claim of parked events": partial(locks.claim_strangers, "fapshi", 100),
    "a claim of checks": partial(locks.claim_checks, "fapshi", 100),
    "a claim of messages": partial(claim_notifications, 50),
    "charges to hand out": partial(hand_out.in_hand, 1, 10),
    "counts": stats.read_counts,
    "length of the queue": figures.queue_length,
    "the oldest that waits": figures.oldest_waiting,
}


def make_past() -> None:
    """Many payments of long ago, each with its event and message."""
    payment = make_payment()
    with connection.cursor() as cursor:
        cursor.execute(_PAST, {"payment": payment.pk, "count": PAST})
        for table in BIG:
            cursor.execute(f"ANALYZE {table}")


def scans() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)", [list(BIG)])
        return dict(cursor.fetchall())


def test_no_look_reads_the_past() -> None:
    make_past()
    readers = []

    for name, look in LOOKS.items():
        before = scans()
        for _ in range(TIMES):
            look()
        if scans() != before:
            readers.append(name)

    assert readers == []


_PAST = """
    WITH past AS (
        INSERT INTO payments_payment
            (user_id, kind, gateway, by_link, phone, amount_minor, currency, priority, state, failure_code, problem,
             attempts_made, checks_made, queued_at, next_attempt_at, requested_at, expires_at, finished_at, settled_at)
        SELECT user_id, 'TOPUP', gateway, false, phone, 5000, 'XAF', priority, 'SETTLED', '', '', 1, 1, at, at, at, at,
               at, at
        FROM payments_payment, generate_series(1, %(count)s) number,
             LATERAL (SELECT now() - interval '20 days' + number * interval '1 minute' AS at) moment
        WHERE id = %(payment)s RETURNING id, user_id, queued_at
    ), events AS (
        INSERT INTO payments_webhookevent
            (gateway, key, transaction_id, reference, word, payload, facts, state, payment_id, received_at, looks,
             problem)
        SELECT 'fapshi', 'past' || id, 'past' || id, '', '', '{}', '{}', 'MATCHED', id, queued_at, 1, '' FROM past
    )
    INSERT INTO notifications_notification
        (user_id, kind, about, channel, language, address, context, state, next_attempt_at, attempts, problem,
         created_at, sent_at)
    SELECT user_id, 'wallet_topped_up', 'payment:' || id, 'sms', 'fr', '677000000', '{}', 'SENT', queued_at, 1, '',
           queued_at, queued_at
    FROM past
"""
