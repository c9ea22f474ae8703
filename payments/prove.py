"""The books against everything else: payments, orders, stock, what is overdue."""

from dataclasses import dataclass

from django.db import connection, transaction

from payments import prove_captures, prove_entries, prove_refunds, prove_tally
from payments.states import PaymentState
from wallets import prove as wallets_prove

STATEMENT_TIMEOUT_MS = 600_000

# Each query returns one row for every break, as text for the reader.
_CHECKS = {
    **prove_captures.CHECKS,
    **prove_refunds.CHECKS,
    **prove_entries.CHECKS,
    **prove_tally.CHECKS,
    "capture_without_settled": """
        SELECT format('entry %s, but payment %s is %s', entry.reason, payment.id, coalesce(payment.state, 'missing'))
        FROM wallets_entry entry
        LEFT JOIN payments_payment payment ON entry.reason = 'payment:' || payment.id || ':capture'
        WHERE entry.reason LIKE 'payment:%:capture' AND payment.state IS DISTINCT FROM 'SETTLED'
    """,
    "paid_order_without_sale": """
        SELECT format('order %s is PAID, its payments posted %s sales', orders.id, count(entry.id))
        FROM orders_order orders
        LEFT JOIN payments_payment payment ON payment.order_id = orders.id
        LEFT JOIN wallets_entry entry ON entry.reason = 'payment:' || payment.id || ':sale'
             AND entry.amount_minor = orders.total_minor AND entry.currency = orders.currency
        WHERE orders.state = 'PAID'
        GROUP BY orders.id HAVING count(entry.id) <> 1
    """,
    "sale_without_paid_order": """
        SELECT format('entry %s, but order %s is %s', entry.reason, orders.id, coalesce(orders.state, 'missing'))
        FROM wallets_entry entry
        LEFT JOIN payments_payment payment ON entry.reason = 'payment:' || payment.id || ':sale'
        LEFT JOIN orders_order orders ON orders.id = payment.order_id
        WHERE entry.reason LIKE 'payment:%:sale' AND orders.state IS DISTINCT FROM 'PAID'
    """,
    "order_total": """
        SELECT format('order %s: total %s, items %s', orders.id, orders.total_minor,
                      sum(item.quantity * item.unit_price_minor))
        FROM orders_order orders JOIN orders_orderitem item ON item.order_id = orders.id
        GROUP BY orders.id HAVING sum(item.quantity * item.unit_price_minor) <> orders.total_minor
    """,
    "payment_amount": """
        SELECT format('payment %s: %s %s, order %s: %s %s', payment.id, payment.amount_minor, payment.currency,
                      orders.id, orders.total_minor, orders.currency)
        FROM payments_payment payment JOIN orders_order orders ON orders.id = payment.order_id
        WHERE payment.amount_minor <> orders.total_minor OR payment.currency <> orders.currency
    """,
    "order_items": """
        SELECT format('item %s of order %s (%s) is %s', item.id, orders.id, orders.state, item.state)
        FROM orders_orderitem item JOIN orders_order orders ON orders.id = item.order_id
        WHERE item.state <> CASE orders.state WHEN 'PAID' THEN 'SOLD' WHEN 'CANCELLED' THEN 'RELEASED'
                                              ELSE 'RESERVED' END
    """,
    "stock": """
        SELECT format('product %s (%s): start %s, on hand %s, reserved %s (orders say %s), sold %s (orders say %s)',
                      product.id, product.name, product.stock_start, product.stock_on_hand,
                      product.stock_reserved, coalesce(sum(item.quantity) FILTER (WHERE item.state = 'RESERVED'), 0),
                      product.stock_sold, coalesce(sum(item.quantity) FILTER (WHERE item.state = 'SOLD'), 0))
        FROM orders_product product LEFT JOIN orders_orderitem item ON item.product_id = product.id
        GROUP BY product.id
        HAVING product.stock_start <> product.stock_on_hand + product.stock_reserved + product.stock_sold
            OR product.stock_on_hand < 0
            OR product.stock_reserved <> coalesce(sum(item.quantity) FILTER (WHERE item.state = 'RESERVED'), 0)
            OR product.stock_sold <> coalesce(sum(item.quantity) FILTER (WHERE item.state = 'SOLD'), 0)
    """,
    "placed_without_payment": """
        SELECT format('order %s is PLACED, but none of its payments can still pay it', orders.id)
        FROM orders_order orders
        WHERE orders.state = 'PLACED' AND NOT EXISTS (
            SELECT 1 FROM payments_payment payment
            WHERE payment.order_id = orders.id AND payment.state IN ('QUEUED', 'REQUESTED', 'PENDING', 'REVIEW'))
    """,
    "two_captures": """
        SELECT format('payment %s has %s paid attempts', payment_id, count(*))
        FROM payments_paymentattempt WHERE state = 'PAID' GROUP BY payment_id HAVING count(*) > 1
    """,
    "capture_not_booked": """
        SELECT format('attempt %s of payment %s collected %s %s, but the payment is %s', attempt.id, payment.id,
                      attempt.collected_minor, attempt.collected_currency, payment.state)
        FROM payments_paymentattempt attempt JOIN payments_payment payment ON payment.id = attempt.payment_id
        WHERE attempt.state = 'PAID' AND payment.state NOT IN ('SETTLED', 'REVIEW')
    """,
    "surplus_not_booked": """
        SELECT format('attempt %s of payment %s collected %s %s, and no wallet was credited', attempt.id,
                      attempt.payment_id, attempt.collected_minor, attempt.collected_currency)
        FROM payments_paymentattempt attempt
        LEFT JOIN wallets_entry entry ON entry.reason = 'attempt:' || attempt.id || ':surplus'
        WHERE attempt.state = 'SURPLUS'
          AND (entry.id IS NULL OR entry.amount_minor IS DISTINCT FROM attempt.collected_minor)
    """,
    "settled_without_message": f"""
        SELECT format('payment %s was settled, but nobody was told', payment.id)
        FROM payments_payment payment
        WHERE payment.state = 'SETTLED' AND payment.phone <> ''
          AND payment.settled_at > now() - {prove_refunds.TOLD_WITHIN} AND NOT EXISTS (
            SELECT 1 FROM notifications_notification message WHERE message.about = 'payment:' || payment.id
               AND message.kind IN ('payment_settled', 'payment_settled_late', 'payment_accepted',
                                    'payment_credited', 'payment_returned', 'wallet_topped_up', 'wallet_credited'))
          AND NOT EXISTS (SELECT 1 FROM notifications_preference wish
                          WHERE wish.user_id = payment.user_id AND NOT wish.by_sms)
    """,  # noqa: S608 - a number of days
    "overdue": """
        SELECT format('payment %s is %s: due at %s, asked about at %s', id, state, next_attempt_at, next_check_at)
        FROM payments_payment
        WHERE (state = 'QUEUED' AND expires_at < now() - interval '5 minutes')
           OR (state IN ('REQUESTED', 'PENDING') AND expires_at < now() - interval '5 minutes')
           OR next_check_at < now() - interval '5 minutes'
           OR (state IN ('REQUESTED', 'PENDING') AND next_check_at IS NULL)
    """,
    "set_aside": """
        SELECT format('payment %s: %s', payment_id, reason) FROM payments_deadletter WHERE replayed_at IS NULL
    """,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found: each kind of break with its places, and how many payments have not come to an end."""

    breaks: dict[str, list[str]]
    unfinished: int


def prove_books() -> Proof:
    """Check everything at one moment: a payment that settles meanwhile is seen either wholly or not at all.

    Commits: nothing; it only reads, in a transaction of its own that may take minutes on large tables.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        return Proof(find_breaks(), unfinished())


def find_breaks() -> dict[str, list[str]]:
    """Each kind of break that is there, with its places, of the wallets' books too. In the caller's transaction."""
    breaks = wallets_prove.find_breaks()
    with connection.cursor() as cursor:
        for name, query in _CHECKS.items():
            cursor.execute(query)
            if rows := [row[0] for row in cursor.fetchall()]:
                breaks[name] = rows
    return breaks


def unfinished() -> int:
    """How many payments have not come to an end."""
    with connection.cursor() as cursor:
        waiting = [PaymentState.QUEUED, PaymentState.REQUESTED, PaymentState.PENDING]
        cursor.execute("SELECT count(*) FROM payments_payment WHERE state = ANY(%s)", [waiting])
        return int(cursor.fetchone()[0])
