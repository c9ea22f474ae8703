"""A payment that nobody makes: the customer says no, or the gateway will not even ask."""

from typing import Any

import pytest

from tests.flows.ends import assert_not_paid, assert_on_again, assert_paid, buy, unlucky
from tests.live import Live


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("method", ["fapshi", "campay"])
@pytest.mark.parametrize("knobs", [{"refusal_rate": 1}, {"operator_down": "mtn"}], ids=["customer", "operator"])
def test_a_push_that_is_declined_gives_everything_back(live: Live, method: str, knobs: dict[str, Any]) -> None:
    purchase = unlucky(live, method, **knobs)

    body = purchase.wait("FAILED")

    assert body["failure_code"] == "declined"
    assert body["message"] == "It was declined on the phone, or the balance was too low."
    assert_not_paid(purchase, "FAILED", "declined", tries=["NOT_PAID"])
    [message] = live.messages(purchase.customer.phone)
    assert "5 000 FCFA" in message["text"]
    assert "le solde était insuffisant" in message["text"]


def test_who_was_declined_can_check_out_again_and_pay(live: Live) -> None:
    purchase = unlucky(live, "campay", times=1, refusal_rate=1)
    purchase.wait("FAILED")

    again = purchase.customer.check_out("campay").json()

    purchase.customer.wait(again["payment"]["id"], "SETTLED")
    assert again["order"] != purchase.order
    assert purchase.customer.cart() == {}
    assert live.collected(again["payment"]["id"]) == [purchase.amount]
    assert live.collected(purchase.payment) == []


def test_campay_refuses_an_unknown_operator_at_once(live: Live) -> None:
    customer = live.customer()
    customer.phone = f"620{customer.phone[3:]}"  # Camtel

    purchase = buy(live, "campay", customer=customer)

    purchase.wait("FAILED")
    assert_not_paid(purchase, "FAILED", "operator_unsupported", tries=["REFUSED"])


def test_campay_refuses_an_amount_at_once(live: Live) -> None:
    purchase = unlucky(live, "campay", demo_cap=25)

    purchase.wait("FAILED")

    assert_not_paid(purchase, "FAILED", "amount_refused", tries=["REFUSED"])


def test_fapshi_refuses_a_request_at_once(live: Live) -> None:
    customer = live.customer()
    live.change("UPDATE auth_user SET email = 'no address' WHERE id = %s", customer.id)

    purchase = buy(live, "fapshi", customer=customer)

    purchase.wait("FAILED")
    assert_not_paid(purchase, "FAILED", "refused", tries=["REFUSED"])
    query = "SELECT http_status FROM payments_paymentattempt WHERE payment_id = %s"
    assert live.column(query, purchase.payment) == [400]


def test_fapshi_takes_no_amount_below_its_minimum(live: Live) -> None:
    customer = live.customer()
    product = live.product(price_minor=99)
    customer.put_into_cart(product)

    response = customer.check_out("fapshi")

    assert (response.status_code, response.json()["code"]) == (400, "amount_too_small")
    assert customer.cart() == {product: 1}
    assert customer.get("/api/orders/") == []


@pytest.mark.parametrize("knob", ["ip_refused", "direct_pay_disabled"])
def test_a_refusal_that_is_our_fault_is_tried_again_and_paid_at_the_third_time(live: Live, knob: str) -> None:
    purchase = unlucky(live, "fapshi", times=2, **{knob: True})

    purchase.wait("SETTLED")

    assert_paid(purchase, tries=["NOT_SENT", "NOT_SENT", "PAID"])


def test_after_three_refusals_that_are_our_fault_the_payment_has_failed(live: Live) -> None:
    purchase = unlucky(live, "fapshi", ip_refused=True)

    purchase.wait("FAILED")

    assert_not_paid(purchase, "FAILED", "gateway_credentials", tries=["NOT_SENT"] * 3)


@pytest.mark.invariant("INV-6")
def test_a_gateway_that_takes_back_its_no_has_the_order_on_again(live: Live) -> None:
    purchase = unlucky(live, "fapshi", refusal_rate=1, success_after_failure_rate=1, late_success_ms=700)

    purchase.wait("FAILED")
    purchase.wait("SETTLED")

    assert_on_again(purchase, "payment_failed")
