"""Staff put more of a product on sale, or take back what was counted wrongly."""

from django.db import transaction

from choptym.audit.record import record_act
from choptym.lib.errors import NotAllowed, Rejected
from orders.locks import lock_products
from orders.models import Product

# More than any kitchen makes: a slip of the finger.
LARGEST_QUANTITY = 1_000_000
LARGEST_STOCK = 2**31 - 1


def restock_product(product_id: int, *, quantity: int, actor_id: int, reason: str) -> Product:
    """Add to what was ever put on sale and to what is on hand, together. Less than nothing takes back a wrong count.

    Commits: the stock and its line in the audit log together.
    Locks:   product.
    Raises:  Rejected (no_quantity, quantity_too_large, no_reason), NotAllowed (not_on_hand).
    """
    if quantity == 0:
        raise Rejected("How many?", code="no_quantity", fields={"quantity": "How many?"})
    if abs(quantity) > LARGEST_QUANTITY:
        message = f"At most {LARGEST_QUANTITY:,} at a time."
        raise Rejected(message, code="quantity_too_large", fields={"quantity": message})
    with transaction.atomic(durable=True):
        [product] = lock_products([product_id])
        _refuse_what_cannot_be(product, quantity)
        product.stock_start += quantity
        product.stock_on_hand += quantity
        # The row is locked, so writing the values that were read loses nothing.
        product.save(update_fields=["stock_start", "stock_on_hand"])
        details = {"quantity": quantity, "on_hand": product.stock_on_hand}
        about = f"product:{product.pk}"
        record_act(actor_id=actor_id, verb="restock_product", about=about, reason=reason, details=details)
    return product


def _refuse_what_cannot_be(product: Product, quantity: int) -> None:
    if product.stock_on_hand + quantity < 0:
        message = f"Only {product.stock_on_hand} are on hand: what is reserved or sold cannot be taken back."
        raise NotAllowed(message, code="not_on_hand", fields={"quantity": message})
    if product.stock_start + quantity > LARGEST_STOCK:
        message = "That is more than the table can count."
        raise NotAllowed(message, code="quantity_too_large", fields={"quantity": message})
