"""What lies in our tables before a benchmark: a shop, buyers with full carts, payments that wait for their money.

All of it by SQL, as the API would have written it; nobody measures how it is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

LINES = 3  # of a cart: dishes that lie next to each other in the menu, so no cart names one twice
STOCK = 100_000_000
PRICE_MINOR = 1_000

Database = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payment that the gateway has accepted, and of which a webhook is to tell."""

    payment: int
    transaction: str
    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody whose cart is full."""

    user: int
    token: str
    phone: str


def make_shop(database: Database, currency: str, *, dishes: int) -> list[int]:
    """A shop whose menu has so many dishes. Returns their ids, which follow one another."""
    rows = database.execute(
        """
        WITH shop AS (
            INSERT INTO orders_shop (name, currency, is_open) VALUES ('shop ' || gen_random_uuid(), %s, true)
            RETURNING id
        )
        INSERT INTO orders_product
            (shop_id, name, price_minor, is_active, stock_start, stock_on_hand, stock_reserved, stock_sold)
        SELECT shop.id, 'dish ' || number, %s, true, %s, %s, 0, 0 FROM shop, generate_series(1, %s) number
        RETURNING id
        """,
        (currency, PRICE_MINOR, STOCK, STOCK, dishes),
    ).fetchall()
    return sorted(row[0] for row in rows)


def make_buyers(database: Database, count: int, currency: str) -> list[Buyer]:
    """New customers, each with a token and a phone number of their own."""
    first = "9" if currency == "INR" else "677"
    width = 9 if currency == "INR" else 6
    rows = database.execute(
        """
        WITH people AS (
            INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                                   date_joined)
            SELECT 'buyer' || gen_random_uuid(), '!', false, false, true, '', '', '', now()
            FROM generate_series(1, %s) RETURNING id
        ), tokens AS (
            INSERT INTO authtoken_token (key, user_id, created)
            SELECT md5(id || gen_random_uuid()::text), id, now() FROM people RETURNING user_id, key
        )
        SELECT user_id, key FROM tokens ORDER BY user_id
        """,
        (count,),
    ).fetchall()
    return [Buyer(user, token, f"{first}{user % 10**width:0{width}d}") for user, token in rows]


def fill_carts(database: Database, buyers: Sequence[Buyer], dishes: Sequence[int], *, hot: bool = False) -> None:
    """Put LINES dishes into each cart, evenly over the menu. `hot`: the first dish is in every one."""
    database.execute(
        """
        INSERT INTO orders_cartitem (user_id, product_id, quantity)
        SELECT buyer.id, (%(dishes)s::bigint[])[CASE WHEN line = 0 AND %(hot)s THEN 1
                                                     ELSE 2 + (buyer.number * 7 + line) %% (%(count)s - 1) END], 1
        FROM unnest(%(users)s::bigint[]) WITH ORDINALITY AS buyer(id, number), generate_series(0, %(lines)s - 1) line
        """,
        {
            "users": [buyer.user for buyer in buyers],
            "dishes": list(dishes),
            "lines": LINES,
            "hot": hot,
            "count": len(dishes),
        },
    )


def make_waiting(database: Database, buyers: Sequence[Buyer], dishes: Sequence[int], gateway: str) -> list[Waiting]:
    """One payment in PENDING for each buyer: ordered, reserved, its try accepted by this gateway."""
    with database.transaction():
        fill_carts(database, buyers, dishes)
        users = [buyer.user for buyer in buyers]
        database.execute(_ORDERS, {"users": users})
        rows = database.execute(_PAYMENTS, {"users": users, "gateway": gateway}).fetchall()
    database.execute("ANALYZE")
    return [Waiting(*row) for row in rows]


_ORDERS = """
    WITH placed AS (
        INSERT INTO orders_order (user_id, shop_id, state, total_minor, currency, placed_at)
        SELECT line.user_id, product.shop_id, 'PLACED', sum(line.quantity * product.price_minor), shop.currency, now()
        FROM orders_cartitem line JOIN orders_product product ON product.id = line.product_id
             JOIN orders_shop shop ON shop.id = product.shop_id
        WHERE line.user_id = ANY(%(users)s) AND line.order_id IS NULL
        GROUP BY line.user_id, product.shop_id, shop.currency
        RETURNING id, user_id
    ), held AS (
        UPDATE orders_cartitem line SET order_id = placed.id FROM placed
        WHERE line.user_id = placed.user_id AND line.order_id IS NULL
        RETURNING line.order_id, line.product_id, line.quantity
    ), items AS (
        INSERT INTO orders_orderitem (order_id, product_id, name, unit_price_minor, quantity, state)
        SELECT held.order_id, product.id, product.name, product.price_minor, held.quantity, 'RESERVED'
        FROM held JOIN orders_product product ON product.id = held.product_id
        RETURNING product_id, quantity
    )
    UPDATE orders_product product
    SET stock_on_hand = stock_on_hand - taken.quantity, stock_reserved = stock_reserved + taken.quantity
    FROM (SELECT product_id, sum(quantity) AS quantity FROM items GROUP BY product_id) taken
    WHERE product.id = taken.product_id
"""
_PAYMENTS = """
    WITH started AS (
        INSERT INTO payments_payment
            (user_id, kind, order_id, gateway, by_link, phone, amount_minor, currency, priority, state, failure_code,
             problem, attempts_made, checks_made, queued_at, published_at, next_attempt_at, requested_at, asked_at,
             pending_at, next_check_at, expires_at)
        SELECT user_id, 'ORDER', id, %(gateway)s, false,
               CASE currency WHEN 'INR' THEN '9' || lpad((user_id %% 1000000000)::text, 9, '0')
                             ELSE '677' || lpad((user_id %% 1000000)::text, 6, '0') END,
               total_minor, currency, 1, 'PENDING', '', '', 1, 0, now(), now(), now(), now(), now(), now(),
               now() + interval '1 hour', now() + interval '2 hours'
        FROM orders_order WHERE user_id = ANY(%(users)s) AND state = 'PLACED'
        RETURNING id, gateway, amount_minor
    ), asked AS (
    INSERT INTO payments_paymentattempt
        (payment_id, number, reference, gateway, state, transaction_id, link, instructions, collected_currency,
         started_at, ended_at, http_status, latency_ms, request, response, problem)
    SELECT id, 1, gen_random_uuid(), gateway, 'ACCEPTED', 'order_' || lpad(id::text, 14, '0'), '', '', '', now(),
           now(), 200, 50, '{}', '{}', ''
    FROM started
    RETURNING payment_id, transaction_id, reference
    )
    SELECT payment_id, transaction_id, reference::text, amount_minor FROM asked JOIN started ON id = payment_id
    ORDER BY payment_id
"""
