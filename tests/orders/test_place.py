"""Placing an order: priced and reserved on the server, or refused with nothing changed."""

import pytest
from django.db import transaction
from django.test import override_settings

from choptym.lib.errors import NotAllowed, Rejected
from orders.models import CartItem, Order, OrderItem, Product
from tests.constraints import locked_tables, undo
from tests.factories import fresh, make_product, make_shop, make_user, order_cart, put_into_cart

pytestmark = pytest.mark.django_db


def stock_of(product: Product) -> tuple[int, int, int, int]:
    row = fresh(product)
    return row.stock_start, row.stock_on_hand, row.stock_reserved, row.stock_sold


def place(user_id: int) -> Order:
    with transaction.atomic():
        return order_cart(user_id)


def test_takes_prices_and_currency_from_the_server() -> None:
    user, shop = make_user(), make_shop(currency="INR")
    rice, fish = make_product(shop=shop, price_minor=1501), make_product(shop=shop, price_minor=999)
    put_into_cart(user, rice, 2)
    put_into_cart(user, fish, 3)

    order = place(user.pk)

    assert (order.total_minor, order.currency, order.state, order.shop_id) == (5999, "INR", "PLACED", shop.pk)
    items = order.items.order_by("product_id").values_list(
        "product_id", "name", "unit_price_minor", "quantity", "state"
    )
    assert list(items) == [
        (rice.pk, rice.name, 1501, 2, "RESERVED"),
        (fish.pk, fish.name, 999, 3, "RESERVED"),
    ]


@pytest.mark.invariant("INV-7")
def test_reserves_what_was_on_hand() -> None:
    user, product, other = make_user(), make_product(stock=5), make_product(stock=5)
    put_into_cart(user, product, 5)

    place(user.pk)

    assert stock_of(product) == (5, 0, 5, 0)
    assert stock_of(other) == (5, 5, 0, 0)


def test_holds_the_lines_so_that_the_cart_is_empty_for_the_customer() -> None:
    user = make_user()
    line = put_into_cart(user, make_product())

    order = place(user.pk)

    assert fresh(line).order_id == order.pk
    with pytest.raises(Rejected) as caught:
        place(user.pk)
    assert caught.value.code == "empty_cart"


def test_a_price_that_changed_after_adding_is_the_one_that_counts() -> None:
    user, product = make_user(), make_product(price_minor=2500)
    put_into_cart(user, product, 2)
    Product.objects.filter(pk=product.pk).update(price_minor=2600, name="dearer dish")

    order = place(user.pk)

    assert order.total_minor == 5200
    assert order.items.values_list("name", "unit_price_minor").get() == ("dearer dish", 2600)


def test_a_price_that_changes_after_ordering_changes_no_order() -> None:
    user, product = make_user(), make_product(price_minor=2500)
    put_into_cart(user, product)
    order = place(user.pk)

    Product.objects.filter(pk=product.pk).update(price_minor=9999)

    assert fresh(order).total_minor == 2500
    assert order.items.get().unit_price_minor == 2500


def test_locks_the_cart_before_the_products_and_each_by_id() -> None:
    user, shop = make_user(), make_shop()
    products = [make_product(shop=shop) for _ in range(3)]
    for product in reversed(products):
        put_into_cart(user, product)

    with locked_tables() as tables:
        place(user.pk)

    assert tables == ["orders_cartitem", "orders_product"]


def test_refuses_an_empty_cart() -> None:
    with pytest.raises(Rejected) as caught:
        place(make_user().pk)

    assert (caught.value.code, caught.value.http_status) == ("empty_cart", 400)
    assert caught.value.fields == {"cart": "Empty."}


def test_refuses_what_is_sold_out_naming_every_line_and_reserves_nothing() -> None:
    user, shop = make_user(), make_shop()
    there, few, gone, off = (
        make_product(shop=shop, stock=9),
        make_product(shop=shop, stock=1),
        make_product(shop=shop, stock=0),
        make_product(shop=shop, stock=9, is_active=False),
    )
    lines = [put_into_cart(user, product, 2) for product in (there, few, gone, off)]

    with pytest.raises(NotAllowed) as caught:
        place(user.pk)

    assert (caught.value.code, caught.value.http_status) == ("sold_out", 409)
    assert caught.value.fields == {
        f"cart.{lines[1].pk}": f"{few.name}: 1 left.",
        f"cart.{lines[2].pk}": f"{gone.name} is sold out.",
        f"cart.{lines[3].pk}": f"{off.name} is sold out.",
    }
    assert [stock_of(product)[1:3] for product in (there, few, gone, off)] == [(9, 0), (1, 0), (0, 0), (9, 0)]
    assert not Order.objects.filter(user=user).exists()
    assert CartItem.objects.filter(user=user, order__isnull=True).count() == 4


def test_refuses_a_shop_that_closed_meanwhile() -> None:
    user, shop = make_user(), make_shop(is_open=False)
    put_into_cart(user, make_product(shop=shop))

    with pytest.raises(NotAllowed) as caught:
        place(user.pk)

    assert caught.value.code == "shop_closed"
    assert not OrderItem.objects.filter(order__user=user).exists()


@override_settings(ORDER_MAX_QUANTITY=100, ORDER_MAX_LINES=2)
@pytest.mark.parametrize(("quantities", "code"), [((101,), "quantity_too_large"), ((1, 1, 1), "cart_full")])
def test_refuses_what_came_together_from_cancelled_orders(quantities: tuple[int, ...], code: str) -> None:
    user, shop = make_user(), make_shop()
    for quantity in quantities:
        put_into_cart(user, make_product(shop=shop), quantity)

    with pytest.raises(Rejected) as caught:
        place(user.pk)

    assert caught.value.code == code
    assert not Order.objects.filter(user=user).exists()


def test_refuses_a_cart_of_two_shops() -> None:
    user = make_user()
    put_into_cart(user, make_product())
    put_into_cart(user, make_product())

    with pytest.raises(Rejected) as caught:
        place(user.pk)

    assert caught.value.code == "several_shops"


@override_settings(ORDER_MAX_AMOUNT_MINOR=10_000)
def test_the_largest_total_is_allowed_and_one_franc_more_is_not() -> None:
    rich, absurd = make_user(), make_user()
    put_into_cart(rich, make_product(price_minor=10_000))
    product = make_product(price_minor=10_001)
    put_into_cart(absurd, product)

    assert place(rich.pk).total_minor == 10_000
    with pytest.raises(Rejected) as caught:
        place(absurd.pk)

    assert caught.value.code == "amount_too_large"
    assert stock_of(product) == (10, 10, 0, 0)


def test_nothing_remains_when_the_callers_transaction_fails() -> None:
    user, product = make_user(), make_product()
    put_into_cart(user, product)

    undo(lambda: order_cart(user.pk))

    assert stock_of(product) == (10, 10, 0, 0)
    assert CartItem.objects.filter(user=user, order__isnull=True).count() == 1
