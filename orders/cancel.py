"""Cancelling orders that were never paid: the reservation is released and the cart comes back."""

from collections.abc import Sequence

from django.db import connection

from orders.locks import lock_orders, lock_returning_lines
from orders.states import ItemState, OrderState
from orders.stock import move_stock


def cancel_orders(order_ids: Sequence[int]) -> set[int]:
    """Free what these orders reserved and give their lines back to the carts.

    Runs in the caller's transaction. Returns those that were cancelled by this call; paid or cancelled ones stay.
    Locks:   orders, cart lines, products.
    """
    waiting = [order.pk for order in lock_orders(order_ids) if order.state == OrderState.PLACED]
    if not waiting:
        return set()
    lock_returning_lines(waiting)
    # Before the products are locked: a line that was made meanwhile is waited for here.
    _give_lines_back(waiting)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH cancelled AS (
                UPDATE orders_order SET state = %(cancelled)s, cancelled_at = now() WHERE id = ANY(%(orders)s)
            )
            UPDATE orders_orderitem SET state = %(released)s WHERE order_id = ANY(%(orders)s)
            """,
            {"orders": waiting, "cancelled": OrderState.CANCELLED, "released": ItemState.RELEASED},
        )
    move_stock(waiting, reserved=-1, on_hand=+1)
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
