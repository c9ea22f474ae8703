"""Cancelling orders that were never paid: the reservation is released and the cart comes back."""

from collections.abc import Sequence

from django.db import connection

from orders.locks import lock_orders, lock_products_of, lock_returning_lines
from orders.states import ItemState, OrderState


def cancel_orders(order_ids: Sequence[int]) -> set[int]:
    """Free what these orders reserved and give their lines back to the carts.

    Runs in the caller's transaction. Returns those that were cancelled by this call; paid or cancelled ones stay.
    Locks:   orders, cart lines, products.
    """
    waiting = [order.pk for order in lock_orders(order_ids) if order.state == OrderState.PLACED]
    if not waiting:
        return set()
    lock_returning_lines(waiting)
    # Every write to a cart before the products are locked: a line that was made meanwhile is waited for here.
    _give_lines_back(waiting)
    lock_products_of(waiting)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET state = %s, cancelled_at = now() WHERE id = ANY(%s)",
            [OrderState.CANCELLED, waiting],
        )
        cursor.execute("UPDATE orders_orderitem SET state = %s WHERE order_id = ANY(%s)", [ItemState.RELEASED, waiting])
        cursor.execute(
            """
            UPDATE orders_product product
            SET stock_reserved = stock_reserved - freed.quantity, stock_on_hand = stock_on_hand + freed.quantity
            FROM (SELECT product_id, sum(quantity) AS quantity FROM orders_orderitem
                  WHERE order_id = ANY(%s) GROUP BY product_id) freed
            WHERE product.id = freed.product_id
            """,
            [waiting],
        )
    return set(waiting)


def _give_lines_back(order_ids: Sequence[int]) -> None:
    """A line whose product was put into the cart again meanwhile is added to that line, the others simply return."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS (
                DELETE FROM orders_cartitem WHERE order_id = ANY(%s) RETURNING user_id, product_id, quantity
            )
            INSERT INTO orders_cartitem (user_id, product_id, quantity)
            SELECT user_id, product_id, sum(quantity) FROM held GROUP BY user_id, product_id
            ORDER BY user_id, product_id
            ON CONFLICT (user_id, product_id) WHERE order_id IS NULL
            DO UPDATE SET quantity = orders_cartitem.quantity + excluded.quantity
            """,
            [list(order_ids)],
        )
