"""Placing an order: what is in the cart, at today's prices, with the stock reserved."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.plain_rows import PlainRows
from orders.locks import CartLine, lock_cart
from orders.models import CartItem, Order
from orders.states import ItemState, OrderState
from orders.stock import move_stock

_ORDERS = PlainRows(Order)
# The cart's lines are locked, and the items are what was read of them. No two lines of a cart name the same product.
_PLACE = f"""
    WITH placed AS (
        INSERT INTO orders_order (user_id, shop_id, state, total_minor, currency, placed_at)
        VALUES (%(user)s, %(shop)s, %(placed)s, %(total)s, %(currency)s, %(now)s) RETURNING {_ORDERS.columns}
    ), items AS (
        INSERT INTO orders_orderitem (order_id, product_id, name, unit_price_minor, quantity, state)
        SELECT placed.id, line.product_id, line.name, line.price, line.quantity, %(reserved)s
        FROM placed, json_to_recordset(%(items)s::json)
                     AS line(product_id bigint, name text, price bigint, quantity int)
    ), held AS (
        UPDATE orders_cartitem line SET order_id = placed.id FROM placed WHERE line.id = ANY(%(lines)s)
    )
    SELECT * FROM placed
"""  # noqa: S608


def place_order(*, user_id: int) -> Order:
    """Turn the customer's cart into an order. Its stock is still to be reserved, as the last of the transaction.

    Runs in the caller's transaction. The cart's lines are held by the order until it is paid or cancelled.
    Locks:   cart lines.
    Raises:  Rejected (empty cart, too much of it, products of two shops), NotAllowed (sold out, a closed shop).
    """
    lines = lock_cart(user_id)
    if not lines:
        raise Rejected("The cart is empty.", code="empty_cart", fields={"cart": "Empty."})
    _refuse_absurd(lines)
    _refuse_other_shops(lines)
    _refuse_what_is_gone(lines)
    total = sum(line.price_minor * line.quantity for line in lines)
    if total > settings.ORDER_MAX_AMOUNT_MINOR:
        raise Rejected("The order is too large.", code="amount_too_large", fields={"cart": "Too large."})
    return _place(user_id, lines, total)


def reserve_stock(order: Order) -> None:
    """Reserve all that a placed order is for.

    Runs in the caller's transaction, late: whoever wants one of its dishes too waits for the commit.
    Locks:   products.
    Raises:  NotAllowed (sold out since the cart was read, or taken off sale).
    """
    missing = move_stock([order.pk], on_hand=-1, reserved=+1)
    if missing:
        held = CartItem.objects.filter(order=order, product__in=missing).select_related("product").order_by("pk")
        _refuse({line.pk: (line.product.name, line.product.on_sale) for line in held})


def _refuse_absurd(lines: Sequence[CartLine]) -> None:
    """What comes back from a cancelled order is added to what is in the cart."""
    message = f"At most {settings.ORDER_MAX_QUANTITY} of a product."
    absurd = {f"cart.{line.pk}": message for line in lines if line.quantity > settings.ORDER_MAX_QUANTITY}
    if absurd:
        raise Rejected(message, code="quantity_too_large", fields=absurd)
    if len(lines) > settings.ORDER_MAX_LINES:
        message = f"A cart holds {settings.ORDER_MAX_LINES} different products at most."
        raise Rejected(message, code="cart_full", fields={"cart": message})


def _refuse_other_shops(lines: Sequence[CartLine]) -> None:
    """One shop, and an open one."""
    shops = {line.shop_id: line for line in lines}
    if len(shops) != 1:
        raise Rejected("A cart holds the products of one shop.", code="several_shops", fields={"cart": "Two shops."})
    [shop] = shops.values()
    if not shop.shop_is_open:
        message = f"{shop.shop_name} is closed."
        raise NotAllowed(message, code="shop_closed", fields={"cart": message})


def _refuse_what_is_gone(lines: Sequence[CartLine]) -> None:
    """As far as can be seen without a lock: nobody is kept waiting for what is sold out."""
    gone = [line for line in lines if line.quantity > line.on_sale]
    if gone:
        _refuse({line.pk: (line.name, line.on_sale) for line in gone})


def _refuse(gone: Mapping[int, tuple[str, int]]) -> NoReturn:
    """`gone`: by the line of the cart, what it is and how many are left."""
    fields = {
        f"cart.{pk}": f"{name}: {left} left." if left else f"{name} is sold out." for pk, (name, left) in gone.items()
    }
    raise NotAllowed(next(iter(fields.values())), code="sold_out", fields=fields)


def _place(user_id: int, lines: Sequence[CartLine], total: int) -> Order:
    """One statement: the order with its items, the lines held."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            {
                "user": user_id,
                "shop": lines[0].shop_id,
                "placed": OrderState.PLACED,
                "total": total,
                "currency": lines[0].currency,
                "now": clock.now(),
                "reserved": ItemState.RESERVED,
                "lines": [line.pk for line in lines],
                "items": json.dumps([_item(line) for line in lines]),
            },
        )
        return _ORDERS.row(cursor.fetchone())


def _item(line: CartLine) -> dict[str, object]:
    return {
        "product_id": line.product_id,
        "name": line.name,
        "price": line.price_minor,
        "quantity": line.quantity,
    }
