"""Past payments: paid, delivered, told of and forgotten, with all their rows, spread over the last weeks. By SQL."""

from collections.abc import Callable

from tests.bench.goods import Database

CHUNK = 50_000
BUYERS = 20_000


def make_history(database: Database, count: int, dishes: list[int], say: Callable[[str], None]) -> None:
    """So many payments of the past, each with its order, item, try, event, entries, and message."""
    database.execute(_BUYERS, [BUYERS])
    database.execute(_ACCOUNTS)
    for made in range(0, count, CHUNK):
        say(f"history: {made} of {count} payments")
        database.execute(_HISTORY, {"count": min(CHUNK, count - made), "dish": dishes[0], "seed": made})
    database.execute("VACUUM ANALYZE")


_BUYERS = """
    INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                           date_joined)
    SELECT 'past' || number, '!', false, false, true, '', '', '', now() FROM generate_series(1, %s) number
"""
_ACCOUNTS = """
    INSERT INTO wallets_account (name, currency, user_id, balance_minor, opened_at)
    SELECT 'customer:' || id, 'XAF', id, 0, now() FROM auth_user WHERE username LIKE 'past%'
    UNION ALL VALUES ('gateway:fapshi', 'XAF', NULL::int, NULL::bigint, now()), ('sales', 'XAF', NULL, NULL, now())
    ON CONFLICT DO NOTHING
"""
_HISTORY = """
    WITH past AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY id) AS number FROM auth_user WHERE username LIKE 'past%%'
    ), dish AS (
        SELECT id, shop_id, name, price_minor FROM orders_product WHERE id = %(dish)s
    ), bought AS (
        INSERT INTO orders_order (user_id, shop_id, state, total_minor, currency, placed_at, paid_at)
        SELECT past.id, dish.shop_id, 'PAID', dish.price_minor, 'XAF', at, at + interval '5 seconds'
        FROM generate_series(%(seed)s + 1, %(seed)s + %(count)s) made
             JOIN past ON past.number = 1 + made %% (SELECT count(*) FROM past),
             LATERAL (SELECT now() - interval '20 days' + made * interval '1 second' AS at) moment, dish
        RETURNING id, user_id, total_minor, placed_at
    ), items AS (
        INSERT INTO orders_orderitem (order_id, product_id, name, unit_price_minor, quantity, state)
        SELECT bought.id, dish.id, dish.name, dish.price_minor, 1, 'SOLD' FROM bought, dish
    ), sold AS (
        UPDATE orders_product product
        SET stock_on_hand = stock_on_hand - %(count)s, stock_sold = stock_sold + %(count)s
        WHERE id = %(dish)s
    ), paid AS (
        INSERT INTO payments_payment
            (user_id, kind, order_id, gateway, by_link, phone, amount_minor, currency, priority, state, failure_code,
             problem, attempts_made, checks_made, queued_at, published_at, next_attempt_at, requested_at, asked_at,
             pending_at, expires_at, finished_at, settled_at)
        SELECT user_id, 'ORDER', id, 'fapshi', false, '677' || lpad((user_id %% 1000000)::text, 6, '0'), total_minor,
               'XAF', 1, 'SETTLED', '', '', 1, 1, placed_at, placed_at, placed_at, placed_at, placed_at, placed_at,
               placed_at + interval '1 hour', placed_at + interval '5 seconds', placed_at + interval '5 seconds'
        FROM bought
        RETURNING id, user_id, amount_minor, queued_at
    ), tries AS (
        INSERT INTO payments_paymentattempt
            (payment_id, number, reference, gateway, state, transaction_id, link, instructions, collected_minor,
             collected_currency, started_at, ended_at, http_status, latency_ms, request, response, problem)
        SELECT id, 1, gen_random_uuid(), 'fapshi', 'PAID', 'past' || id, '', '', amount_minor, 'XAF', queued_at,
               queued_at + interval '5 seconds', 200, 50, '{}', '{}', ''
        FROM paid
    ), events AS (
        INSERT INTO payments_webhookevent
            (gateway, key, transaction_id, reference, word, payload, facts, state, payment_id, received_at, looks,
             problem)
        SELECT 'fapshi', 'past' || id, 'past' || id, '', 'SUCCESSFUL', '{}', '{}', 'MATCHED', id,
               queued_at + interval '4 seconds', 1, ''
        FROM paid
    ), entries AS (
        INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at)
        SELECT debit.id, credit.id, paid.amount_minor, 'XAF', 'payment:' || paid.id || kind.suffix, paid.queued_at
        FROM paid, (VALUES (':capture', true), (':sale', false)) AS kind(suffix, comes_in),
             LATERAL (SELECT id FROM wallets_account WHERE currency = 'XAF'
                      AND name = CASE WHEN comes_in THEN 'gateway:fapshi' ELSE 'customer:' || paid.user_id END) debit,
             LATERAL (SELECT id FROM wallets_account WHERE currency = 'XAF'
                      AND name = CASE WHEN comes_in THEN 'customer:' || paid.user_id ELSE 'sales' END) credit
    )
    INSERT INTO notifications_notification
        (user_id, kind, about, channel, language, address, context, state, next_attempt_at, attempts, problem,
         created_at, sent_at)
    SELECT user_id, 'payment_settled', 'payment:' || id, 'sms', 'fr', '677000000', '{}', 'SENT', queued_at, 1, '',
           queued_at, queued_at
    FROM paid
"""
