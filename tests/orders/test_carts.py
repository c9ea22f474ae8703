"""Filling a cart."""

import pytest
from django.test import override_settings

from choptym.lib.errors import NotAllowed, Rejected
from orders.carts import add_to_cart, change_quantity, remove_from_cart
from orders.models import CartItem
from tests.factories import fresh, make_order, make_product, make_shop, make_user, put_into_cart

pytestmark = pytest.mark.django_db


def test_adds_a_line() -> None:
    user, product = make_user(), make_product()

    line = add_to_cart(user_id=user.pk, product_id=product.pk, quantity=3)

    assert (line.user_id, line.product_id, line.quantity, line.order_id) == (user.pk, product.pk, 3, None)


def test_the_same_product_again_grows_its_line() -> None:
    user, product = make_user(), make_product()
    first = add_to_cart(user_id=user.pk, product_id=product.pk, quantity=3)

    second = add_to_cart(user_id=user.pk, product_id=product.pk, quantity=4)

    assert second.pk == first.pk
    assert CartItem.objects.get(user=user).quantity == 7


def test_a_line_that_an_order_holds_does_not_grow() -> None:
    user, product = make_user(), make_product()
    order = make_order(user=user, lines=[(product, 2)])

    line = add_to_cart(user_id=user.pk, product_id=product.pk, quantity=1)

    assert line.quantity == 1
    assert CartItem.objects.get(order=order).quantity == 2


@pytest.mark.parametrize("is_active", [True, False])
def test_refuses_a_product_that_is_not_there(is_active: bool) -> None:
    product = make_product(is_active=False)
    product_id = product.pk + 1000 if is_active else product.pk

    with pytest.raises(Rejected) as caught:
        add_to_cart(user_id=make_user().pk, product_id=product_id, quantity=1)

    assert (caught.value.code, caught.value.fields) == ("unknown_product", {"product": "No such product."})


def test_refuses_what_is_sold_out() -> None:
    user, product = make_user(), make_product(stock=0)

    with pytest.raises(NotAllowed) as caught:
        add_to_cart(user_id=user.pk, product_id=product.pk, quantity=1)

    assert caught.value.code == "sold_out"
    assert not CartItem.objects.filter(user=user).exists()


def test_refuses_the_product_of_another_shop() -> None:
    user = make_user()
    put_into_cart(user, make_product())

    with pytest.raises(NotAllowed) as caught:
        add_to_cart(user_id=user.pk, product_id=make_product().pk, quantity=1)

    assert caught.value.code == "other_shop"
    assert CartItem.objects.filter(user=user).count() == 1


@override_settings(ORDER_MAX_QUANTITY=10)
def test_a_line_grows_to_the_most_and_no_further() -> None:
    user, product = make_user(), make_product()
    line = put_into_cart(user, product, 8)

    assert add_to_cart(user_id=user.pk, product_id=product.pk, quantity=2).quantity == 10
    with pytest.raises(Rejected) as caught:
        add_to_cart(user_id=user.pk, product_id=product.pk, quantity=1)

    assert caught.value.code == "quantity_too_large"
    assert fresh(line).quantity == 10


@override_settings(ORDER_MAX_LINES=2)
def test_a_cart_holds_so_many_products_and_no_more() -> None:
    user, shop = make_user(), make_shop()
    for _ in range(2):
        add_to_cart(user_id=user.pk, product_id=make_product(shop=shop).pk, quantity=1)

    with pytest.raises(Rejected) as caught:
        add_to_cart(user_id=user.pk, product_id=make_product(shop=shop).pk, quantity=1)

    assert caught.value.code == "cart_full"
    assert CartItem.objects.filter(user=user).count() == 2


def test_sets_the_quantity_of_a_line() -> None:
    user = make_user()
    line = put_into_cart(user, make_product(), 8)

    changed = change_quantity(user_id=user.pk, line_id=line.pk, quantity=2)

    assert changed is not None
    assert (changed.pk, fresh(line).quantity) == (line.pk, 2)


def test_removes_a_line() -> None:
    user = make_user()
    line = put_into_cart(user, make_product())

    assert remove_from_cart(user_id=user.pk, line_id=line.pk) is True
    assert remove_from_cart(user_id=user.pk, line_id=line.pk) is False


@pytest.mark.invariant("INV-10")
def test_the_line_of_somebody_else_is_neither_changed_nor_removed() -> None:
    stranger, line = make_user(), put_into_cart(make_user(), make_product(), 3)

    assert change_quantity(user_id=stranger.pk, line_id=line.pk, quantity=1) is None
    assert remove_from_cart(user_id=stranger.pk, line_id=line.pk) is False
    assert fresh(line).quantity == 3


def test_a_line_that_an_order_holds_is_neither_changed_nor_removed() -> None:
    user = make_user()
    make_order(user=user)
    line = CartItem.objects.get(user=user)

    assert change_quantity(user_id=user.pk, line_id=line.pk, quantity=5) is None
    assert remove_from_cart(user_id=user.pk, line_id=line.pk) is False
    assert fresh(line).quantity == 1
