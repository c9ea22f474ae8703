"""Taking up cancelled orders whose money came after all.

An order is on again only if it can be cooked and is still wanted:

- it was cancelled no longer than PAYMENT_LATE_ORDER_WITHIN_SECONDS ago: later, nobody waits for the food
- its shop is open, each product is on sale, and all of its stock is on hand now: half an order is not what was paid
- all of it lies in the customer's cart, where the cancellation had put it back. Whoever has ordered it again, or thrown
  it out, does not want it a second time

Whether the time ran out, the gateway said no, or the customer cancelled and then approved makes no difference: the
money says what was decided last. Of an order that is not taken up the money stays in the wallet.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection

from choptym.lib import clock
from orders.models import CartItem, Order, OrderItem, Product
from orders.states import ItemState, OrderState


def came_in_time(order: Order) -> bool:
    """Whether a cancelled order may be taken up at all, as far as the clock goes."""
    within = timedelta(seconds=settings.PAYMENT_LATE_ORDER_WITHIN_SECONDS)
    ended = order.cancelled_at
    return order.state == OrderState.CANCELLED and ended is not None and clock.now() < ended + within


def retake_orders(late: Sequence[Order]) -> list[int]:
    """Sell these cancelled orders after all, as far as stock and carts reach, the oldest first. Returns which.

    Runs in the caller's transaction, after the locks of these orders, their customers' free cart lines and their
    products: what is read here stays so.
    """
    items = _items_of(late)
    on_hand = _on_hand([product_id for wanted in items.values() for product_id in wanted])
    carts = _carts_of([order.user_id for order in late])
    retaken = []
    for order in late:
        wanted, cart = items[order.pk], carts[order.user_id]
        if wanted and wanted <= cart and wanted <= on_hand:
            cart.subtract(wanted)
            on_hand.subtract(wanted)
            retaken.append(order.pk)
    if retaken:
        _sell_from_hand(retaken)
        _take_out_of_carts(retaken)
    return retaken


def _items_of(orders: Sequence[Order]) -> dict[int, Counter[int]]:
    """What each order is for: its products and how many."""
    wanted: dict[int, Counter[int]] = defaultdict(Counter)
    items = OrderItem.objects.filter(order__in=[order.pk for order in orders])
    for order_id, product_id, quantity in items.values_list("order", "product", "quantity"):
        wanted[order_id][product_id] += quantity
    return wanted


def _on_hand(product_ids: Sequence[int]) -> Counter[int]:
    """What is on sale now."""
    on_sale = Product.objects.filter(pk__in=product_ids, is_active=True, shop__is_open=True)
    return Counter(dict(on_sale.values_list("pk", "stock_on_hand")))


def _carts_of(user_ids: Sequence[int]) -> dict[int, Counter[int]]:
    """What lies free in these customers' carts."""
    carts: dict[int, Counter[int]] = defaultdict(Counter)
    lines = CartItem.objects.filter(user__in=user_ids, order__isnull=True)
    for user_id, product_id, quantity in lines.values_list("user", "product", "quantity"):
        carts[user_id][product_id] += quantity
    return carts


def _sell_from_hand(order_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET state = %s, paid_at = now() WHERE id = ANY(%s)", [OrderState.PAID, order_ids]
        )
        cursor.execute("UPDATE orders_orderitem SET state = %s WHERE order_id = ANY(%s)", [ItemState.SOLD, order_ids])
        cursor.execute(
            """
            UPDATE orders_product product
            SET stock_on_hand = stock_on_hand - bought.quantity, stock_sold = stock_sold + bought.quantity
            FROM (SELECT product_id, sum(quantity) AS quantity FROM orders_orderitem
                  WHERE order_id = ANY(%s) GROUP BY product_id) bought
            WHERE product.id = bought.product_id
            """,
            [order_ids],
        )


def _take_out_of_carts(order_ids: list[int]) -> None:
    """What was bought leaves the cart; what lies there beyond it stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH bought AS (
                SELECT orders.user_id, item.product_id, sum(item.quantity) AS quantity
                FROM orders_order orders JOIN orders_orderitem item ON item.order_id = orders.id
                WHERE orders.id = ANY(%s) GROUP BY orders.user_id, item.product_id
            ), lines AS (
                SELECT line.id, line.quantity - bought.quantity AS rest
                FROM orders_cartitem line
                JOIN bought ON line.user_id = bought.user_id AND line.product_id = bought.product_id
                WHERE line.order_id IS NULL
            ), gone AS (
                DELETE FROM orders_cartitem line USING lines WHERE line.id = lines.id AND rest = 0
            )
            UPDATE orders_cartitem line SET quantity = rest FROM lines WHERE line.id = lines.id AND rest > 0
            """,
            [order_ids],
        )
