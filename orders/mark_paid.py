"""Marking orders paid: the orders' part of a settlement."""

from collections.abc import Sequence

from django.db import connection

from orders.locks import lock_held_lines, lock_orders, lock_products_of
from orders.states import ItemState, OrderState


def mark_paid(order_ids: Sequence[int]) -> set[int]:
    """Mark these orders paid, their reserved stock sold, and empty the carts of what was bought.

    Runs in the caller's transaction. Returns the orders that were waiting for their money; the rest were cancelled
    or already paid, and nothing of theirs changes.
    Locks:   orders, cart lines, products.
    """
    waiting = [order.pk for order in lock_orders(order_ids) if order.state == OrderState.PLACED]
    if not waiting:
        return set()
    lock_held_lines(waiting)
    lock_products_of(waiting)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET state = %s, paid_at = now() WHERE id = ANY(%s)", [OrderState.PAID, waiting]
        )
        cursor.execute("UPDATE orders_orderitem SET state = %s WHERE order_id = ANY(%s)", [ItemState.SOLD, waiting])
        cursor.execute(
            """
            UPDATE orders_product product
            SET stock_reserved = stock_reserved - bought.quantity, stock_sold = stock_sold + bought.quantity
            FROM (SELECT product_id, sum(quantity) AS quantity FROM orders_orderitem
                  WHERE order_id = ANY(%s) GROUP BY product_id) bought
            WHERE product.id = bought.product_id
            """,
            [waiting],
        )
        cursor.execute("DELETE FROM orders_cartitem WHERE order_id = ANY(%s)", [waiting])
    return set(waiting)
