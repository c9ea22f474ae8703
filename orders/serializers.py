"""What the API reads and shows of menu, cart and orders. Nothing here writes."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from choptym.lib.money import CURRENCIES
from choptym.lib.openapi import Word
from orders.models import CartItem, Order, OrderItem, Product
from orders.states import ItemState, OrderState

LARGEST_ID = 2**63 - 1


class ProductOutput(serializers.ModelSerializer[Product]):
    shop = serializers.CharField(source="shop.name")
    shop_id = serializers.IntegerField()
    price_minor = serializers.IntegerField(help_text="In minor units of the currency; XAF has none.")
    currency = Word("Currency", lambda: CURRENCIES, source="shop.currency")
    stock = serializers.IntegerField(source="stock_on_hand", help_text="How many can still be ordered.")

    class Meta:
        model = Product
        fields = ("id", "name", "shop", "shop_id", "price_minor", "currency", "stock")


class QuantityInput(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=1, max_value=settings.ORDER_MAX_QUANTITY)


class CartLineInput(QuantityInput):
    product = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class CartLineOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    product = serializers.IntegerField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price_minor = serializers.IntegerField()
    line_total_minor = serializers.IntegerField(read_only=True)
    currency = Word("Currency", lambda: CURRENCIES)


def show_line(line: CartItem) -> dict[str, Any]:
    """The body that CartLineOutput documents. Built by hand: to make its fields anew took a tenth of the request."""
    product = line.product
    return {
        "id": line.pk,
        "product": product.pk,
        "name": product.name,
        "quantity": line.quantity,
        "unit_price_minor": product.price_minor,
        "line_total_minor": line.quantity * product.price_minor,
        "currency": product.shop.currency,
    }


class OrderItemOutput(serializers.ModelSerializer[OrderItem]):
    product = serializers.IntegerField(source="product_id")
    quantity = serializers.IntegerField()
    unit_price_minor = serializers.IntegerField()
    state = Word("ItemState", lambda: ItemState.values)

    class Meta:
        model = OrderItem
        fields = ("product", "name", "quantity", "unit_price_minor", "state")


class OrderOutput(serializers.ModelSerializer[Order]):
    number = serializers.CharField()
    status = Word("OrderStatus", lambda: OrderState.values, source="state")
    total_minor = serializers.IntegerField()
    currency = Word("Currency", lambda: CURRENCIES)
    shop = serializers.CharField(source="shop.name")
    items = OrderItemOutput(many=True)

    class Meta:
        model = Order
        fields = ("id", "number", "status", "shop", "total_minor", "currency", "placed_at", "paid_at", "items")
