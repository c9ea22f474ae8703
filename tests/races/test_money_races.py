"""Races for one payment: to claim it, to settle it, to end it."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import OperationalError, connection

from orders import mark_paid
from orders.models import Product
from payments import settle
from payments.cancel import cancel_payment
from payments.expire import expire_batch
from payments.locks import Charge, claim_charge
from payments.models import DeadLetter, Payment
from payments.settle import settle_batch
from payments.states import AttemptState
from tests.factories import (
    a_while_ago,
    fresh,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_product,
    make_shop,
    paid,
)
from tests.payments.books import entries_of, told
from tests.races.track import at_once, meeting, slowed


def of_kind(results: Sequence[object], kind: type) -> list[object]:
    return [result for result in results if isinstance(result, kind)]


# One payment, several workers.


@pytest.mark.invariant("INV-2")
def test_one_worker_of_many_claims_a_payment() -> None:
    payment = make_payment()

    with slowed("payments_payment", "UPDATE"):
        results = at_once(*(partial(claim_charge, payment.pk, "fapshi") for _ in range(6)))

    assert len(of_kind(results, Charge)) == 1
    assert results.count(None) == 5
    assert (fresh(payment).attempts_made, payment.attempts.count()) == (1, 1)


def test_control_with_a_claim_that_reads_first_they_all_claim_it() -> None:
    payment, meet = make_payment(), meeting(6)

    def claim() -> bool:
        is_queued = Payment.objects.filter(pk=payment.pk, state="QUEUED").exists()
        meet()
        if is_queued:
            Payment.objects.filter(pk=payment.pk).update(state="REQUESTED")
        return is_queued

    with slowed("payments_payment", "UPDATE"):
        results = at_once(*(claim for _ in range(6)))

    assert results == [True] * 6


@pytest.mark.invariant("INV-2")
def test_two_workers_that_both_claimed_it_could_not_both_begin_a_try() -> None:
    payment = make_payment()

    with slowed("payments_paymentattempt", "INSERT"):
        at_once(*(partial(make_attempt, payment, AttemptState.STARTED, number=number) for number in range(1, 5)))

    assert payment.attempts.count() == 1


# One payment, several roads to its settlement.


def settle_at_once(payment: Payment, times: int = 3) -> None:
    with slowed("wallets_entry", "INSERT"):
        at_once(*(partial(settle_batch, [paid(payment)]) for _ in range(times)))


@pytest.mark.invariant("INV-2")
def test_a_payment_that_several_settle_at_once_is_booked_once() -> None:
    payment, _ = make_pending()

    settle_at_once(payment)

    assert fresh(payment).state == "SETTLED"
    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert told(payment) == ["payment_settled"]
    assert not DeadLetter.objects.filter(payment=payment).exists()


def test_control_without_the_lock_a_good_payment_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger still takes each reason once; but what lost the race is taken for a payment that cannot be booked."""
    meet = meeting(3)

    def read(payment_ids: Sequence[int]) -> list[Payment]:
        payments = list(Payment.objects.filter(pk__in=payment_ids))
        meet()
        return payments

    monkeypatch.setattr(settle, "lock_payments", read)
    monkeypatch.setattr(settle, "mark_paid", lambda order_ids: mark_paid.Marked(frozenset(order_ids)))
    payment, _ = make_pending()

    settle_at_once(payment)

    assert DeadLetter.objects.filter(payment=payment).exists()


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("number", range(4))
def test_settled_cancelled_and_expired_at_once_it_ends_in_one_piece(number: int) -> None:
    product = make_product(stock=10)
    payment, _ = make_pending(order=make_order(lines=[(product, 1)]))
    fact = paid(payment)
    Payment.objects.filter(pk=payment.pk).update(expires_at=a_while_ago())

    with slowed("orders_order", "UPDATE", seconds=0.03):
        actions: list[Callable[[], object]] = [
            partial(settle_batch, [fact]),
            partial(cancel_payment, payment.pk),
            expire_batch,
        ]
        results = at_once(*actions[number % 3 :], *actions[: number % 3])

    assert not of_kind(results, OperationalError)
    assert fresh(payment).state == "SETTLED"  # the money came, whoever was first
    assert payment.order is not None
    row = fresh(product)
    stock = (row.stock_on_hand, row.stock_reserved, row.stock_sold)
    # All of it was there: whoever was first, the order is paid.
    order = fresh(payment.order)
    assert (order.state, stock, sorted(entries_of(payment))) == ("PAID", (9, 0, 1), ["capture", "sale"])
    assert told(payment)[-1] == ("payment_settled_late" if order.cancelled_at else "payment_settled")


# Two batches that share payments and products, in opposite order.


def two_batches() -> tuple[list[Payment], list[Product]]:
    shop = make_shop()
    products = [make_product(shop=shop, stock=100, price_minor=100) for _ in range(6)]
    orders = [make_order(lines=[(product, 1) for product in products]) for _ in range(8)]
    return [make_pending(order=order)[0] for order in orders], products


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("number", range(3))
def test_batches_that_overlap_in_opposite_order_do_not_deadlock(number: int) -> None:
    payments, products = two_batches()
    facts = [paid(payment) for payment in payments]

    with slowed("orders_product", "UPDATE", seconds=0.03):
        results = at_once(
            partial(settle_batch, facts[:6]),
            partial(settle_batch, list(reversed(facts[2:]))),
            partial(settle_batch, facts[::2]),
        )

    assert results == [None, None, None]
    assert {fresh(payment).state for payment in payments} == {"SETTLED"}
    assert [fresh(product).stock_sold for product in products] == [8] * 6
    assert not DeadLetter.objects.filter(payment__in=payments).exists()


def test_control_with_locks_in_no_order_they_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    payments, products = two_batches()
    facts = [paid(payment) for payment in payments]
    order_ids = [payment.order_id for payment in payments]

    def lock_in_any_order(ids: Sequence[int], **_: int) -> list[int]:
        keys = [product.pk for product in products]
        for key in keys if order_ids[0] in ids else reversed(keys):
            with connection.cursor() as cursor:
                cursor.execute("SELECT id, pg_sleep(0.03) FROM orders_product WHERE id = %s FOR NO KEY UPDATE", [key])
        return []

    monkeypatch.setattr(mark_paid, "move_stock", lock_in_any_order)

    results = at_once(partial(settle_batch, facts[:4]), partial(settle_batch, facts[4:]))

    [deadlock] = of_kind(results, OperationalError)
    assert "deadlock detected" in str(deadlock)
