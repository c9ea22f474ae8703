"""Everything that stands in the tables about the customers of one example, read in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from payments.events import LOOK_AGAIN_SECONDS

_QUERY = """
WITH mine AS MATERIALIZED (SELECT * FROM payments_payment WHERE user_id = ANY(%(users)s)),
     orders AS MATERIALIZED (SELECT * FROM orders_order WHERE user_id = ANY(%(users)s)),
     accounts AS MATERIALIZED (SELECT * FROM wallets_account WHERE user_id = ANY(%(users)s))
SELECT json_build_object(
    'payments', (SELECT json_agg(json_build_object(
        'id', id, 'user', user_id, 'order', order_id, 'gateway', gateway, 'by_link', by_link, 'amount', amount_minor,
        'state', state, 'attempts_made', attempts_made, 'has_check', next_check_at IS NOT NULL,
        'age', extract(epoch FROM now() - queued_at), 'ended_for', extract(epoch FROM now() - finished_at))
        ORDER BY id) FROM mine),
    'attempts', (SELECT json_agg(json_build_object(
        'id', attempt.id, 'payment', payment_id, 'number', number, 'reference', reference, 'state', attempt.state,
        'gateway', attempt.gateway, 'transaction', transaction_id, 'collected', collected_minor) ORDER BY attempt.id)
        FROM payments_paymentattempt attempt JOIN mine ON mine.id = attempt.payment_id),
    'refunds', (SELECT json_agg(json_build_object(
        'id', refund.id, 'payment', payment_id, 'attempt', attempt_id, 'gateway', refund.gateway, 'way', way,
        'source', source, 'state', refund.state, 'amount', refund.amount_minor, 'reference', reference,
        'gateway_refund', gateway_refund_id, 'asked_for', extract(epoch FROM now() - refund.requested_at),
        'problem', refund.problem) ORDER BY refund.id)
        FROM payments_refund refund JOIN mine ON mine.id = refund.payment_id),
    'orders', (SELECT json_agg(json_build_object(
        'id', id, 'user', user_id, 'state', state, 'total', total_minor) ORDER BY id) FROM orders),
    'items', (SELECT json_agg(json_build_object(
        'order', order_id, 'product', product_id, 'quantity', quantity, 'state', item.state))
        FROM orders_orderitem item JOIN orders ON orders.id = item.order_id),
    'held', (SELECT json_agg(json_build_object('order', order_id, 'product', product_id, 'quantity', quantity))
        FROM orders_cartitem WHERE user_id = ANY(%(users)s) AND order_id IS NOT NULL),
    'products', (SELECT json_agg(json_build_object(
        'id', id, 'start', stock_start, 'on_hand', stock_on_hand, 'reserved', stock_reserved, 'sold', stock_sold))
        FROM orders_product WHERE id = ANY(%(products)s)),
    'wallets', (SELECT json_object_agg(user_id, balance_minor) FROM accounts),
    'entries', (SELECT json_agg(json_build_object(
        'reason', reason, 'amount', entry.amount_minor,
        'from', coalesce(debit.user_id, 0), 'to', coalesce(credit.user_id, 0)))
        FROM wallets_entry entry JOIN wallets_account debit ON debit.id = debit_id
        JOIN wallets_account credit ON credit.id = credit_id
        WHERE debit_id IN (SELECT id FROM accounts) OR credit_id IN (SELECT id FROM accounts)),
    'told', (SELECT json_agg(json_build_object('about', about, 'kind', kind))
        FROM notifications_notification WHERE user_id = ANY(%(users)s)),
    'set_aside', (SELECT json_agg(reason) FROM payments_deadletter WHERE payment_id IN (SELECT id FROM mine)),
    -- What goes back of money that a person has to decide about waits for as long as they take.
    'waiting_events', (SELECT count(*) FROM payments_webhookevent event
        WHERE next_look_at IS NOT NULL AND NOT (looks > %(looks)s AND EXISTS (
            SELECT FROM payments_paymentattempt attempt JOIN payments_payment payment ON payment.id = payment_id
            WHERE attempt.gateway = event.gateway
              AND (attempt.transaction_id = nullif(event.transaction_id, '')
                   OR attempt.reference::text = event.reference
                   OR attempt.gateway_payment_id = nullif(event.facts->'refund'->>'gateway_payment_id', ''))
              AND (payment.state = 'REVIEW' OR payment.id IN (
                   SELECT payment_id FROM payments_deadletter WHERE replayed_at IS NULL)))))
)
"""

WAITING = {"QUEUED", "REQUESTED", "PENDING"}  # payments and refunds
Row = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """Our rows, and beside them what the sandbox has in its books, by our reference of the try."""

    payments: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    held: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    wallets: dict[str, int] = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)
    told: list[Row] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    waiting_events: int = 0
    books: list[Row] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left that time alone would bring up again."""
        is_waiting = any(row["has_check"] or row["state"] in WAITING for row in self.payments)
        return not (is_waiting or self.waiting_events or self.waiting_refunds)

    @property
    def waiting_refunds(self) -> list[Row]:
        return [refund for refund in self.refunds if refund["state"] in WAITING]

    @property
    def sweepers_needed(self) -> list[str]:
        """Those of beat's sweepers that could find anything: the others are spared, for speed alone."""
        is_waiting = any(row["state"] in WAITING for row in self.payments)
        needed = {
            "sweep_charges": any(row["state"] == "QUEUED" for row in self.payments),
            "sweep_events": self.waiting_events > 0,
            "sweep_confirmations": any(row["has_check"] for row in self.payments),
            "expire_payments": is_waiting,
            "sweep_refunds": bool(self.waiting_refunds),
        }
        return [name for name, is_needed in needed.items() if is_needed]

    def attempts_of(self, payment: Row) -> list[Row]:
        return [attempt for attempt in self.attempts if attempt["payment"] == payment["id"]]

    def booked(self, attempt: Row) -> list[Row]:
        """What the sandbox has of this try."""
        return [entry for entry in self.collections if entry["reference"] == attempt["reference"]]

    @property
    def collections(self) -> list[Row]:
        return [entry for entry in self.books if entry["kind"] == "collection"]

    def given_back(self, refund: Row) -> list[Row]:
        """What the sandbox has of this refund."""
        names = {refund["reference"], refund["gateway_refund"]}
        out = [entry for entry in self.books if entry["kind"] != "collection"]
        return [entry for entry in out if names & {entry["reference"], entry["gateway_id"]}]

    def find_attempt(self, reference: str) -> Row | None:
        return next((attempt for attempt in self.attempts if attempt["reference"] == reference), None)

    def find_payment(self, payment_id: int) -> Row:
        return next(payment for payment in self.payments if payment["id"] == payment_id)

    def entry(self, reason: str) -> Row | None:
        return next((entry for entry in self.entries if entry["reason"] == reason), None)


def take_picture(users: Sequence[int], products: Sequence[int], books: list[Row]) -> Picture:
    with connection.cursor() as cursor:
        looks = len(LOOK_AGAIN_SECONDS)
        cursor.execute(_QUERY, {"users": list(users), "products": list(products), "looks": looks})
        [found] = cursor.fetchone()
    return Picture(books=books, **{name: value for name, value in found.items() if value is not None})
