"""What the tables of shops, products, carts and orders refuse, whatever the code does."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from orders.models import CartItem, Order, OrderItem, Product, Shop
from tests.constraints import refused_by
from tests.factories import make_order, make_product, make_shop, make_user, put_into_cart, sell

pytestmark = pytest.mark.django_db


def test_a_shop_has_a_currency_that_we_know() -> None:
    with refused_by("shop_currency_known"):
        make_shop(currency="USD")


def test_a_shop_has_each_name_once() -> None:
    shop = make_shop()

    with refused_by("orders_shop_name_key"):
        Shop.objects.create(name=shop.name, currency="XAF")


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_is_positive(price: int) -> None:
    with refused_by("product_price_positive"):
        make_product(price_minor=price)


def test_a_shop_sells_a_name_once() -> None:
    product = make_product()

    with refused_by("product_name_once_per_shop"):
        make_product(shop=product.shop, name=product.name)
    make_product(name=product.name)


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("column", ["stock_on_hand", "stock_reserved", "stock_sold"])
def test_stock_is_never_negative(column: str) -> None:
    product = make_product(stock=0)

    with refused_by("product_stock_not_negative"):
        Product.objects.filter(pk=product.pk).update(**{column: -1, "stock_start": -1})


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("column", ["stock_start", "stock_on_hand", "stock_reserved", "stock_sold"])
def test_stock_adds_up(column: str) -> None:
    product = make_product(stock=5)

    with refused_by("product_stock_adds_up"):
        Product.objects.filter(pk=product.pk).update(**{column: F(column) + 1})


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("order_total_positive", {"total_minor": 0}),
        ("order_state_known", {"state": "LOST"}),
        ("order_paid_has_time", {"state": "PAID"}),
        ("order_paid_has_time", {"paid_at": timezone.now()}),
        ("order_cancelled_has_time", {"state": "CANCELLED"}),
        ("order_cancelled_has_time", {"cancelled_at": timezone.now()}),
    ],
)
def test_an_order_is_sound(name: str, columns: dict[str, Any]) -> None:
    order = make_order()

    with refused_by(name):
        Order.objects.filter(pk=order.pk).update(**columns)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("item_quantity_positive", {"quantity": 0}),
        ("item_quantity_positive", {"quantity": -1}),
        ("item_price_positive", {"unit_price_minor": 0}),
        ("item_state_known", {"state": "EATEN"}),
    ],
)
def test_an_item_is_sound(name: str, columns: dict[str, Any]) -> None:
    order = make_order()

    with refused_by(name):
        OrderItem.objects.filter(order=order).update(**columns)


def test_a_product_is_in_an_order_once() -> None:
    item = make_order().items.get()

    with refused_by("item_once_per_order"):
        OrderItem.objects.create(
            order_id=item.order_id, product_id=item.product_id, name="again", unit_price_minor=1, quantity=1
        )


def test_a_product_is_in_a_cart_once() -> None:
    user, product = make_user(), make_product()
    put_into_cart(user, product)

    with refused_by("cart_line_once"):
        put_into_cart(user, product)


def test_a_product_may_be_in_a_cart_and_be_held_by_orders_at_the_same_time() -> None:
    user, product = make_user(), make_product()
    for _ in range(2):
        make_order(user=user, lines=[(product, 1)])

    put_into_cart(user, product)

    assert CartItem.objects.filter(user=user).count() == 3


def test_a_quantity_in_a_cart_is_positive() -> None:
    with refused_by("cart_quantity_positive"):
        put_into_cart(make_user(), make_product(), 0)


def test_what_an_order_names_cannot_be_deleted_beneath_it() -> None:
    order = make_order()
    sell([order.pk])
    product = order.items.get().product

    with refused_by(_foreign_key("orders_orderitem", "product_id")):
        Product.objects.filter(pk=product.pk)._raw_delete(using="default")
    with refused_by(_foreign_key("orders_orderitem", "order_id")):
        Order.objects.filter(pk=order.pk)._raw_delete(using="default")


def _foreign_key(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return next(str(name) for name, one in constraints.items() if one["foreign_key"] and one["columns"] == [column])
