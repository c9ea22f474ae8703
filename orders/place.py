"""Placing an order: what is in the cart, at today's prices, with the stock reserved."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import connection

from choptym.lib.errors import NotAllowed, Rejected
from orders.locks import lock_cart, lock_products
from orders.models import CartItem, Order, OrderItem, Product, Shop

# The rows are locked. A line names a product that no other line of the cart names.
_TAKE_OFF = """
    UPDATE orders_product SET stock_on_hand = stock_on_hand - quantity, stock_reserved = stock_reserved + quantity
    FROM unnest(%s::bigint[], %s::int[]) AS line(product_id, quantity) WHERE orders_product.id = product_id
"""


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
    products = {product.pk: product for product in lock_products([line.product_id for line in lines])}
    shop = _one_shop(products.values())
    _refuse_what_is_gone(lines, products)
    total = sum(products[line.product_id].price_minor * line.quantity for line in lines)
    if total > settings.ORDER_MAX_AMOUNT_MINOR:
        raise Rejected("The order is too large.", code="amount_too_large", fields={"cart": "Too large."})
    order = Order.objects.create(user_id=user_id, shop=shop, total_minor=total, currency=shop.currency)
    _reserve(order, lines, products)
    return order


def _refuse_absurd(lines: Sequence[CartItem]) -> None:
    """What comes back from a cancelled order is added to what is in the cart."""
    message = f"At most {settings.ORDER_MAX_QUANTITY} of a product."
    absurd = {f"cart.{line.pk}": message for line in lines if line.quantity > settings.ORDER_MAX_QUANTITY}
    if absurd:
        raise Rejected(message, code="quantity_too_large", fields=absurd)
    if len(lines) > settings.ORDER_MAX_LINES:
        message = f"A cart holds {settings.ORDER_MAX_LINES} different products at most."
        raise Rejected(message, code="cart_full", fields={"cart": message})


def _one_shop(products: Iterable[Product]) -> Shop:
    shops = Shop.objects.filter(pk__in={product.shop_id for product in products})
    if len(shops) != 1:
        raise Rejected("A cart holds the products of one shop.", code="several_shops", fields={"cart": "Two shops."})
    shop = shops[0]
    if not shop.is_open:
        raise NotAllowed(f"{shop.name} is closed.", code="shop_closed", fields={"cart": f"{shop.name} is closed."})
    return shop


def _refuse_what_is_gone(lines: Sequence[CartItem], products: dict[int, Product]) -> None:
    gone = {}
    for line in lines:
        product = products[line.product_id]
        left = product.stock_on_hand if product.is_active else 0
        if line.quantity > left:
            gone[f"cart.{line.pk}"] = f"{product.name}: {left} left." if left else f"{product.name} is sold out."
    if gone:
        raise NotAllowed(next(iter(gone.values())), code="sold_out", fields=gone)


def _reserve(order: Order, lines: Sequence[CartItem], products: dict[int, Product]) -> None:
    items = []
    for line in lines:
        product = products[line.product_id]
        items.append(
            OrderItem(
                order=order,
                product=product,
                name=product.name,
                unit_price_minor=product.price_minor,
                quantity=line.quantity,
            )
        )
    OrderItem.objects.bulk_create(items)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OFF, [[line.product_id for line in lines], [line.quantity for line in lines]])
    CartItem.objects.filter(pk__in=[line.pk for line in lines]).update(order=order)
