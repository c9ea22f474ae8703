"""Placing an order: what is in the cart, at today's prices, with the stock reserved."""

from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.plain_rows import PlainRows
from orders.locks import CartLine, Offer, lock_cart, lock_offers
from orders.models import Order
from orders.states import ItemState, OrderState

_ORDERS = PlainRows(Order)
# The cart's lines and their products are locked: what is read here is what was looked at. No two lines of a cart name
# the same product.
_PLACE = f"""
    WITH placed AS (
        INSERT INTO orders_order (user_id, shop_id, state, total_minor, currency, placed_at)
        VALUES (%(user)s, %(shop)s, %(placed)s, %(total)s, %(currency)s, %(now)s) RETURNING {_ORDERS.columns}
    ), items AS (
        INSERT INTO orders_orderitem (order_id, product_id, name, unit_price_minor, quantity, state)
        SELECT placed.id, product.id, product.name, product.price_minor, line.quantity, %(reserved)s
        FROM placed, orders_cartitem line JOIN orders_product product ON product.id = line.product_id
        WHERE line.id = ANY(%(lines)s) ORDER BY line.id
    ), reserved AS (
        UPDATE orders_product product
        SET stock_on_hand = stock_on_hand - line.quantity, stock_reserved = stock_reserved + line.quantity
        FROM orders_cartitem line WHERE line.id = ANY(%(lines)s) AND product.id = line.product_id
    ), held AS (
        UPDATE orders_cartitem line SET order_id = placed.id FROM placed WHERE line.id = ANY(%(lines)s)
    )
    SELECT * FROM placed
"""  # noqa: S608


def place_order(*, user_id: int) -> Order:
    """Turn the customer's cart into an order and reserve its stock.

    Runs in the caller's transaction. The cart's lines are held by the order until it is paid or cancelled.
    Locks:   cart lines, products.
    Raises:  Rejected (empty cart, too much of it, products of two shops), NotAllowed (sold out, a closed shop).
    """
    lines = lock_cart(user_id)
    if not lines:
        raise Rejected("The cart is empty.", code="empty_cart", fields={"cart": "Empty."})
    _refuse_absurd(lines)
    offers = lock_offers([line.product_id for line in lines])
    _refuse_other_shops(offers.values())
    _refuse_what_is_gone(lines, offers)
    total = sum(offers[line.product_id].price_minor * line.quantity for line in lines)
    if total > settings.ORDER_MAX_AMOUNT_MINOR:
        raise Rejected("The order is too large.", code="amount_too_large", fields={"cart": "Too large."})
    return _place(user_id, lines, offers[lines[0].product_id], total)


def _refuse_absurd(lines: Sequence[CartLine]) -> None:
    """What comes back from a cancelled order is added to what is in the cart."""
    message = f"At most {settings.ORDER_MAX_QUANTITY} of a product."
    absurd = {f"cart.{line.pk}": message for line in lines if line.quantity > settings.ORDER_MAX_QUANTITY}
    if absurd:
        raise Rejected(message, code="quantity_too_large", fields=absurd)
    if len(lines) > settings.ORDER_MAX_LINES:
        message = f"A cart holds {settings.ORDER_MAX_LINES} different products at most."
        raise Rejected(message, code="cart_full", fields={"cart": message})


def _refuse_other_shops(offers: Iterable[Offer]) -> None:
    """One shop, and an open one."""
    shops = {offer.shop_id: offer for offer in offers}
    if len(shops) != 1:
        raise Rejected("A cart holds the products of one shop.", code="several_shops", fields={"cart": "Two shops."})
    [shop] = shops.values()
    if not shop.shop_is_open:
        message = f"{shop.shop_name} is closed."
        raise NotAllowed(message, code="shop_closed", fields={"cart": message})


def _refuse_what_is_gone(lines: Sequence[CartLine], offers: Mapping[int, Offer]) -> None:
    gone = {}
    for line in lines:
        offer = offers[line.product_id]
        left = offer.stock_on_hand if offer.is_active else 0
        if line.quantity > left:
            gone[f"cart.{line.pk}"] = f"{offer.name}: {left} left." if left else f"{offer.name} is sold out."
    if gone:
        raise NotAllowed(next(iter(gone.values())), code="sold_out", fields=gone)


def _place(user_id: int, lines: Sequence[CartLine], offer: Offer, total: int) -> Order:
    """One statement: the order with its items, their stock reserved, the lines held. `offer` is one of its shop."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            {
                "user": user_id,
                "shop": offer.shop_id,
                "placed": OrderState.PLACED,
                "total": total,
                "currency": offer.currency,
                "now": clock.now(),
                "reserved": ItemState.RESERVED,
                "lines": [line.pk for line in lines],
            },
        )
        return _ORDERS.row(cursor.fetchone())
