"""Refunds through the whole stack: asked for over HTTP, given back by the gateway, seen and told of."""

import uuid
from typing import Any

import pytest
import requests

from tests.live import CURRENCIES, Customer, Live, eventually


def admin_of(live: Live) -> Customer:
    """The stack's own member of staff, over the API."""
    body = {"username": "admin", "password": "choptym"}
    token = requests.post(f"{live.stack.web}/api/auth/token/", json=body, timeout=10).json()["token"]
    return Customer(live, 0, "admin", "", token)


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", ["razorpay", "cashfree"])
def test_what_staff_give_back_is_given_once_and_the_customer_sees_and_hears_it(live: Live, method: str) -> None:
    customer = live.payer(method)
    payment = customer.pay(method, live.product(currency=CURRENCIES[method], price_minor=5000))
    customer.wait(payment, "SETTLED")
    admin, path = admin_of(live), f"/api/payments/{payment}/refunds/"
    key, wish = {"Idempotency-Key": str(uuid.uuid4())}, {"amount_minor": 2000, "reason": "the soup was cold"}

    asked = [admin.call("POST", path, wish, **key) for _ in range(3)]

    assert [answer.status_code for answer in asked] == [202] * 3
    assert len({answer.headers["Location"] for answer in asked}) == 1
    eventually(lambda: _assert_given(admin.get(asked[0].headers["Location"])))
    seen = customer.get(f"/api/payments/{payment}/")
    assert (seen["refunded_minor"], [one["status"] for one in seen["refunds"]]) == (2000, ["REFUNDED"])
    assert customer.get("/api/wallet/transactions/") == []
    assert customer.call("POST", path, wish, **key).status_code == 403
    eventually(lambda: _assert_told(live.messages(customer.phone)))


def _assert_given(refund: dict[str, Any]) -> None:
    assert (refund["status"], refund["way"]) == ("REFUNDED", "GATEWAY")


def _assert_told(messages: list[dict[str, Any]]) -> None:
    assert [message for message in messages if "20,00 ₹" in message["text"]]
