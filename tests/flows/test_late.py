"""Time that runs out and minds that change: what was reserved is freed, and money that comes after all is kept."""

from itertools import product

import pytest
import requests

from tests.flows.ends import (
    Purchase,
    assert_in_wallet,
    assert_not_paid,
    assert_on_again,
    assert_paid,
    assert_reserved,
    buy,
    press,
    stock,
    unlucky,
)
from tests.live import CHARGERS, METHODS, TIMEOUT_SECONDS, Live, eventually


def cancel(purchase: Purchase) -> requests.Response:
    return purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("method", METHODS)
def test_an_expired_payment_frees_the_stock_and_its_cart_merges_with_the_new_one(live: Live, method: str) -> None:
    purchase = unlucky(live, method, never_approve_rate=1)
    purchase.wait("PENDING")
    assert_reserved(purchase)
    other = live.product(currency=purchase.currency)
    purchase.customer.put_into_cart(purchase.product, 3)
    purchase.customer.put_into_cart(other, 1)

    purchase.move_time("expires_at")
    body = purchase.wait("EXPIRED")

    assert body["failure_code"] == "expired"
    assert purchase.customer.cart() == {purchase.product: 2 + 3, other: 1}
    assert stock(purchase) == (10, 0, 0)
    purchase.customer.call("DELETE", f"/api/cart/{_line(purchase.customer.get('/api/cart/'), other)}/")
    line = _line(purchase.customer.get("/api/cart/"), purchase.product)
    purchase.customer.call("PATCH", f"/api/cart/{line}/", {"quantity": 2})
    assert_not_paid(purchase, "EXPIRED", "expired", tries=["ACCEPTED"])


def _line(cart: list[dict[str, int]], dish: int) -> int:
    return next(line["id"] for line in cart if line["product"] == dish)


@pytest.mark.invariant("INV-7")
def test_a_payment_that_expires_in_the_queue_is_never_sent(live: Live) -> None:
    with live.frozen(*CHARGERS):
        purchase = buy(live)
        purchase.move_time("expires_at")
        purchase.wait("EXPIRED")

    assert_not_paid(purchase, "EXPIRED", "expired", tries=[])
    assert live.books("fapshi", purchase.customer.phone) == []


@pytest.mark.invariant("INV-6")
def test_money_that_comes_after_the_end_takes_the_order_up_again_also_when_nobody_tells_us(live: Live) -> None:
    late = [
        (ending, unlucky(live, method, approval_delay_ms=4_000, webhook_lost_rate=lost))
        for ending, method, lost in product(("EXPIRED", "CANCELLED"), METHODS, (0, 1))
    ]
    for ending, purchase in late:
        purchase.wait("PENDING")
        if ending == "EXPIRED":
            purchase.move_time("expires_at")
        else:
            cancel(purchase)
    for ending, purchase in late:
        assert purchase.wait(ending, "SETTLED")["id"] == purchase.payment

    for ending, purchase in late:
        purchase.wait("SETTLED")
        assert_on_again(purchase, *(["payment_expired"] if ending == "EXPIRED" else []))


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("method", METHODS)
def test_late_money_for_what_is_wanted_no_more_goes_into_the_wallet(live: Live, method: str) -> None:
    purchase = unlucky(live, method, approval_delay_ms=1_500)
    purchase.wait("PENDING")
    cancel(purchase)
    empty_cart(purchase)

    purchase.wait("SETTLED")

    assert_in_wallet(purchase)
    assert purchase.customer.cart() == {}


def empty_cart(purchase: Purchase) -> None:
    line = _line(purchase.customer.get("/api/cart/"), purchase.product)
    assert purchase.customer.call("DELETE", f"/api/cart/{line}/").status_code == 204


@pytest.mark.invariant("INV-6")
def test_late_money_pays_the_next_order_from_the_wallet(live: Live) -> None:
    purchase = unlucky(live, "fapshi", approval_delay_ms=1_500)
    purchase.wait("PENDING")
    cancel(purchase)
    empty_cart(purchase)
    purchase.wait("SETTLED")
    assert live.balance(purchase.customer) == purchase.amount
    purchase.customer.put_into_cart(purchase.product, purchase.quantity)

    again = purchase.customer.check_out("wallet").json()

    purchase.customer.wait(again["payment"]["id"], "SETTLED")
    assert live.balance(purchase.customer) == 0
    assert stock(purchase) == (8, 0, 2)
    assert purchase.customer.cart() == {}


def test_a_page_whose_payment_expired_is_closed(live: Live) -> None:
    purchase = buy(live, "fapshi", link=True)
    link = purchase.wait("PENDING")["link"]
    press("decline", link, purchase.customer)

    purchase.move_time("expires_at")
    purchase.wait("EXPIRED")

    purchase.move_time("next_check_at")
    eventually(lambda: assert_not_paid(purchase, "EXPIRED", "expired", tries=["NOT_PAID"]))
    closed = requests.post(link, data={"action": "pay"}, timeout=TIMEOUT_SECONDS)
    assert (closed.status_code, closed.json()["code"]) == (409, "closed")


@pytest.mark.invariant("INV-6")
def test_a_page_that_was_paid_in_its_last_moment_is_honoured(live: Live) -> None:
    customer = live.customer()
    live.turn("fapshi", customer.phone, refusal_rate=1, success_after_expiry_rate=1, late_success_ms=700)
    purchase = buy(live, "fapshi", customer=customer, link=True)
    press("pay", purchase.wait("PENDING")["link"], customer)
    eventually(lambda: _assert_at_gateway(live, customer.phone, "failed"))

    purchase.move_time("expires_at")
    purchase.wait("EXPIRED")
    purchase.move_time("next_check_at")

    purchase.wait("SETTLED")
    assert_on_again(purchase, "payment_expired")


def _assert_at_gateway(live: Live, phone: str, state: str) -> None:
    assert [entry["state"] for entry in live.books("fapshi", phone)] == [state]


def test_a_queued_payment_can_be_cancelled_and_nothing_is_sent(live: Live) -> None:
    with live.frozen(*CHARGERS):
        purchase = buy(live)
        answer = cancel(purchase)
        again = cancel(purchase)

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert (again.status_code, again.json()["status"]) == (200, "CANCELLED")
    assert_not_paid(purchase, "CANCELLED", "cancelled", tries=[])
    assert live.books("fapshi", purchase.customer.phone) == []


def test_a_pending_payment_can_be_cancelled(live: Live) -> None:
    purchase = unlucky(live, "campay", never_approve_rate=1)
    purchase.wait("PENDING")

    answer = cancel(purchase)

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert_not_paid(purchase, "CANCELLED", "cancelled", tries=["ACCEPTED"])


@pytest.mark.invariant("INV-5")
def test_a_payment_of_which_the_answer_is_awaited_cannot_be_cancelled(live: Live) -> None:
    purchase = unlucky(live, "campay", latency_ms=1_000)
    purchase.wait("REQUESTED")

    answer = cancel(purchase)

    assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")
    assert int(answer.headers["Retry-After"]) >= 1
    purchase.wait("SETTLED")
    assert_paid(purchase)


def test_a_settled_payment_cannot_be_cancelled(live: Live) -> None:
    purchase = buy(live)
    purchase.wait("SETTLED")

    answer = cancel(purchase)

    assert (answer.status_code, answer.json()["code"]) == (409, "already_ended")
    assert_paid(purchase)
