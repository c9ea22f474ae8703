"""How an order ends: paid (mark_paid.py) or never paid (cancel.py), once."""

from collections.abc import Callable, Sequence

import pytest

from orders.cancel import cancel_orders
from orders.mark_paid import Marked
from orders.models import CartItem, Order, Product
from tests.constraints import locked_tables, undo
from tests.factories import fresh, make_order, make_product, make_shop, make_user, put_into_cart, sell

pytestmark = pytest.mark.django_db

Verb = Callable[[Sequence[int]], set[int] | Marked]


def stock_of(product: Product) -> tuple[int, int, int]:
    row = fresh(product)
    return row.stock_on_hand, row.stock_reserved, row.stock_sold


def state_of(order: Order) -> tuple[str, list[str], bool, bool]:
    row = fresh(order)
    return (
        row.state,
        sorted(row.items.values_list("state", flat=True)),
        row.paid_at is not None,
        row.cancelled_at is not None,
    )


def cart_of(user_id: int) -> dict[int, int]:
    return dict(CartItem.objects.filter(user_id=user_id, order__isnull=True).values_list("product_id", "quantity"))


@pytest.mark.invariant("INV-4")
def test_paying_sells_the_stock_and_empties_the_cart_of_what_was_bought() -> None:
    user, shop = make_user(), make_shop()
    bought, later = make_product(shop=shop), make_product(shop=shop)
    order = make_order(user=user, lines=[(bought, 3)])
    put_into_cart(user, later, 2)

    assert sell([order.pk]) == Marked(in_time=frozenset({order.pk}))

    assert state_of(order) == ("PAID", ["SOLD"], True, False)
    assert stock_of(bought) == (7, 0, 3)
    assert stock_of(later) == (10, 0, 0)
    assert cart_of(user.pk) == {later.pk: 2}
    assert not CartItem.objects.filter(order=order).exists()


def test_pays_many_orders_of_the_same_products_at_once() -> None:
    shop = make_shop()
    first, second = make_product(shop=shop), make_product(shop=shop)
    orders = [make_order(lines=[(second, 1), (first, 2)]), make_order(lines=[(first, 3)])]

    assert sell([order.pk for order in orders]).in_time == {order.pk for order in orders}

    assert stock_of(first) == (5, 0, 5)
    assert stock_of(second) == (9, 0, 1)


@pytest.mark.invariant("INV-2")
def test_an_order_is_paid_once() -> None:
    product = make_product()
    order = make_order(lines=[(product, 3)])
    sell([order.pk])

    assert sell([order.pk]) == Marked()

    assert stock_of(product) == (7, 0, 3)


def test_a_cancelled_order_that_nobody_wants_any_more_is_not_paid() -> None:
    product = make_product()
    order = make_order(lines=[(product, 3)])
    cancel_orders([order.pk])
    CartItem.objects.filter(user=order.user_id).delete()

    assert sell([order.pk]) == Marked()

    assert state_of(order) == ("CANCELLED", ["RELEASED"], False, True)
    assert stock_of(product) == (10, 0, 0)


@pytest.mark.invariant("INV-7")
def test_cancelling_frees_the_stock_and_gives_the_lines_back() -> None:
    user, product = make_user(), make_product()
    order = make_order(user=user, lines=[(product, 3)])

    assert cancel_orders([order.pk]) == {order.pk}

    assert state_of(order) == ("CANCELLED", ["RELEASED"], False, True)
    assert stock_of(product) == (10, 0, 0)
    assert cart_of(user.pk) == {product.pk: 3}


def test_a_line_that_comes_back_merges_with_what_was_added_since() -> None:
    user, shop = make_user(), make_shop()
    again, only = make_product(shop=shop), make_product(shop=shop)
    order = make_order(user=user, lines=[(again, 3), (only, 1)])
    put_into_cart(user, again, 2)

    cancel_orders([order.pk])

    assert cart_of(user.pk) == {again.pk: 5, only.pk: 1}


def test_two_orders_of_one_customer_come_back_as_one_line() -> None:
    user, product = make_user(), make_product()
    orders = [make_order(user=user, lines=[(product, quantity)]) for quantity in (1, 2)]

    assert cancel_orders([order.pk for order in orders]) == {order.pk for order in orders}

    assert cart_of(user.pk) == {product.pk: 3}
    assert stock_of(product) == (10, 0, 0)


@pytest.mark.invariant("INV-2")
def test_an_order_is_cancelled_once() -> None:
    user, product = make_user(), make_product()
    order = make_order(user=user, lines=[(product, 3)])
    cancel_orders([order.pk])

    assert cancel_orders([order.pk]) == set()

    assert stock_of(product) == (10, 0, 0)
    assert cart_of(user.pk) == {product.pk: 3}


def test_a_paid_order_is_not_cancelled() -> None:
    product = make_product()
    order = make_order(lines=[(product, 3)])
    sell([order.pk])

    assert cancel_orders([order.pk]) == set()

    assert state_of(order) == ("PAID", ["SOLD"], True, False)
    assert stock_of(product) == (7, 0, 3)


def test_only_those_that_wait_are_cancelled_out_of_many() -> None:
    orders = [make_order() for _ in range(3)]
    sell([orders[0].pk])
    cancel_orders([orders[1].pk])

    assert cancel_orders([order.pk for order in orders]) == {orders[2].pk}


@pytest.mark.parametrize("verb", [sell, cancel_orders])
def test_nothing_to_do_is_no_error(verb: Verb) -> None:
    assert verb([]) in (set(), Marked())
    assert verb([2**62]) in (set(), Marked())


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("verb", [sell, cancel_orders])
def test_all_of_it_is_undone_with_the_callers_transaction(verb: Verb) -> None:
    user, product = make_user(), make_product()
    order = make_order(user=user, lines=[(product, 3)])

    undo(lambda: verb([order.pk]))

    assert state_of(order) == ("PLACED", ["RESERVED"], False, False)
    assert stock_of(product) == (7, 3, 0)
    assert CartItem.objects.get(order=order).quantity == 3


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("verb", [sell, cancel_orders])
def test_locks_orders_then_cart_lines_then_products(verb: Verb) -> None:
    """Before the first change: two statements that change rows in an order of their own deadlock."""
    order = make_order()

    with locked_tables() as tables:
        verb([order.pk])

    assert tables == ["orders_order", "orders_cartitem", "orders_product"]
