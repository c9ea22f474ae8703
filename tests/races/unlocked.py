"""What the locks of a cart and its products do, without a lock: for the control runs."""

from collections.abc import Callable, Sequence

from django.db import connection

from orders.locks import CartLine
from orders.models import CartItem


def read_cart(user_id: int) -> list[CartLine]:
    lines = CartItem.objects.filter(user_id=user_id, order__isnull=True).select_related("product__shop").order_by("pk")
    return [
        CartLine(
            pk=line.pk,
            quantity=line.quantity,
            product_id=line.product_id,
            name=line.product.name,
            price_minor=line.product.price_minor,
            on_sale=line.product.on_sale,
            shop_id=line.product.shop_id,
            shop_name=line.product.shop.name,
            shop_is_open=line.product.shop.is_open,
            currency=line.product.shop.currency,
        )
        for line in lines
    ]


def reserving_blindly(meet: Callable[[], None]) -> Callable[..., list[int]]:
    """A move_stock that takes from hand what may not be there, once all have met."""

    def move(order_ids: Sequence[int], **_: int) -> list[int]:
        meet()
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE orders_product product
                SET stock_on_hand = stock_on_hand - quantity, stock_reserved = stock_reserved + quantity
                FROM orders_orderitem item WHERE item.order_id = ANY(%s) AND product.id = item.product_id
                """,
                [list(order_ids)],
            )
        return []

    return move
