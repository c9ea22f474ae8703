"""Filling a cart. One verb a function; each is one short transaction."""

from collections.abc import Collection

from django.conf import settings
from django.db import connection, transaction

from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.plain_rows import PlainRows
from orders.locks import CartLine, lock_cart
from orders.models import CartItem, Product, Shop

_LINES, _PRODUCTS, _SHOPS = PlainRows(CartItem), PlainRows(Product), PlainRows(Shop)
_READ_PRODUCT = f"""
    SELECT {_PRODUCTS.columns}, {_SHOPS.columns}
    FROM orders_product JOIN orders_shop ON orders_shop.id = shop_id
    WHERE orders_product.id = %s AND is_active
"""  # noqa: S608
# The unique index decides between two first requests for a product: the second one adds to the line of the first.
_ADD = f"""
    INSERT INTO orders_cartitem (user_id, product_id, quantity) VALUES (%s, %s, %s)
    ON CONFLICT (user_id, product_id) WHERE order_id IS NULL
    DO UPDATE SET quantity = orders_cartitem.quantity + excluded.quantity
    RETURNING {_LINES.columns}
"""  # noqa: S608


def add_to_cart(*, user_id: int, product_id: int, quantity: int) -> CartItem:
    """Add to the customer's cart; what is there already grows.

    Commits: the line.
    Locks:   the customer's free cart lines.
    Raises:  Rejected (no such product, too many), NotAllowed (sold out, another shop's).
    """
    product = _read_product(product_id)
    if product is None:
        raise Rejected("There is no such product.", code="unknown_product", fields={"product": "No such product."})
    if product.stock_on_hand < 1:
        message = f"{product.name} is sold out."
        raise NotAllowed(message, code="sold_out", fields={"product": message})
    with transaction.atomic(durable=True):
        lines = lock_cart(user_id)
        _refuse_other_shop(lines, product)
        _refuse_full(lines, product)
        line = _add(user_id, product, quantity)
        _refuse_absurd(line.quantity)
    return line


def _read_product(product_id: int) -> Product | None:
    """With its shop, if it is on sale."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_PRODUCT, [product_id])
        row = cursor.fetchone()
    if row is None:
        return None
    product = _PRODUCTS.row(row[: _PRODUCTS.width])
    product.shop = _SHOPS.row(row[_PRODUCTS.width :])
    return product


def _add(user_id: int, product: Product, quantity: int) -> CartItem:
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [user_id, product.pk, quantity])
        line = _LINES.row(cursor.fetchone())
    line.product = product
    return line


def change_quantity(*, user_id: int, line_id: int, quantity: int) -> CartItem | None:
    """Set a line's quantity. None: the customer has no such line (any more)."""
    with transaction.atomic(durable=True):
        for line in lock_cart(user_id):
            if line.pk == line_id:
                CartItem.objects.filter(pk=line_id).update(quantity=quantity)
                return CartItem.objects.select_related("product__shop").get(pk=line_id)
    return None


def remove_from_cart(*, user_id: int, line_id: int) -> bool:
    """Take a line out. False: the customer has no such line."""
    deleted, _ = CartItem.objects.filter(pk=line_id, user_id=user_id, order__isnull=True).delete()
    return deleted > 0


def _refuse_other_shop(lines: Collection[CartLine], product: Product) -> None:
    if any(line.shop_id != product.shop_id for line in lines):
        message = "The cart holds the products of another shop; empty it first."
        raise NotAllowed(message, code="other_shop", fields={"product": message})


def _refuse_full(lines: Collection[CartLine], product: Product) -> None:
    is_new = all(line.product_id != product.pk for line in lines)
    if is_new and len(lines) >= settings.ORDER_MAX_LINES:
        message = f"A cart holds {settings.ORDER_MAX_LINES} different products at most."
        raise Rejected(message, code="cart_full", fields={"product": message})


def _refuse_absurd(quantity: int) -> None:
    """Of what is there after all: the caller's transaction takes it back."""
    if quantity > settings.ORDER_MAX_QUANTITY:
        message = f"At most {settings.ORDER_MAX_QUANTITY} of a product."
        raise Rejected(message, code="quantity_too_large", fields={"quantity": message})
