"""The customer's own money: topped up through a gateway, spent on orders, never below zero."""

import pytest

from tests.flows.ends import STOCK, assert_told, attempts, capture_entries, entries
from tests.live import CURRENCIES, METHODS, Customer, Live


def rich_customer(live: Live, amount_minor: int) -> Customer:
    customer = live.customer()
    customer.wait(customer.top_up(amount_minor), "SETTLED")
    return customer


def statement(customer: Customer) -> list[tuple[str, int]]:
    return [(line["kind"], line["amount_minor"]) for line in customer.get("/api/wallet/transactions/")]


@pytest.mark.parametrize("method", METHODS)
def test_a_top_up_enters_the_wallet_once(live: Live, method: str) -> None:
    customer, currency = live.payer(method), CURRENCIES[method]

    payment = customer.top_up(12_000, method)
    body = customer.wait(payment, "SETTLED")

    assert (body["kind"], body["order"], body["amount"], body["currency"]) == ("TOPUP", None, 12_000, currency)
    assert body["priority"] == {"XAF": 3, "INR": 1}[currency]
    assert entries(live, payment) == capture_entries(customer, method, 12_000)
    assert live.collected(payment) == [12_000]
    assert customer.get("/api/wallet/") == {
        "balance_minor": 12_000 if currency == "XAF" else 0,
        "currency": "XAF",
        "accounts": [{"currency": "INR", "balance_minor": 12_000}] * (currency == "INR")
        + [{"currency": "XAF", "balance_minor": 12_000 if currency == "XAF" else 0}],
    }
    assert statement(customer) == [("topup", 12_000)]
    assert_told(live, payment, customer.phone, "wallet_topped_up")


def test_a_declined_top_up_leaves_the_wallet_as_it_was(live: Live) -> None:
    customer = live.customer()
    live.turn("campay", customer.phone, refusal_rate=1)

    payment = customer.top_up(3_000, "campay")
    customer.wait(payment, "FAILED")

    assert live.balance(customer) == 0
    assert statement(customer) == []
    assert live.collected(payment) == []
    assert_told(live, payment, customer.phone, "payment_failed")


def test_an_order_is_paid_from_the_wallet_without_any_gateway(live: Live) -> None:
    customer = rich_customer(live, 10_000)
    product = live.product(stock=STOCK, price_minor=3_000)
    customer.put_into_cart(product, 2)

    answer = customer.check_out("wallet", phone="").json()
    payment = answer["payment"]["id"]
    body = customer.wait(payment, "SETTLED")

    assert [step["name"] for step in body["steps"]] == ["accepted", "settled"]
    assert entries(live, payment) == {("sale", f"customer:{customer.id}", "sales", 6_000)}
    assert attempts(live, payment) == []
    assert live.balance(customer) == 4_000
    assert statement(customer) == [("purchase", -6_000), ("topup", 10_000)]
    assert customer.get(f"/api/orders/{answer['order']}/")["status"] == "PAID"
    assert live.rows("SELECT stock_on_hand, stock_reserved, stock_sold FROM orders_product WHERE id = %s", product) == [
        (8, 0, 2)
    ]
    assert customer.cart() == {}
    # Without a number of a phone the customer is told by e-mail.
    assert_told(live, payment, f"{customer.name}@choptym.example", "payment_settled")


@pytest.mark.invariant("INV-3")
def test_a_wallet_that_does_not_hold_enough_is_refused_at_checkout(live: Live) -> None:
    customer = rich_customer(live, 5_000)
    product = live.product(stock=STOCK, price_minor=5_001)
    customer.put_into_cart(product)

    answer = customer.check_out("wallet")

    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_balance")
    assert live.balance(customer) == 5_000
    assert customer.cart() == {product: 1}
    assert customer.get("/api/orders/") == []
    assert live.column("SELECT stock_on_hand FROM orders_product WHERE id = %s", product) == [STOCK]


@pytest.mark.invariant("INV-3")
def test_two_orders_that_race_for_one_balance_are_not_both_paid(live: Live) -> None:
    customer = rich_customer(live, 5_000)
    product = live.product(stock=STOCK, price_minor=3_000)
    with live.frozen("worker-charge"):
        payments = [customer.pay("wallet", product) for _ in range(2)]

    bodies = [customer.wait(payment) for payment in payments]

    assert sorted((body["status"], body["failure_code"]) for body in bodies) == [
        ("FAILED", "insufficient_balance"),
        ("SETTLED", ""),
    ]
    assert live.balance(customer) == 2_000
    assert statement(customer) == [("purchase", -3_000), ("topup", 5_000)]
    assert customer.cart() == {product: 1}
    assert live.rows("SELECT stock_on_hand, stock_reserved, stock_sold FROM orders_product WHERE id = %s", product) == [
        (9, 0, 1)
    ]


def test_a_queued_payment_from_the_wallet_can_be_cancelled_and_keeps_its_money(live: Live) -> None:
    customer = rich_customer(live, 5_000)
    with live.frozen("worker-charge"):
        payment = customer.pay("wallet", live.product(price_minor=3_000))
        answer = customer.call("POST", f"/api/payments/{payment}/cancel/")

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert live.balance(customer) == 5_000
    assert statement(customer) == [("topup", 5_000)]


def test_a_wallet_is_not_topped_up_from_itself(live: Live) -> None:
    customer = live.customer()

    wish = {"method": "wallet", "phone": customer.phone, "amount_minor": 1_000}
    answer = customer.call("POST", "/api/wallet/topups/", wish, **{"Idempotency-Key": "from-itself"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_method")
    assert customer.get("/api/payments/") == []
