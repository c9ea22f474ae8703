"""Most charges end so: the gateway has taken the try up. One statement writes all of it down, and commits by itself.

PostgreSQL reads a row anew after it has waited for it: what is found by the old state and has moved on meanwhile is
left alone, and times are compared with what others have written by then.
"""

import json
from typing import Any

from django.db import connection

from choptym.lib.failpoints import commits
from choptym.lib.states import sources_of
from payments.gateways.base import Accepted
from payments.locks import LOCK_IN_STATE, Charge
from payments.states import ATTEMPT_MOVES, PAYMENT_MOVES, AttemptState, PaymentState

_ACCEPT = f"""
    WITH locked AS MATERIALIZED ({LOCK_IN_STATE}), accepted AS (
        UPDATE payments_paymentattempt attempt
        SET state = %(accepted)s, ended_at = now(), link = %(link)s, instructions = %(instructions)s,
            transaction_id = CASE WHEN transaction_id = '' THEN %(transaction)s ELSE transaction_id END,
            http_status = %(status)s, latency_ms = %(latency)s,
            request = %(request)s::jsonb, response = %(response)s::jsonb
        FROM locked
        WHERE attempt.id = %(attempt)s AND attempt.payment_id = locked.id AND state = ANY(%(tries)s)
          AND (%(transaction)s = '' OR NOT EXISTS (
              SELECT FROM payments_paymentattempt other
              WHERE other.gateway = attempt.gateway AND other.transaction_id = %(transaction)s
                AND other.id <> attempt.id))
        RETURNING payment_id
    )
    UPDATE payments_payment payment
    SET state = %(pending)s, pending_at = now(),
        next_check_at = least(next_check_at, now() + make_interval(secs => %(poll)s))
    FROM accepted WHERE payment.id = accepted.payment_id
    """  # noqa: S608


@commits("charge.accepted")
def accept(charge: Charge, accepted: Accepted, *, poll_seconds: float) -> bool:
    """The try is ACCEPTED with what was said, the payment PENDING and asked about after `poll_seconds`, or before.

    False, and nothing is changed: one of them had moved on, or the gateway gave an id that another try has.
    Commits by itself. Locks: payment, then its attempt.
    """
    exchange = accepted.exchange
    if exchange is None:
        return False
    values: dict[str, Any] = {
        "payment": charge.payment_id,
        "states": sources_of(PaymentState.PENDING, PAYMENT_MOVES),
        "attempt": charge.attempt_id,
        "tries": sources_of(AttemptState.ACCEPTED, ATTEMPT_MOVES),
        "accepted": AttemptState.ACCEPTED,
        "pending": PaymentState.PENDING,
        "transaction": accepted.transaction_id,
        "link": accepted.link,
        "instructions": accepted.instructions,
        "status": exchange.http_status,
        "latency": exchange.latency_ms,
        "request": json.dumps(dict(exchange.request)),
        "response": json.dumps(dict(exchange.response)),
        "poll": poll_seconds,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPT, values)
        return bool(cursor.rowcount == 1)
