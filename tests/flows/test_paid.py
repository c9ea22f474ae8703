"""A payment that goes through, by every road."""

from itertools import product

import pytest

from tests.flows.ends import Purchase, assert_paid, assert_reserved, buy, open_page, press
from tests.live import METHODS, Live, eventually


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize(
    ("method", "operator"),
    [*product(("fapshi", "campay"), ("mtn", "orange")), ("razorpay", "upi"), ("cashfree", "upi")],
)
def test_a_customer_pays_and_everything_changes_together(live: Live, method: str, operator: str) -> None:
    purchase = buy(live, method, customer=live.customer(operator), quantity=3)

    body = purchase.wait("SETTLED")

    assert body["amount"] == 7500
    assert_paid(purchase)


@pytest.mark.parametrize("method", METHODS)
def test_a_customer_pays_on_the_page_of_the_gateway(live: Live, method: str) -> None:
    purchase = buy(live, method, link=True)
    link = purchase.wait("PENDING")["link"]
    assert {"XAF": "5000 XAF", "INR": "50.00 INR"}[purchase.currency] in open_page(link)
    assert_reserved(purchase)

    press("pay", link, purchase.customer)

    purchase.wait("SETTLED")
    assert_paid(purchase)


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lost", [0, 1], ids=["told", "not told"])
def test_a_try_that_failed_on_the_page_can_be_followed_by_one_that_pays(live: Live, method: str, lost: int) -> None:
    customer = live.payer(method)
    live.turn(method, customer.phone, webhook_lost_rate=lost)
    purchase = buy(live, method, customer=customer, link=True)
    link = purchase.wait("PENDING")["link"]

    press("decline", link, purchase.customer)
    assert ">failed<" in open_page(link)
    press("pay", link, purchase.customer)
    if lost:
        eventually(lambda: _assert_collected(purchase))
        purchase.move_time("next_check_at")

    purchase.wait("SETTLED")
    assert_paid(purchase)


def _assert_collected(purchase: Purchase) -> None:
    assert purchase.live.collected(purchase.payment) == [purchase.amount]
