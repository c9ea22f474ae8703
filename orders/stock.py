"""Moving stock between hand, reserved and sold. Everybody wants the same few dishes: see docs/adr/0050."""

from collections.abc import Sequence

from django.db import connection

from orders.locks import lock_products_of

_MOVE = """
    WITH wanted AS (
        SELECT product_id AS id, sum(quantity) AS quantity FROM orders_orderitem
        WHERE order_id = ANY(%(orders)s) GROUP BY product_id
    ), moved AS (
        UPDATE orders_product product
        SET stock_on_hand = stock_on_hand + %(on_hand)s * wanted.quantity,
            stock_reserved = stock_reserved + %(reserved)s * wanted.quantity,
            stock_sold = stock_sold + %(sold)s * wanted.quantity
        FROM wanted
        WHERE product.id = wanted.id AND (%(on_hand)s >= 0 OR (is_active AND stock_on_hand >= wanted.quantity))
        RETURNING product.id
    )
    SELECT id FROM wanted EXCEPT SELECT id FROM moved
"""


def move_stock(order_ids: Sequence[int], *, on_hand: int = 0, reserved: int = 0, sold: int = 0) -> list[int]:
    """Change the stock of what these orders are for: by -1, 0 or 1 for each piece. Returns the products that stay.

    Those are what should be taken from hand, and is not there in that quantity, or is off sale.
    Runs in the caller's transaction, late: whoever wants one of these dishes waits for the commit.
    Locks:   products. By a statement of its own: one that waits and then changes meets the row as it was before.
    """
    lock_products_of(order_ids)
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, {"orders": list(order_ids), "on_hand": on_hand, "reserved": reserved, "sold": sold})
        return [product_id for (product_id,) in cursor.fetchall()]
