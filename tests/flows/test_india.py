"""Payments in rupees: by UPI, where a try that failed leaves the payment open, and shops that take no francs."""

import pytest

from tests.flows.ends import (
    STOCK,
    assert_not_paid,
    assert_paid,
    assert_reserved,
    attempts,
    buy,
    entries,
    press,
    unlucky,
)
from tests.flows.hooks import assert_events, events
from tests.flows.test_progress import follow
from tests.live import Customer, Live, eventually

METHODS = ("razorpay", "cashfree")
WORDS_OF_FAILURE = {"razorpay": "payment.failed", "cashfree": "PAYMENT_FAILED_WEBHOOK"}


@pytest.mark.parametrize("method", METHODS)
def test_who_pays_by_upi_is_given_an_address_that_opens_the_app(live: Live, method: str) -> None:
    purchase = unlucky(live, method, approval_delay_ms=700)

    body = purchase.wait("PENDING")

    assert body["link"].startswith("upi://pay?")
    assert "am=50.00" in body["link"]
    assert (body["instructions"], body["currency"], body["phone"]) == ("", "INR", purchase.customer.phone)
    purchase.wait("SETTLED")
    assert_paid(purchase)
    [message] = live.messages(purchase.customer.phone)
    assert message["to"] == f"91{purchase.customer.phone}"
    assert "50,00 ₹" in message["text"]


@pytest.mark.invariant("INV-4")
@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ending", ["EXPIRED", "CANCELLED"])
def test_a_declined_upi_payment_stays_open_until_somebody_ends_it(live: Live, method: str, ending: str) -> None:
    purchase = unlucky(live, method, refusal_rate=1)
    purchase.wait("PENDING")
    told = (WORDS_OF_FAILURE[method], "MATCHED")
    eventually(lambda: assert_events(live, purchase.gateway_id(), told))
    eventually(lambda: _assert_asked(live, purchase.payment))

    body = purchase.customer.get(f"/api/payments/{purchase.payment}/")
    assert (body["status"], body["failure_code"]) == ("PENDING", "try_declined")
    assert body["message"].startswith("The last try was declined.")
    assert_reserved(purchase)
    if ending == "EXPIRED":
        purchase.move_time("expires_at")
    else:
        purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")

    purchase.wait(ending)
    assert_not_paid(purchase, ending, ending.lower(), tries=["ACCEPTED"])


def _assert_asked(live: Live, payment: int) -> None:
    [made] = live.column("SELECT checks_made FROM payments_payment WHERE id = %s", payment)
    assert made >= 1


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", METHODS)
def test_who_gave_up_can_check_out_again_and_pay(live: Live, method: str) -> None:
    purchase = unlucky(live, method, times=1, refusal_rate=1)
    purchase.wait("PENDING")
    purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")

    again = purchase.customer.check_out(method).json()

    purchase.customer.wait(again["payment"]["id"], "SETTLED")
    assert purchase.customer.cart() == {}
    assert live.collected(again["payment"]["id"]) == [purchase.amount]
    assert live.collected(purchase.payment) == []
    assert attempts(live, purchase.payment) == ["ACCEPTED"]


@pytest.mark.parametrize(
    ("method", "currency"), [("fapshi", "INR"), ("campay", "INR"), ("razorpay", "XAF"), ("cashfree", "XAF")]
)
def test_a_gateway_that_does_not_take_the_money_of_the_shop_is_refused(live: Live, method: str, currency: str) -> None:
    customer = live.payer(method)
    product = live.product(stock=STOCK, currency=currency)
    customer.put_into_cart(product, 2)

    answer = customer.check_out(method)

    assert (answer.status_code, answer.json()["code"]) == (400, "currency_not_supported")
    assert list(answer.json()["fields"]) == ["method"]
    _assert_nothing_began(live, customer, product, 2)


@pytest.mark.parametrize(
    ("method", "phone", "wanted"),
    [
        ("fapshi", "9876000001", "Cameroon"),
        ("campay", "+919876000001", "Cameroon"),
        ("razorpay", "677000001", "India"),
        ("cashfree", "+237677000001", "India"),
    ],
)
@pytest.mark.parametrize("link", [False, True])
def test_a_number_of_another_country_than_the_gateways_is_refused(
    live: Live, method: str, phone: str, wanted: str, link: bool
) -> None:
    customer = live.payer(method)
    product = live.product(stock=STOCK, currency="INR" if wanted == "India" else "XAF")
    customer.put_into_cart(product)

    answer = customer.check_out(method, phone=phone, link=link)

    body = answer.json()
    assert (answer.status_code, body["code"], list(body["fields"])) == (400, "invalid_phone", ["phone"])
    assert f"a mobile number of {wanted}" in body["message"]
    _assert_nothing_began(live, customer, product, 1)


def _assert_nothing_began(live: Live, customer: Customer, product: int, quantity: int) -> None:
    assert customer.cart() == {product: quantity}
    assert customer.get("/api/orders/") == customer.get("/api/payments/") == []
    assert live.column("SELECT stock_on_hand FROM orders_product WHERE id = %s", product) == [STOCK]


@pytest.mark.invariant("INV-3")
def test_rupees_in_the_wallet_pay_for_rupees_only(live: Live) -> None:
    customer = live.customer("upi")
    customer.wait(customer.top_up(10_000, "razorpay"), "SETTLED")
    here, elsewhere = (live.product(stock=STOCK, price_minor=3_000, currency=name) for name in ("INR", "XAF"))

    customer.put_into_cart(elsewhere)
    refused = customer.check_out("wallet")
    customer.call("DELETE", f"/api/cart/{customer.get('/api/cart/')[0]['id']}/")
    payment = customer.pay("wallet", here, 2)
    customer.wait(payment, "SETTLED")

    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_balance")
    assert entries(live, payment) == {("sale", f"customer:{customer.id}", "sales", 6_000)}
    assert (live.balance(customer, "INR"), live.balance(customer, "XAF")) == (4_000, 0)


def test_razorpays_page_needs_no_number_of_a_phone_beforehand(live: Live) -> None:
    customer = live.customer("upi")
    purchase = buy(live, "razorpay", customer=customer, phone="", link=True)
    link = purchase.wait("PENDING")["link"]

    press("pay", link, customer)

    purchase.wait("SETTLED")
    assert live.collected(purchase.payment) == [purchase.amount]


@pytest.mark.invariant("INV-2")
def test_a_second_payment_of_one_order_that_the_gateway_gives_back_is_booked_once(live: Live) -> None:
    """Razorpay and Cashfree return by themselves what is paid twice: it never was ours."""
    purchases = [unlucky(live, method, surplus_rate=1, late_success_ms=500) for method in METHODS]

    for purchase in purchases:
        purchase.wait("SETTLED")
    for purchase in purchases:
        eventually(lambda: _assert_given_back(live, purchase.method, purchase.customer))  # noqa: B023 - called at once
        assert_paid(purchase)
        [order, _] = live.books(purchase.method, purchase.customer.phone)
        eventually(lambda: _assert_all_matched(live, order["gateway_id"]))  # noqa: B023 - called at once


def _assert_all_matched(live: Live, gateway_id: str) -> None:
    assert {state for _, state in events(live, gateway_id)} == {"MATCHED"}


def _assert_given_back(live: Live, method: str, customer: Customer) -> None:
    assert [entry["state"] for entry in live.books(method, customer.phone)] == ["collected", "returned"]


@pytest.mark.parametrize("method", METHODS)
def test_who_follows_a_payment_hears_that_the_try_was_declined(live: Live, method: str) -> None:
    purchase = unlucky(live, method, latency_ms=300, approval_delay_ms=700, refusal_rate=1)
    codes = []

    for body in follow(purchase.customer, live.stack.events, purchase.payment):
        codes.append((body["status"], body["failure_code"]))
        if body["failure_code"] == "try_declined":
            purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")

    assert codes[-3:] == [("PENDING", ""), ("PENDING", "try_declined"), ("CANCELLED", "cancelled")]
