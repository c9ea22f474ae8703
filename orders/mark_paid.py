"""Marking orders paid: the orders' part of a settlement."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from orders.locks import lock_held_lines, lock_lines, lock_orders, lock_products_of
from orders.retake import came_in_time, retake_orders
from orders.states import ItemState, OrderState
from orders.stock import move_stock


@dataclass(frozen=True, slots=True)
class Marked:
    """The orders that became paid: those that awaited their money, and those that were cancelled and are on again."""

    in_time: frozenset[int] = frozenset()
    retaken: frozenset[int] = frozenset()

    @property
    def orders(self) -> frozenset[int]:
        return self.in_time | self.retaken


def mark_paid(order_ids: Sequence[int]) -> Marked:
    """Mark these orders paid and empty the carts of what was bought. The stock is still to be sold (sell_stock).

    An order that was cancelled a short while ago is taken up again if everything for it is still there (see retake.py).
    Runs in the caller's transaction. Of the orders that are not returned nothing changes.
    Locks:   orders, cart lines; products, if an order may be taken up again.
    """
    orders = lock_orders(order_ids)
    waiting = [order.pk for order in orders if order.state == OrderState.PLACED]
    late = [order for order in orders if came_in_time(order)]
    if late:
        # All that is bought is locked before the first change: in time and late, they share products.
        lock_lines(held_by=waiting, free_of=[order.user_id for order in late])
        lock_products_of([*waiting, *(order.pk for order in late)])
    elif waiting:
        lock_held_lines(waiting)
    if waiting:
        _mark(waiting)
    return Marked(in_time=frozenset(waiting), retaken=frozenset(retake_orders(late) if late else ()))


def sell_stock(marked: Marked) -> None:
    """What was reserved for orders that became paid in time is sold. Of those taken up again it is sold already.

    Runs in the caller's transaction, late: whoever wants one of these dishes too waits for the commit.
    Locks:   products.
    """
    if marked.in_time:
        move_stock([*marked.in_time], reserved=-1, sold=+1)


def _mark(order_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH paid AS (
                UPDATE orders_order SET state = %(paid)s, paid_at = now() WHERE id = ANY(%(orders)s)
            ), items AS (
                UPDATE orders_orderitem SET state = %(sold)s WHERE order_id = ANY(%(orders)s)
            )
            DELETE FROM orders_cartitem WHERE order_id = ANY(%(orders)s)
            """,
            {"orders": list(order_ids), "paid": OrderState.PAID, "sold": ItemState.SOLD},
        )
