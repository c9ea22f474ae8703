"""Filling a cart. One verb a function; each is one short transaction."""

from django.conf import settings
from django.db import transaction

from choptym.lib.errors import NotAllowed, Rejected
from orders.locks import lock_cart
from orders.models import CartItem, Product


def add_to_cart(*, user_id: int, product_id: int, quantity: int) -> CartItem:
    """Add to the customer's cart; what is there already grows.

    Commits: the line.
    Locks:   the customer's free cart lines.
    Raises:  Rejected (no such product, another shop's, too many), NotAllowed (sold out).
    """
    product = Product.objects.select_related("shop").filter(pk=product_id, is_active=True).first()
    if product is None:
        raise Rejected("There is no such product.", code="unknown_product", fields={"product": "No such product."})
    if product.stock_on_hand < 1:
        message = f"{product.name} is sold out."
        raise NotAllowed(message, code="sold_out", fields={"product": message})
    with transaction.atomic(durable=True):
        lines = lock_cart(user_id)
        _refuse_other_shop(lines, product)
        # The unique index decides between two first requests for the same product.
        line, is_new = CartItem.objects.get_or_create(
            user_id=user_id, product=product, order=None, defaults={"quantity": quantity}
        )
        if not is_new:
            line = _lock_again(user_id, line)
            _refuse_absurd(line.quantity + quantity)
            line.quantity += quantity
            line.save(update_fields=["quantity"])
        elif len(lines) >= settings.ORDER_MAX_LINES:
            message = f"A cart holds {settings.ORDER_MAX_LINES} different products at most."
            raise Rejected(message, code="cart_full", fields={"product": message})
    return line


def _lock_again(user_id: int, line: CartItem) -> CartItem:
    """A line that another first request made while ours waited is not locked yet, and may have grown."""
    locked = {one.pk: one for one in lock_cart(user_id)}.get(line.pk)
    if locked is None:
        raise NotAllowed("The cart is being checked out; please try again.", code="cart_busy")
    return locked


def change_quantity(*, user_id: int, line_id: int, quantity: int) -> CartItem | None:
    """Set a line's quantity. None: the customer has no such line (any more)."""
    with transaction.atomic(durable=True):
        for line in lock_cart(user_id):
            if line.pk == line_id:
                line.quantity = quantity
                line.save(update_fields=["quantity"])
                return line
    return None


def remove_from_cart(*, user_id: int, line_id: int) -> bool:
    """Take a line out. False: the customer has no such line."""
    deleted, _ = CartItem.objects.filter(pk=line_id, user_id=user_id, order__isnull=True).delete()
    return deleted > 0


def _refuse_other_shop(lines: list[CartItem], product: Product) -> None:
    others = Product.objects.filter(pk__in=[line.product_id for line in lines]).exclude(shop=product.shop)
    if others.exists():
        message = "The cart holds the products of another shop; empty it first."
        raise NotAllowed(message, code="other_shop", fields={"product": message})


def _refuse_absurd(quantity: int) -> None:
    if quantity > settings.ORDER_MAX_QUANTITY:
        message = f"At most {settings.ORDER_MAX_QUANTITY} of a product."
        raise Rejected(message, code="quantity_too_large", fields={"quantity": message})
