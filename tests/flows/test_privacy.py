"""Nobody sees, changes or spends what is another's."""

import pytest
import requests

from tests.flows.ends import assert_paid, assert_reserved, buy, unlucky
from tests.live import TIMEOUT_SECONDS, Live

DOORS = [
    ("GET", "/api/cart/"),
    ("POST", "/api/cart/"),
    ("PATCH", "/api/cart/1/"),
    ("DELETE", "/api/cart/1/"),
    ("POST", "/api/checkout/"),
    ("GET", "/api/payments/"),
    ("GET", "/api/payments/1/"),
    ("POST", "/api/payments/1/cancel/"),
    ("GET", "/api/orders/"),
    ("GET", "/api/orders/1/"),
    ("GET", "/api/wallet/"),
    ("GET", "/api/wallet/transactions/"),
    ("POST", "/api/wallet/topups/"),
]


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token nobody"}], ids=["without token", "wrong token"])
def test_a_stranger_is_not_let_in(live: Live, method: str, path: str, headers: dict[str, str]) -> None:
    answer = requests.request(method, f"{live.stack.web}{path}", json={}, headers=headers, timeout=TIMEOUT_SECONDS)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert set(answer.json()) == {"code", "message", "fields"}


@pytest.mark.invariant("INV-10")
def test_a_customer_sees_only_their_own(live: Live) -> None:
    purchase = buy(live)
    purchase.wait("SETTLED")
    other = live.customer()

    paths = [f"/api/payments/{purchase.payment}/", f"/api/orders/{purchase.order}/"]
    answers = [other.call("GET", path) for path in paths]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 2
    assert other.get("/api/payments/") == other.get("/api/orders/") == other.get("/api/wallet/transactions/") == []
    assert live.balance(other) == 0
    assert_paid(purchase)


@pytest.mark.invariant("INV-10")
def test_a_customer_cannot_cancel_the_payment_of_another(live: Live) -> None:
    purchase = unlucky(live, "campay", approval_delay_ms=800)
    purchase.wait("PENDING")

    answer = live.customer().call("POST", f"/api/payments/{purchase.payment}/cancel/")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert_reserved(purchase)
    purchase.wait("SETTLED")
    assert_paid(purchase)


@pytest.mark.invariant("INV-10")
def test_a_customer_cannot_touch_the_cart_of_another(live: Live) -> None:
    owner, other = live.customer(), live.customer()
    product = live.product()
    line = owner.put_into_cart(product, 2)["id"]

    changed = other.call("PATCH", f"/api/cart/{line}/", {"quantity": 9})
    removed = other.call("DELETE", f"/api/cart/{line}/")

    assert (changed.status_code, removed.status_code) == (404, 404)
    assert other.cart() == {}
    assert owner.cart() == {product: 2}


def test_a_line_that_an_order_holds_cannot_be_changed(live: Live) -> None:
    customer = live.customer()
    live.turn("fapshi", customer.phone, approval_delay_ms=800)
    line = customer.put_into_cart(live.product(), 2)["id"]
    payment = customer.check_out("fapshi").json()["payment"]["id"]

    changed = customer.call("PATCH", f"/api/cart/{line}/", {"quantity": 9})
    removed = customer.call("DELETE", f"/api/cart/{line}/")

    assert (changed.status_code, removed.status_code) == (404, 404)
    assert customer.wait(payment, "SETTLED")["amount"] == 5000
