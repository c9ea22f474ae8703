"""Races for a dish at the end of transactions, where it is locked, and for what is locked before and after it."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, transaction

from choptym.lib.errors import NotAllowed
from orders.cancel import cancel_orders
from orders.models import Order, Product
from payments.review import accept_payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import (
    a_while_ago,
    fresh,
    give_money,
    make_attempt,
    make_order,
    make_pending,
    make_product,
    make_topup,
    make_user,
    order_cart,
    paid,
    put_into_cart,
)
from tests.payments.reviews import decide
from tests.races.track import at_once, in_transaction, slowed
from wallets.selectors import wallet_balance

HELD_SECONDS = 0.5


def holding(change: Callable[[], object], is_held: threading.Event, *, after: threading.Event | None = None) -> None:
    """Change a row in a transaction that is open a while longer."""
    if after is not None:
        after.wait(5)
    with transaction.atomic():
        change()
        is_held.set()
        time.sleep(HELD_SECONDS)


def after(event: threading.Event, action: Callable[[], object]) -> object:
    event.wait(5)
    return action()


def later(action: Callable[[], object]) -> object:
    """The others have the dish before."""
    time.sleep(0.15)
    return action()


def share(product: Product) -> None:
    """As the check of a foreign key does, when somebody puts the dish into their cart."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM orders_product WHERE id = %s FOR KEY SHARE", [product.pk])


@pytest.mark.invariant("INV-7")
def test_checkouts_of_one_dish_do_not_deadlock_beside_somebody_who_puts_it_into_a_cart() -> None:
    """A statement that waits for the row and then changes it would go back to how it was before, which others share."""
    product = make_product(stock=10)
    users = [make_user() for _ in range(2)]
    for user in users:
        put_into_cart(user, product)
    sold = Product.objects.filter(pk=product.pk)
    changed, shared = threading.Event(), threading.Event()

    results = at_once(
        partial(holding, partial(sold.update, stock_on_hand=9, stock_sold=1), changed),
        partial(holding, partial(share, product), shared, after=changed),
        *(partial(after, shared, in_transaction(partial(order_cart, user.pk))) for user in users),
    )

    assert [type(result) for result in results[2:]] == [Order, Order]
    assert (fresh(product).stock_on_hand, fresh(product).stock_reserved) == (7, 2)


def test_a_checkout_that_waited_for_its_cart_sees_what_the_customers_own_cancellation_gave_back() -> None:
    product, user = make_product(stock=1), make_user()
    order = make_order(user=user, lines=[(product, 1)])
    put_into_cart(user, product)
    is_held = threading.Event()

    _, refused = at_once(
        partial(holding, partial(cancel_orders, [order.pk]), is_held),
        partial(after, is_held, in_transaction(partial(order_cart, user.pk))),
    )

    assert isinstance(refused, NotAllowed)
    assert refused.message == f"{product.name}: 1 left.", "of the two that are in the cart now"


@pytest.mark.invariant("INV-2")
def test_accounts_are_opened_before_the_dishes_are_locked() -> None:
    """One batch opens the account of a new customer and then wants the dish, the other has the dish before."""
    product, user = make_product(stock=10), make_user()
    order = make_pending(order=make_order(user=user, lines=[(product, 1)]))[0]
    other = make_pending(order=make_order(lines=[(product, 1)]))[0]
    topup = make_topup(user=user, state=PaymentState.PENDING, pending_at=a_while_ago())
    make_attempt(topup)

    with slowed("wallets_entry", "INSERT", seconds=0.3), slowed("orders_product", "UPDATE", seconds=0.3):
        results = at_once(
            partial(later, partial(settle_batch, [paid(order)])), partial(settle_batch, [paid(other), paid(topup)])
        )

    assert results == [None, None]
    assert {fresh(payment).state for payment in (order, other, topup)} == {"SETTLED"}


@pytest.mark.invariant("INV-2")
def test_money_too_many_is_booked_after_the_dishes() -> None:
    product, user = make_product(stock=10), make_user()
    give_money(user, 10)
    twice = make_pending(order=make_order(user=user))[0]
    settle_batch([paid(twice)])
    second = make_attempt(twice, AttemptState.NOT_PAID)
    topup = make_topup(user=user, state=PaymentState.PENDING, pending_at=a_while_ago())
    make_attempt(topup)
    orders = [make_pending(order=make_order(lines=[(product, 1)]))[0] for _ in range(2)]
    batches = [[paid(twice, attempt_id=second.pk), paid(orders[0])], [paid(orders[1]), paid(topup)]]

    with slowed("wallets_entry", "INSERT", seconds=0.2), slowed("orders_product", "UPDATE", seconds=0.3):
        results = at_once(*(partial(settle_batch, batch) for batch in batches))

    assert results == [None, None]
    assert fresh(second).state == "SURPLUS"


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("late", ["surplus", "review"])
def test_accounts_for_odd_money_are_opened_before_the_dishes_too(late: str) -> None:
    """Whoever has the dish then does not wait for an account that a batch opens which waits for the dish."""
    product, user = make_product(stock=10), make_user()
    odd, other = (make_pending(order=make_order(user=one, lines=[(product, 1)]))[0] for one in (user, make_user()))
    topup = make_topup(user=user, state=PaymentState.PENDING, pending_at=a_while_ago())
    make_attempt(topup)
    book: Callable[[], object]
    if late == "surplus":
        second = make_attempt(odd, AttemptState.NOT_PAID)
        bought = make_pending(order=make_order(lines=[(product, 1)]))[0]
        book = partial(settle_batch, [paid(bought), paid(odd, attempt_id=second.pk)])
    else:
        settle_batch([paid(odd, amount_minor=2400)])
        book = partial(decide, accept_payment, odd)

    with slowed("wallets_entry", "INSERT", seconds=0.3), slowed("orders_product", "UPDATE", seconds=0.3):
        results = at_once(book, partial(settle_batch, [paid(other), paid(topup)]))

    assert not [result for result in results if isinstance(result, Exception)]
    assert wallet_balance(user.pk, "XAF").amount_minor == topup.amount_minor + (
        odd.amount_minor if late == "surplus" else 0
    )
