"""What the locks of a cart and its products return, without a lock: for the control runs."""

from collections.abc import Sequence

from orders.locks import CartLine, Offer
from orders.models import CartItem, Product


def read_cart(user_id: int) -> list[CartLine]:
    lines = CartItem.objects.filter(user_id=user_id, order__isnull=True).select_related("product").order_by("pk")
    return [CartLine(line.pk, line.product_id, line.quantity, line.product.shop_id) for line in lines]


def read_offers(product_ids: Sequence[int]) -> dict[int, Offer]:
    products = Product.objects.filter(pk__in=product_ids).select_related("shop").order_by("pk")
    return {
        product.pk: Offer(
            product_id=product.pk,
            name=product.name,
            price_minor=product.price_minor,
            is_active=product.is_active,
            stock_on_hand=product.stock_on_hand,
            shop_id=product.shop_id,
            shop_name=product.shop.name,
            shop_is_open=product.shop.is_open,
            currency=product.shop.currency,
        )
        for product in products
    }
