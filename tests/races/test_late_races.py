"""Races for the last plate of a late order, and for a decision about captured money."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

import pytest
from django.db import IntegrityError, OperationalError

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed
from orders import mark_paid, place, retake
from orders.cancel import cancel_orders
from orders.models import CartItem, Order, Product
from orders.stock import move_stock
from payments import review
from payments.models import DeadLetter, Payment
from payments.review import accept_payment, credit_payment, fail_payment
from payments.settle import settle_batch
from payments.states import PaymentState
from tests.factories import (
    fresh,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_product,
    make_user,
    order_cart,
    paid,
    put_into_cart,
)
from tests.payments.books import entries_of, told
from tests.payments.staff import make_staff
from tests.races.track import at_once, in_transaction, meeting, slowed, wallet_is_true
from tests.races.unlocked import reserving_blindly


def late_for(product: Product) -> Payment:
    """A payment whose order was given up, of which the money comes now."""
    order = make_order(lines=[(product, 1)])
    in_transaction(partial(cancel_orders, [order.pk]))()
    payment = make_payment(order=order, state=PaymentState.EXPIRED)
    make_attempt(payment)
    return payment


def stock_of(product: Product) -> tuple[int, int, int]:
    row = fresh(product)
    return row.stock_on_hand, row.stock_reserved, row.stock_sold


# The last plate: late money against a new checkout.


def late_money_against_a_checkout(payment: Payment, product: Product) -> tuple[Payment, list[object]]:
    other = make_user()
    put_into_cart(other, product)
    fact = paid(payment)
    with slowed("orders_product", "UPDATE", seconds=0.05), slowed_orders():
        results = at_once(partial(settle_batch, [fact]), in_transaction(partial(order_cart, other.pk)))
    return fresh(payment), results


def slowed_orders() -> AbstractContextManager[None]:
    return slowed("orders_orderitem", "INSERT OR UPDATE", seconds=0.05)


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("number", range(4))
def test_the_last_plate_goes_to_the_late_order_or_to_the_new_one(number: int) -> None:
    product = make_product(stock=1)

    payment, results = late_money_against_a_checkout(late_for(product), product)

    assert payment.state == "SETTLED"
    assert payment.order is not None
    if payment.order.state == "PAID":
        assert stock_of(product) == (0, 0, 1)
        assert isinstance(results[1], NotAllowed)
        assert told(payment) == ["payment_settled_late"]
    else:
        assert stock_of(product) == (0, 1, 0)
        assert isinstance(results[1], Order)
        assert (told(payment), sorted(entries_of(payment))) == (["wallet_credited"], ["capture"])


def test_control_without_the_lock_of_the_products_the_last_plate_is_fought_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table's own checks keep the stock true; but one of the two fails for a reason that tells nobody anything."""
    product = make_product(stock=1)
    late, meet = late_for(product), meeting(2)
    on_hand = retake._on_hand

    def read_on_hand(product_ids: Sequence[int]) -> Counter[int]:
        found = on_hand(product_ids)
        meet()
        return found

    monkeypatch.setattr(place, "move_stock", reserving_blindly(meet))
    monkeypatch.setattr(mark_paid, "lock_products_of", lambda order_ids: None)
    monkeypatch.setattr(retake, "_on_hand", read_on_hand)

    payment, results = late_money_against_a_checkout(late, product)

    assert DeadLetter.objects.filter(payment=payment).exists() or isinstance(results[1], IntegrityError)


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("number", range(3))
def test_the_same_customer_who_checks_out_again_pays_for_one_plate(number: int) -> None:
    product = make_product(stock=5)
    payment = late_for(product)
    fact = paid(payment)

    with slowed("orders_cartitem", "UPDATE OR DELETE", seconds=0.05):
        _, again = at_once(partial(settle_batch, [fact]), in_transaction(partial(order_cart, payment.user_id)))

    assert payment.order is not None
    is_on_again = fresh(payment.order).state == "PAID"
    assert isinstance(again, Order) is not is_on_again
    assert stock_of(product) == ((4, 0, 1) if is_on_again else (4, 1, 0))
    assert told(payment) == ["payment_settled_late" if is_on_again else "wallet_credited"]
    assert not CartItem.objects.filter(user=payment.user_id, order=None).exists()


def check_out_slowly_while_late_money_comes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The customer's checkout has the cart's lines and takes its time before it locks their product."""
    product = make_product(stock=5)
    payment = late_for(product)
    fact = paid(payment)

    def dawdle(order_ids: Sequence[int], **change: int) -> list[int]:
        time.sleep(0.4)
        return move_stock(order_ids, **change)

    def settle_a_little_later() -> None:
        time.sleep(0.1)
        settle_batch([fact])

    monkeypatch.setattr(place, "move_stock", dawdle)
    return at_once(settle_a_little_later, in_transaction(partial(order_cart, payment.user_id)))


def test_late_money_waits_for_the_cart_before_it_locks_a_product(monkeypatch: pytest.MonkeyPatch) -> None:
    settled, order = check_out_slowly_while_late_money_comes(monkeypatch)

    assert settled is None
    assert isinstance(order, Order)


def test_control_without_the_lock_of_the_free_lines_the_two_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_paid, "lock_lines", lambda **_: None)

    results = check_out_slowly_while_late_money_comes(monkeypatch)

    assert [result for result in results if isinstance(result, OperationalError)]


@pytest.mark.parametrize("number", range(3))
def test_late_and_timely_batches_that_share_products_do_not_deadlock(number: int) -> None:
    products = [make_product(stock=100) for _ in range(4)]
    payments = [late_for(product) for product in products]
    payments += [make_pending(order=make_order(lines=[(product, 1)]))[0] for product in products]
    facts = [paid(payment) for payment in payments]

    with slowed("orders_product", "UPDATE", seconds=0.03):
        results = at_once(
            partial(settle_batch, facts), partial(settle_batch, facts[::-1]), partial(settle_batch, facts[2:6])
        )

    assert results == [None, None, None]
    assert {fresh(payment).state for payment in payments} == {"SETTLED"}
    assert [stock_of(product) for product in products] == [(98, 0, 2)] * 4


# Decisions.


def under_review() -> Payment:
    payment, _ = make_pending()
    settle_batch([paid(payment, amount_minor=2700)])
    return fresh(payment)


def decide_at_once(payment: Payment, *verbs: Callable[..., Payment]) -> list[object]:
    actor = make_staff().pk
    with slowed("wallets_entry", "INSERT"):
        return at_once(*(partial(verb, payment.pk, actor_id=actor, reason="the dashboard") for verb in verbs))


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(
    "verbs",
    [
        (accept_payment, accept_payment, accept_payment),
        (accept_payment, credit_payment, fail_payment),
        (fail_payment, credit_payment, credit_payment),
    ],
)
def test_what_several_decide_at_once_is_decided_once(verbs: tuple[Callable[..., Payment], ...]) -> None:
    payment = under_review()

    results = decide_at_once(payment, *verbs)

    refused = [result for result in results if isinstance(result, NotAllowed)]
    assert [error.code for error in refused] == ["already_decided"] * 2
    assert Act.objects.filter(about=f"payment:{payment.pk}").count() == 1
    row = fresh(payment)
    assert row.state in {"SETTLED", "FAILED"}
    assert ("capture" in entries_of(payment)) is (row.state == "SETTLED")


def test_control_without_the_lock_a_decision_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger refuses the second booking, with an error that tells staff nothing."""
    meet = meeting(2)

    def read(payment_ids: Sequence[int]) -> list[Payment]:
        payments = list(Payment.objects.filter(pk__in=payment_ids))
        meet()
        return payments

    monkeypatch.setattr(review, "lock_payments", read)
    payment = under_review()

    results = decide_at_once(payment, credit_payment, credit_payment)

    assert not [result for result in results if isinstance(result, NotAllowed)]
    assert [result for result in results if isinstance(result, Exception)]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("number", range(3))
def test_a_decision_and_late_news_at_once_book_it_once(number: int) -> None:
    payment = under_review()
    actor = make_staff().pk
    right, wrong = paid(payment), paid(payment, amount_minor=2700)

    with slowed("wallets_entry", "INSERT", seconds=0.05):
        results = at_once(
            partial(accept_payment, payment.pk, actor_id=actor, reason="the dashboard"),
            partial(settle_batch, [right]),
            partial(settle_batch, [wrong]),
        )

    assert not [result for result in results if isinstance(result, Exception)]
    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert entries_of(payment)["capture"][2] == 2700
    assert wallet_is_true(payment.user_id)
    assert not DeadLetter.objects.filter(payment=payment).exists()
