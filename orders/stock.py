"""Moving stock between hand, reserved and sold. Everybody wants the same few dishes: see docs/adr/0050."""

from collections.abc import Sequence

from django.db import connection

from orders.locks import LOCKED_PRODUCTS

_MOVE = f"""
    WITH {LOCKED_PRODUCTS}, moved AS (
        UPDATE orders_product product
        SET stock_on_hand = stock_on_hand + %(on_hand)s * locked.quantity,
            stock_reserved = stock_reserved + %(reserved)s * locked.quantity,
            stock_sold = stock_sold + %(sold)s * locked.quantity
        FROM locked
        WHERE product.id = locked.id AND (%(on_hand)s >= 0 OR (is_active AND stock_on_hand >= locked.quantity))
        RETURNING product.id
    )
    SELECT id FROM locked EXCEPT SELECT id FROM moved
"""  # noqa: S608


def move_stock(order_ids: Sequence[int], *, on_hand: int = 0, reserved: int = 0, sold: int = 0) -> list[int]:
    """Change the stock of what these orders are for: by -1, 0 or 1 for each piece. Returns the products that stay.

    Those are what should be taken from hand, and is not there in that quantity, or is off sale.
    Runs in the caller's transaction, late: whoever wants one of these dishes waits for the commit.
    Locks:   products.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, {"orders": list(order_ids), "on_hand": on_hand, "reserved": reserved, "sold": sold})
        return [product_id for (product_id,) in cursor.fetchall()]
