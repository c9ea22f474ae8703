"""Marking orders paid: the orders' part of a settlement."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from orders.locks import lock_held_lines, lock_lines, lock_orders, lock_products_of
from orders.retake import came_in_time, retake_orders
from orders.states import ItemState, OrderState


@dataclass(frozen=True, slots=True)
class Marked:
    """The orders that became paid: those that awaited their money, and those that were cancelled and are on again."""

    in_time: frozenset[int] = frozenset()
    retaken: frozenset[int] = frozenset()

    @property
    def orders(self) -> frozenset[int]:
        return self.in_time | self.retaken


def mark_paid(order_ids: Sequence[int]) -> Marked:
    """Mark these orders paid, their stock sold, and empty the carts of what was bought.

    An order that was cancelled a short while ago is taken up again if everything for it is still there (see retake.py).
    Runs in the caller's transaction. Of the orders that are not returned nothing changes.
    Locks:   orders, cart lines, products.
    """
    orders = lock_orders(order_ids)
    waiting = [order.pk for order in orders if order.state == OrderState.PLACED]
    late = [order for order in orders if came_in_time(order)]
    if not waiting and not late:
        return Marked()
    # Everything is locked before the first change: what is bought in time and what is taken up again share products.
    if late:
        lock_lines(held_by=waiting, free_of=[order.user_id for order in late])
    else:
        lock_held_lines(waiting)
    lock_products_of([*waiting, *(order.pk for order in late)])
    if waiting:
        _sell_reserved(waiting)
    return Marked(in_time=frozenset(waiting), retaken=frozenset(retake_orders(late) if late else ()))


def _sell_reserved(order_ids: Sequence[int]) -> None:
    ids = list(order_ids)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET state = %s, paid_at = now() WHERE id = ANY(%s)", [OrderState.PAID, ids])
        cursor.execute("UPDATE orders_orderitem SET state = %s WHERE order_id = ANY(%s)", [ItemState.SOLD, ids])
        cursor.execute(
            """
            UPDATE orders_product product
            SET stock_reserved = stock_reserved - bought.quantity, stock_sold = stock_sold + bought.quantity
            FROM (SELECT product_id, sum(quantity) AS quantity FROM orders_orderitem
                  WHERE order_id = ANY(%s) GROUP BY product_id) bought
            WHERE product.id = bought.product_id
            """,
            [ids],
        )
        cursor.execute("DELETE FROM orders_cartitem WHERE order_id = ANY(%s)", [ids])
