"""The only place of this app that locks rows.

The order of locks everywhere: payments, orders, cart lines, products, wallet accounts; within each by ascending id.
Each lock is a statement of its own: inside one statement the planner chooses the order, and two of them deadlock.
NO KEY, because no key ever changes: rows that only refer to a locked one need not wait for it.

Everybody wants the same few dishes, so these are locked last (docs/adr/0050).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from choptym.lib.plain_rows import PlainRows
from orders.models import Order, Product

_ORDERS = PlainRows(Order)


@dataclass(frozen=True, slots=True)
class CartLine:
    """A free line of a cart, with its product as an order meets it, and what its shop says."""

    pk: int
    quantity: int
    product_id: int
    name: str
    price_minor: int
    on_sale: int  # pieces; none when it is off sale
    shop_id: int
    shop_name: str
    shop_is_open: bool
    currency: str


def lock_orders(order_ids: Sequence[int]) -> list[Order]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_ORDERS.columns} FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608
            [list(order_ids)],
        )
        return [_ORDERS.row(row) for row in cursor.fetchall()]


def lock_cart(user_id: int) -> list[CartLine]:
    """The customer's free lines, those that no order holds. Their products are read, not locked.

    Read after the wait for the lines: a cancellation that gave them back has given back its stock as well.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_cartitem WHERE user_id = %s AND order_id IS NULL ORDER BY id FOR NO KEY UPDATE",
            [user_id],
        )
        cursor.execute(
            """
            SELECT line.id, line.quantity, product.id, product.name, price_minor,
                   CASE WHEN is_active THEN stock_on_hand ELSE 0 END, shop.id, shop.name, is_open, currency
            FROM orders_cartitem line JOIN orders_product product ON product.id = line.product_id
                 JOIN orders_shop shop ON shop.id = product.shop_id
            WHERE line.id = ANY(%s) ORDER BY line.id
            """,
            [[line_id for (line_id,) in cursor.fetchall()]],
        )
        return [CartLine(*row) for row in cursor.fetchall()]


def lock_held_lines(order_ids: Sequence[int]) -> None:
    """The lines that these orders hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_cartitem WHERE order_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(order_ids)]
        )


def lock_returning_lines(order_ids: Sequence[int]) -> None:
    """The lines that these orders hold, and the free lines of the same customers that they may merge into."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT line.id FROM orders_cartitem line
            WHERE line.order_id = ANY(%(orders)s)
               OR (line.order_id IS NULL
                   AND line.user_id IN (SELECT user_id FROM orders_order WHERE id = ANY(%(orders)s)))
            ORDER BY line.id FOR NO KEY UPDATE
            """,
            {"orders": list(order_ids)},
        )


def lock_lines(*, held_by: Sequence[int], free_of: Sequence[int]) -> None:
    """The lines that these orders hold, and the free lines of these customers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM orders_cartitem
            WHERE order_id = ANY(%s) OR (order_id IS NULL AND user_id = ANY(%s))
            ORDER BY id FOR NO KEY UPDATE
            """,
            [list(held_by), list(free_of)],
        )


def lock_products(product_ids: Sequence[int]) -> list[Product]:
    return list(Product.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=product_ids).order_by("pk"))


def lock_products_of(order_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM orders_product
            WHERE id IN (SELECT product_id FROM orders_orderitem WHERE order_id = ANY(%s))
            ORDER BY id FOR NO KEY UPDATE
            """,
            [list(order_ids)],
        )
