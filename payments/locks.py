"""The only place of this app that locks or claims rows.

The order of locks everywhere: payments, orders, cart lines, products, wallet accounts; within each by ascending id.
A claim is one statement that takes rows and moves their due time ahead: nobody else finds them until it has passed,
and if the claimer dies they come up again by themselves. MATERIALIZED, because a subquery with a LIMIT inside an UPDATE
may be run more than once, and then takes more rows than it may.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.failpoints import commits
from choptym.lib.plain_rows import PlainRows
from payments.models import Payment
from payments.states import ASKED_ATTEMPTS, MAY_CHARGE, AttemptState, EventState, PaymentState

_PAYMENTS = PlainRows(Payment)
_LOCK = f"SELECT {_PAYMENTS.columns} FROM payments_payment WHERE id = ANY(%(payments)s) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608
# The first part of a statement that goes on with one payment: it is locked, if it is in one of these states.
LOCK_IN_STATE = """
    SELECT id FROM payments_payment WHERE id = %(payment)s AND state = ANY(%(states)s) FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment whose turn it is: everything that the gateway call needs, so that no row is read during it."""

    payment_id: int
    attempt_id: int
    reference: str
    gateway: str
    by_link: bool
    phone: str
    amount_minor: int
    currency: str
    order_id: int | None
    attempts_made: int
    email: str
    priority: int
    waited_seconds: float  # from checkout until a gateway was first asked


@dataclass(frozen=True, slots=True)
class Check:
    """A payment whose gateway is to be asked, with the attempt to ask about (None: there is nothing to ask)."""

    payment_id: int
    state: str
    by_link: bool
    checks_made: int
    queued_at: datetime
    attempt_id: int | None
    attempt_state: str
    reference: str
    transaction_id: str
    started_at: datetime | None
    leased_until: datetime
    phone: str


@dataclass(frozen=True, slots=True)
class Look:
    """A webhook event to be matched with its payment."""

    event_id: int
    gateway: str
    transaction_id: str
    reference: str
    looks: int
    received_at: datetime


def lock_payments(payment_ids: Sequence[int]) -> list[Payment]:
    """These payments, locked until the caller's transaction ends."""
    return [_PAYMENTS.row(row) for row in _fetch(_LOCK, {"payments": list(payment_ids)})]


@commits("charge.claim")
def claim_charge(payment_id: int, gateway: str) -> Charge | None:
    """QUEUED → REQUESTED, with the row of the try, before the call. None: not due there, or somebody else has it.

    From here on only the gateway knows what happened; should this process die, the payment is asked about once
    PAYMENT_LEASE_SECONDS have passed. Commits by itself.
    """
    rows = _fetch(
        """
        WITH claimed AS (
            UPDATE payments_payment SET state = %(requested)s, attempts_made = attempts_made + 1,
                   requested_at = coalesce(requested_at, now()), asked_at = now(),
                   next_check_at = now() + make_interval(secs => %(lease)s), checks_made = 0
            WHERE id = %(payment)s AND gateway = %(gateway)s AND state = %(queued)s
              AND next_attempt_at <= now() AND expires_at > now()
              AND NOT EXISTS (SELECT FROM payments_paymentattempt
                              WHERE payment_id = %(payment)s AND state = ANY(%(may_charge)s)) RETURNING *
        ), started AS (
            INSERT INTO payments_paymentattempt
                (payment_id, number, reference, gateway, state, transaction_id, link, instructions,
                 collected_currency, started_at, request, response, problem)
            SELECT id, 1 + (SELECT count(*) FROM payments_paymentattempt WHERE payment_id = %(payment)s),
                   gen_random_uuid(), gateway, %(started)s, '', '', '', '', now(), '{}', '{}', ''
            FROM claimed RETURNING id, payment_id, reference
        )
        SELECT claimed.id, started.id, started.reference::text, claimed.gateway, claimed.by_link, claimed.phone,
               claimed.amount_minor, claimed.currency, claimed.order_id, claimed.attempts_made, auth_user.email,
               claimed.priority, extract(epoch FROM claimed.requested_at - claimed.queued_at)::float8
        FROM claimed JOIN started ON started.payment_id = claimed.id JOIN auth_user ON auth_user.id = claimed.user_id
        """,
        {
            "payment": payment_id,
            "gateway": gateway,
            "lease": settings.PAYMENT_LEASE_SECONDS,
            "may_charge": list(MAY_CHARGE),
            "queued": PaymentState.QUEUED,
            "requested": PaymentState.REQUESTED,
            "started": AttemptState.STARTED,
        },
    )
    return Charge(*rows[0]) if rows else None


@commits("confirm.claim")
def claim_checks(gateway: str, limit: int) -> list[Check]:
    """Up to `limit` payments of this gateway whose status is due, each with its open attempt. Commits by itself."""
    rows = _fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM payments_payment WHERE gateway = %(gateway)s AND next_check_at <= now()
            ORDER BY next_check_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE payments_payment payment
            SET next_check_at = now() + make_interval(secs => %(lease)s), checks_made = checks_made + 1
            FROM due WHERE payment.id = due.id
            RETURNING payment.id, payment.state, payment.by_link, payment.checks_made, payment.queued_at,
                      payment.next_check_at, payment.phone
        )
        SELECT claimed.id, claimed.state, by_link, checks_made, queued_at, attempt.id, coalesce(attempt.state, ''),
               coalesce(attempt.reference::text, ''), coalesce(attempt.transaction_id, ''), attempt.started_at,
               next_check_at, phone
        FROM claimed LEFT JOIN LATERAL (
            -- The open one; else the last that failed, for the gateway may change its mind.
            SELECT * FROM payments_paymentattempt
            WHERE payment_id = claimed.id AND state = ANY(%(asked)s)
            ORDER BY state = %(not_paid)s, number DESC LIMIT 1
        ) attempt ON true
        """,
        {
            "gateway": gateway,
            "limit": limit,
            "lease": settings.PAYMENT_LEASE_SECONDS,
            "asked": list(ASKED_ATTEMPTS),
            "not_paid": AttemptState.NOT_PAID,
        },
    )
    return [Check(*row) for row in rows]


@commits("events.claim")
def claim_events(gateway: str, limit: int) -> list[Look]:
    """Up to `limit` new webhook events of this gateway. Commits by itself."""
    return _claim_looks(gateway, EventState.NEW, limit)


@commits("strangers.claim")
def claim_strangers(gateway: str, limit: int) -> list[Look]:
    """Up to `limit` parked events of this gateway that are due to be looked at again. Commits by itself."""
    return _claim_looks(gateway, EventState.PARKED, limit)


def _claim_looks(gateway: str, state: EventState, limit: int) -> list[Look]:
    rows = _fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM payments_webhookevent
            WHERE gateway = %(gateway)s AND state = %(state)s AND next_look_at <= now()
            ORDER BY next_look_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payments_webhookevent event
        SET looks = looks + 1, next_look_at = now() + make_interval(secs => %(lease)s)
        FROM due WHERE event.id = due.id
        RETURNING event.id, gateway, transaction_id, reference, looks, received_at
        """,
        {"gateway": gateway, "limit": limit, "lease": settings.PAYMENT_LEASE_SECONDS, "state": state},
    )
    return [Look(*row) for row in rows]


@commits("charge.take_in_hand")
def take_in_hand(
    *, priority: int, taken_before: datetime, limits: Mapping[str, int], most: int
) -> list[tuple[Any, ...]]:
    """Up to `most` due payments of this priority that nobody has had in hand since `taken_before`.

    So many of each gateway as `limits` says; of all gateways that it does not name, as many as it says for "". The
    oldest of each gateway first, and the gateways in turn. As payments.turn.Waiting holds them. Commits by itself.
    """
    return _fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT oldest.id FROM unnest(%(names)s::text[], %(limits)s::int[]) AS allowed(name, most)
            CROSS JOIN LATERAL (
                SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
                    SELECT id FROM payments_payment
                    WHERE state = %(queued)s AND priority = %(priority)s
                      AND (gateway = allowed.name OR (allowed.name = '' AND gateway <> ALL(%(names)s::text[])))
                      AND next_attempt_at <= now() AND expires_at > now()
                      AND (published_at IS NULL OR published_at < %(taken_before)s)
                    ORDER BY id LIMIT least(allowed.most, %(most)s) FOR NO KEY UPDATE SKIP LOCKED
                ) found
            ) oldest
            ORDER BY oldest.place, oldest.id LIMIT %(most)s
        )
        UPDATE payments_payment payment SET published_at = now() FROM due WHERE payment.id = due.id
        RETURNING payment.id, gateway, by_link, phone, amount_minor, currency, priority, queued_at
        """,
        {
            "queued": PaymentState.QUEUED,
            "priority": priority,
            "taken_before": taken_before,
            "names": list(limits),
            "limits": list(limits.values()),
            "most": most,
        },
    )


@commits("charge.postpone")
def postpone_charge(payment_id: int, gateway: str, *, seconds: float) -> None:
    """A payment that waits at this gateway is due again after `seconds`; it is in nobody's hand. Commits by itself."""
    Payment.objects.filter(pk=payment_id, gateway=gateway, state=PaymentState.QUEUED).update(
        next_attempt_at=clock.now() + timedelta(seconds=seconds), published_at=None
    )


@commits("charge.move")
def move_to_gateway(payment_id: int, gateway: str, to: str) -> bool:
    """Let a payment that waits at `gateway` wait at `to`, and note it. Commits by itself.

    False: it does not wait there any more, or a try of it may have charged.
    """
    rows = _fetch(
        """
        WITH moved AS (
            UPDATE payments_payment SET gateway = %(to)s
            WHERE id = %(payment)s AND gateway = %(gateway)s AND state = %(queued)s
              AND NOT EXISTS (SELECT 1 FROM payments_paymentattempt
                              WHERE payment_id = %(payment)s AND state = ANY(%(may_charge)s))
            RETURNING id
        )
        INSERT INTO payments_detour (payment_id, from_gateway, to_gateway, moved_at)
        SELECT id, %(gateway)s, %(to)s, clock_timestamp() FROM moved
        RETURNING id
        """,
        {
            "payment": payment_id,
            "gateway": gateway,
            "to": to,
            "queued": PaymentState.QUEUED,
            "may_charge": list(MAY_CHARGE),
        },
    )
    return bool(rows)


@commits("confirm.release")
def release_checks(checks: Sequence[Check], *, seconds: float) -> None:
    """Give claimed checks back, due again after `seconds`; those that became due meanwhile stay so."""
    _fetch(
        """
        UPDATE payments_payment payment SET next_check_at = now() + make_interval(secs => %(seconds)s)
        FROM unnest(%(ids)s::bigint[], %(leases)s::timestamptz[]) AS given_back(id, lease)
        WHERE payment.id = given_back.id AND payment.next_check_at = given_back.lease
        RETURNING payment.id
        """,
        {
            "ids": [check.payment_id for check in checks],
            "leases": [check.leased_until for check in checks],
            "seconds": seconds,
        },
    )


def try_lock_key(user_id: int, key: str) -> bool:
    """Hold this customer's idempotency key until the caller's transaction ends. False: a first request is running."""
    query = "SELECT pg_try_advisory_xact_lock(hashtextextended(%(key)s, %(user)s))"
    return bool(_fetch(query, {"key": key, "user": user_id})[0][0])


def _fetch(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
