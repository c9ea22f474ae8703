"""A cancelled order whose money came after all is on again, if it can be cooked and is still wanted."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from orders.cancel import cancel_orders
from orders.mark_paid import Marked
from orders.models import CartItem, Order, Product, Shop
from payments.prove import find_breaks
from tests.constraints import locked_tables, undo
from tests.factories import (
    a_while_ago,
    fresh,
    make_order,
    make_product,
    make_shop,
    make_user,
    order_cart,
    put_into_cart,
    sell,
)

pytestmark = pytest.mark.django_db


def cancelled(user: User, *lines: tuple[Product, int]) -> Order:
    order = make_order(user=user, lines=lines)
    cancel_orders([order.pk])
    return fresh(order)


def stock_of(product: Product) -> tuple[int, int, int]:
    row = fresh(product)
    return row.stock_on_hand, row.stock_reserved, row.stock_sold


def cart_of(user: User) -> dict[int, int]:
    return dict(CartItem.objects.filter(user=user, order__isnull=True).values_list("product_id", "quantity"))


def retaken(*orders: Order) -> Marked:
    return Marked(retaken=frozenset(order.pk for order in orders))


def assert_still_cancelled(order: Order) -> None:
    assert (fresh(order).state, fresh(order).paid_at) == ("CANCELLED", None)
    assert set(order.items.values_list("state", flat=True)) == {"RELEASED"}


@pytest.mark.invariant("INV-6")
@pytest.mark.invariant("INV-7")
def test_it_is_paid_its_stock_is_sold_from_what_is_on_hand_and_the_cart_is_empty_of_it() -> None:
    user, shop = make_user(), make_shop()
    first, second, other = (make_product(shop=shop) for _ in range(3))
    order = cancelled(user, (first, 3), (second, 1))
    put_into_cart(user, other, 4)

    assert sell([order.pk]) == retaken(order)

    row = fresh(order)
    assert (row.state, row.paid_at is not None, row.cancelled_at) == ("PAID", True, order.cancelled_at)
    assert set(order.items.values_list("state", flat=True)) == {"SOLD"}
    assert (stock_of(first), stock_of(second)) == ((7, 0, 3), (9, 0, 1))
    assert cart_of(user) == {other.pk: 4}


@pytest.mark.invariant("INV-2")
def test_it_is_taken_up_once() -> None:
    user, product = make_user(), make_product()
    order = cancelled(user, (product, 3))
    sell([order.pk])
    put_into_cart(user, product, 3)

    assert sell([order.pk]) == Marked()

    assert stock_of(product) == (7, 0, 3)
    assert cart_of(user) == {product.pk: 3}


def test_what_was_put_into_the_cart_beyond_it_stays() -> None:
    user, product = make_user(), make_product()
    order = cancelled(user, (product, 3))
    CartItem.objects.filter(user=user).update(quantity=5)

    assert sell([order.pk]) == retaken(order)

    assert cart_of(user) == {product.pk: 2}


def sell_out(order: Order) -> None:
    product = order.items.order_by("pk")[0].product
    make_order(lines=[(product, product.stock_on_hand)])


def close_shop(order: Order) -> None:
    Shop.objects.filter(pk=order.shop_id).update(is_open=False)


def take_off_the_menu(order: Order) -> None:
    Product.objects.filter(pk=order.items.order_by("pk")[0].product_id).update(is_active=False)


def throw_out(order: Order) -> None:
    CartItem.objects.filter(user=order.user_id, product=order.items.order_by("pk")[0].product_id).delete()


def want_less(order: Order) -> None:
    CartItem.objects.filter(user=order.user_id, quantity=3).update(quantity=2)


def order_again(order: Order) -> None:
    order_cart(order.user_id)


def pay_again(order: Order) -> None:
    sell([order_cart(order.user_id).pk])


def wait_too_long(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(cancelled_at=a_while_ago(1801))


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize(
    "spoil",
    [sell_out, close_shop, take_off_the_menu, throw_out, want_less, order_again, pay_again, wait_too_long],
)
def test_it_stays_cancelled_when_it_cannot_be_cooked_or_is_not_wanted(spoil: Callable[[Order], None]) -> None:
    user, shop = make_user(), make_shop()
    order = cancelled(user, (make_product(shop=shop), 3), (make_product(shop=shop), 1))
    spoil(order)
    products = [item.product for item in order.items.all()]
    before = [stock_of(product) for product in products], cart_of(user)

    assert sell([order.pk]) == Marked()

    assert_still_cancelled(order)
    assert ([stock_of(product) for product in products], cart_of(user)) == before


@override_settings(PAYMENT_LATE_ORDER_WITHIN_SECONDS=0)
def test_a_house_that_wants_no_late_orders_has_none() -> None:
    order = cancelled(make_user(), (make_product(), 1))

    assert sell([order.pk]) == Marked()


def test_just_in_time_is_in_time() -> None:
    order = cancelled(make_user(), (make_product(), 1))
    Order.objects.filter(pk=order.pk).update(cancelled_at=a_while_ago(1790))

    assert sell([order.pk]) == retaken(order)


@pytest.mark.invariant("INV-7")
def test_of_two_late_orders_for_the_last_plate_the_older_has_it() -> None:
    product = make_product(stock=3)
    first = cancelled(make_user(), (product, 2))
    second = cancelled(make_user(), (product, 2))

    assert sell([second.pk, first.pk]) == retaken(first)

    assert_still_cancelled(second)
    assert stock_of(product) == (1, 0, 2)


def test_two_late_orders_of_one_customer_need_two_portions_in_the_cart() -> None:
    user, product = make_user(), make_product()
    first, second = make_order(user=user, lines=[(product, 2)]), make_order(user=user, lines=[(product, 2)])
    cancel_orders([first.pk, second.pk])
    CartItem.objects.filter(user=user).update(quantity=3)

    assert sell([first.pk, second.pk]) == retaken(first)

    assert_still_cancelled(second)
    assert cart_of(user) == {product.pk: 1}


@pytest.mark.invariant("INV-7")
def test_orders_in_time_and_late_ones_share_their_products() -> None:
    product = make_product(stock=10)
    late = cancelled(make_user(), (product, 2))
    in_time = make_order(lines=[(product, 3)])

    assert sell([late.pk, in_time.pk]) == Marked(frozenset({in_time.pk}), frozenset({late.pk}))

    assert stock_of(product) == (5, 0, 5)


def test_another_customers_cart_is_left_alone() -> None:
    product, other = make_product(), make_user()
    order = cancelled(make_user(), (product, 2))
    put_into_cart(other, product, 2)

    sell([order.pk])

    assert cart_of(other) == {product.pk: 2}


@pytest.mark.invariant("INV-4")
def test_all_of_it_is_undone_with_the_callers_transaction() -> None:
    user, product = make_user(), make_product()
    order = cancelled(user, (product, 3))

    undo(lambda: sell([order.pk]))

    assert_still_cancelled(order)
    assert stock_of(product) == (10, 0, 0)
    assert cart_of(user) == {product.pk: 3}


@pytest.mark.invariant("INV-2")
def test_everything_is_locked_in_order_before_the_first_change_in_time_and_late_ones_together() -> None:
    product = make_product()
    late, in_time = cancelled(make_user(), (product, 1)), make_order(lines=[(product, 1)])

    with locked_tables() as tables:
        sell([late.pk, in_time.pk])

    assert [*dict.fromkeys(tables)] == ["orders_order", "orders_cartitem", "orders_product"]


def test_the_stock_adds_up_in_the_proof() -> None:
    order = cancelled(make_user(), (make_product(), 3))
    sell([order.pk])

    assert set(find_breaks()) == {"paid_order_without_sale"}  # no money was booked here
    assert fresh(order).cancelled_at is not None
