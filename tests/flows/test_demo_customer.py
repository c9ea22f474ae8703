"""A customer of the demo, at the stack."""

import time

import pytest

from choptym.local.demo.customer import Customer
from choptym.local.demo.plan import Purchase
from choptym.local.environment import PASSWORD
from tests.live import CURRENCIES, METHODS, Live


def shopper(live: Live, number: int, *, patience_seconds: float) -> Customer:
    end = time.monotonic() + 20
    return Customer(live.stack.web, f"customer{number}", PASSWORD, lambda: end, patience_seconds=patience_seconds)


def wish(live: Live, method: str) -> Purchase:
    currency = CURRENCIES[method]
    phone, product = live.payer(method).phone, live.product(currency=currency)
    return Purchase(method, method, phone, product, quantity=2, currency=currency, total_minor=5_000)


@pytest.mark.parametrize("method", METHODS)
def test_who_is_asked_and_declines_comes_to_an_end(live: Live, method: str) -> None:
    customer, purchase = shopper(live, 1 + METHODS.index(method), patience_seconds=1), wish(live, method)
    live.turn(method, purchase.phone, refusal_rate=1)

    payment = customer.start_payment(purchase)
    ended = customer.wait_for_end(payment["id"])
    customer.close()

    assert ended is not None
    expected = ("CANCELLED", "cancelled") if CURRENCIES[method] == "INR" else ("FAILED", "declined")
    assert (ended["status"], ended["failure_code"]) == expected


def test_who_waits_long_enough_is_told_that_it_was_paid(live: Live) -> None:
    customer, purchase = shopper(live, 5, patience_seconds=15), wish(live, "razorpay")
    live.turn("razorpay", purchase.phone, approval_delay_ms=800)

    payment = customer.start_payment(purchase)
    ended = customer.wait_for_end(payment["id"])
    customer.close()

    assert ended is not None
    assert ended["status"] == "SETTLED"
