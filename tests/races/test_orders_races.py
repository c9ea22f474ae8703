"""Races for stock, carts and the end of an order."""

import time
from collections.abc import Sequence
from functools import partial

import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from choptym.lib.errors import NotAllowed
from orders import cancel, mark_paid, place
from orders.carts import add_to_cart
from orders.locks import CartLine
from orders.models import CartItem, Order, Product
from tests.factories import fresh, make_order, make_product, make_user, order_cart, put_into_cart, sell
from tests.races.track import at_once, in_transaction, meeting, slowed
from tests.races.unlocked import read_cart, reserving_blindly

CUSTOMERS = 6


def stock_of(product: Product) -> tuple[int, int, int]:
    row = fresh(product)
    return row.stock_on_hand, row.stock_reserved, row.stock_sold


def all_buy_the_last(product: Product) -> list[object]:
    users = [make_user() for _ in range(CUSTOMERS)]
    for user in users:
        put_into_cart(user, product)
    with slowed("orders_order", "INSERT", seconds=0.05):
        return at_once(*(in_transaction(partial(order_cart, user.pk)) for user in users))


@pytest.mark.invariant("INV-7")
def test_the_last_plate_is_sold_once() -> None:
    product = make_product(stock=1)

    results = all_buy_the_last(product)

    assert sum(isinstance(result, Order) for result in results) == 1
    refusals = [result for result in results if isinstance(result, NotAllowed)]
    assert [error.code for error in refusals] == ["sold_out"] * (CUSTOMERS - 1)
    assert stock_of(product) == (0, 1, 0)


def test_control_without_the_lock_the_table_refuses_and_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the lock stands a constraint: the last plate is still sold once, but the others get a fault of ours."""
    monkeypatch.setattr(place, "move_stock", reserving_blindly(meeting(CUSTOMERS)))
    product = make_product(stock=1)

    results = all_buy_the_last(product)

    assert sum(isinstance(result, Order) for result in results) == 1
    assert sum(isinstance(result, IntegrityError) for result in results) == CUSTOMERS - 1
    assert stock_of(product) == (0, 1, 0)


def check_out_at_once() -> tuple[list[int], int, Product]:
    user, product = make_user(), make_product(stock=10)
    put_into_cart(user, product, 2)

    def check_out(key: str) -> object:
        client = APIClient()
        client.force_authenticate(user)
        body = {"method": "fapshi", "phone": "677000001"}
        return client.post("/api/checkout/", body, headers={"Idempotency-Key": key}).status_code

    with slowed("orders_order", "INSERT"):
        statuses = at_once(*(partial(check_out, f"key-{number}") for number in range(3)))
    return sorted(statuses), Order.objects.filter(user=user).count(), product


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent_gateways")
def test_a_cart_that_is_checked_out_at_once_with_several_keys_is_one_order() -> None:
    statuses, orders, product = check_out_at_once()

    assert (statuses, orders) == ([202, 400, 400], 1)
    assert stock_of(product) == (8, 2, 0)


@pytest.mark.usefixtures("silent_gateways")
def test_control_without_the_lock_a_cart_is_ordered_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(3)

    def read(user_id: int) -> list[CartLine]:
        lines = read_cart(user_id)
        meet()
        return lines

    monkeypatch.setattr(place, "lock_cart", read)

    statuses, orders, _ = check_out_at_once()

    assert (statuses, orders) == ([202, 202, 202], 3)


def pay_and_cancel() -> tuple[Order, Product]:
    """Two orders of one product; the first is paid and cancelled at once."""
    product = make_product(stock=10)
    order, _ = make_order(lines=[(product, 1)]), make_order(lines=[(product, 1)])
    with slowed("orders_orderitem", "UPDATE", seconds=0.05):
        at_once(
            in_transaction(partial(sell, [order.pk])),
            in_transaction(partial(cancel.cancel_orders, [order.pk])),
        )
    return fresh(order), product


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("number", range(3))
def test_an_order_that_is_paid_and_cancelled_at_once_ends_one_way(number: int) -> None:
    order, product = pay_and_cancel()

    if order.state == "PAID":
        assert stock_of(product) == (8, 1, 1)
    else:
        assert (order.state, stock_of(product)) == ("CANCELLED", (9, 1, 0))


def test_control_without_the_lock_an_order_ends_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(2)

    def read(order_ids: Sequence[int]) -> list[Order]:
        orders = list(Order.objects.filter(pk__in=order_ids))
        meet()
        return orders

    def read_and_dawdle(order_ids: Sequence[int]) -> list[Order]:
        orders = read(order_ids)
        time.sleep(0.5)
        return orders

    monkeypatch.setattr(cancel, "lock_orders", read)
    monkeypatch.setattr(mark_paid, "lock_orders", read_and_dawdle)

    _, product = pay_and_cancel()

    assert stock_of(product) == (9, 0, 1)  # one plate is both sold and on hand


def test_pressing_add_many_times_at_once_counts_every_time() -> None:
    user, product = make_user(), make_product()

    with slowed("orders_cartitem", "INSERT", seconds=0.05):
        at_once(*(partial(add_to_cart, user_id=user.pk, product_id=product.pk, quantity=1) for _ in range(CUSTOMERS)))

    assert list(CartItem.objects.filter(user=user).values_list("quantity", flat=True)) == [CUSTOMERS]
