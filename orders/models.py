"""Shops, their products, carts and orders. Amounts are in minor units of the shop's currency."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES, Money
from orders.states import ItemState, OrderState


class Shop(models.Model):
    """A restaurant. It has one currency, and so has everything that it sells."""

    name = models.CharField(max_length=100, unique=True)
    currency = models.CharField(max_length=3)
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(currency__in=CURRENCIES), name="shop_currency_known")]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """Something to eat, and how much of it is left.

    `stock_start` counts everything that was ever put on sale; it is always the sum of the other three (INV-7).
    """

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="products")
    name = models.CharField(max_length=100)
    price_minor = models.BigIntegerField()
    is_active = models.BooleanField(default=True)
    stock_start = models.IntegerField(default=0)
    stock_on_hand = models.IntegerField(default=0)
    stock_reserved = models.IntegerField(default=0)
    stock_sold = models.IntegerField(default=0)

    class Meta:
        permissions = [("restock_product", "Can restock product")]
        constraints = [
            models.UniqueConstraint(fields=["shop", "name"], name="product_name_once_per_shop"),
            models.CheckConstraint(condition=Q(price_minor__gt=0), name="product_price_positive"),
            models.CheckConstraint(
                condition=Q(stock_on_hand__gte=0, stock_reserved__gte=0, stock_sold__gte=0),
                name="product_stock_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(stock_start=F("stock_on_hand") + F("stock_reserved") + F("stock_sold")),
                name="product_stock_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.shop.currency)

    @property
    def on_sale(self) -> int:
        """How many pieces can be ordered now."""
        return self.stock_on_hand if self.is_active else 0


class Order(models.Model):
    """What a customer asked for, at the prices of that moment.

    A PAID order with a `cancelled_at` had been cancelled and was taken up again when its money came (orders/retake.py).
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="orders")
    state = models.CharField(max_length=12, choices=OrderState.choices, default=OrderState.PLACED)
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    placed_at = models.DateTimeField(default=clock.now, editable=False)
    paid_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="order_by_user"),
            models.Index(fields=["state", "-id"], name="order_by_state"),
            models.Index(fields=["id"], name="order_placed", condition=Q(state=OrderState.PLACED)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(total_minor__gt=0), name="order_total_positive"),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_known"),
            models.CheckConstraint(
                condition=Q(state=OrderState.PAID, paid_at__isnull=False)
                | (~Q(state=OrderState.PAID) & Q(paid_at__isnull=True)),
                name="order_paid_has_time",
            ),
            models.CheckConstraint(
                condition=(~Q(state=OrderState.PLACED) | Q(cancelled_at__isnull=True))
                & (~Q(state=OrderState.CANCELLED) | Q(cancelled_at__isnull=False)),
                name="order_cancelled_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What customers and staff call the order."""
        return f"CT-{self.pk:06d}"

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


class OrderItem(models.Model):
    """A snapshot of a product as it was ordered."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    unit_price_minor = models.BigIntegerField()
    quantity = models.IntegerField()
    state = models.CharField(max_length=8, choices=ItemState.choices, default=ItemState.RESERVED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "product"], name="item_once_per_order"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="item_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price_minor__gt=0), name="item_price_positive"),
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="item_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"


class CartItem(models.Model):
    """A line of a customer's cart.

    While `order` is set the line is held by an order that awaits its payment: the customer does not see it, so the
    same dish is not paid twice. It is deleted when the order is paid, and comes back when the order is cancelled.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="cart_items")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    quantity = models.IntegerField()
    order = models.ForeignKey(Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="held_lines")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "product"], name="cart_line_once", condition=Q(order__isnull=True)),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="cart_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"
