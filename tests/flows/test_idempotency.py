"""The same request again: one order, one charge, one answer."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.flows.ends import STOCK
from tests.live import Live


@pytest.mark.invariant("INV-2")
def test_the_same_key_and_body_replays_the_first_answer(live: Live) -> None:
    customer = live.customer()
    product = live.product(stock=STOCK)
    customer.put_into_cart(product)
    key = str(uuid.uuid4())

    first = customer.check_out("fapshi", key=key)
    customer.wait(first.json()["payment"]["id"], "SETTLED")
    customer.put_into_cart(product)
    again = customer.check_out("fapshi", key=key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"] == f"/api/payments/{first.json()['payment']['id']}/"
    assert len(customer.get("/api/orders/")) == 1
    assert customer.cart() == {product: 1}
    assert len(live.books("fapshi", customer.phone)) == 1


def test_the_same_key_with_another_body_is_refused(live: Live) -> None:
    customer = live.customer()
    customer.put_into_cart(live.product())
    key = str(uuid.uuid4())
    first = customer.check_out("fapshi", key=key)

    other = customer.check_out("campay", key=key)
    topup = customer.call(
        "POST",
        "/api/wallet/topups/",
        {"method": "fapshi", "phone": customer.phone, "amount_minor": 500},
        **{"Idempotency-Key": key},
    )

    assert first.status_code == 202
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (topup.status_code, topup.json()["code"]) == (422, "idempotency_key_reused")
    assert len(customer.get("/api/payments/")) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_request_without_a_usable_key_is_refused(live: Live, key: str) -> None:
    customer = live.customer()
    product = live.product()
    customer.put_into_cart(product)

    wish = {"method": "fapshi", "phone": customer.phone}
    answer = customer.call("POST", "/api/checkout/", wish, **({"Idempotency-Key": key} if key else {}))

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert customer.get("/api/orders/") == []
    assert customer.cart() == {product: 1}


def test_two_customers_may_choose_the_same_key(live: Live) -> None:
    customers = [live.customer(), live.customer()]
    for customer in customers:
        customer.put_into_cart(live.product())

    answers = [customer.check_out("fapshi", key="mine") for customer in customers]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["order"] for answer in answers}) == 2


def test_a_refused_request_may_use_its_key_again(live: Live) -> None:
    customer = live.customer()
    empty = customer.check_out("fapshi", key="once")
    customer.put_into_cart(live.product())

    filled = customer.check_out("fapshi", key="once")

    assert (empty.status_code, empty.json()["code"]) == (400, "empty_cart")
    assert filled.status_code == 202


@pytest.mark.invariant("INV-2")
def test_many_requests_at_once_with_one_key_make_one_order(live: Live) -> None:
    customer = live.customer()
    product = live.product(stock=STOCK)
    customer.put_into_cart(product, 2)
    key, start = str(uuid.uuid4()), Barrier(12)

    def press() -> requests.Response:
        start.wait()
        headers = {"Authorization": f"Token {customer.token}", "Idempotency-Key": key}
        wish = {"method": "fapshi", "phone": customer.phone}
        return requests.post(f"{live.stack.web}/api/checkout/", json=wish, headers=headers, timeout=10)

    with ThreadPoolExecutor(12) as threads:
        answers = [future.result() for future in [threads.submit(press) for _ in range(12)]]

    codes = Counter(answer.status_code for answer in answers)
    assert codes[202] >= 1
    assert codes[202] + codes[409] == 12
    assert {answer.json()["order"] for answer in answers if answer.status_code == 202} == {
        customer.get("/api/orders/")[0]["id"]
    }
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers if answer.status_code == 202) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "still_running"
            assert answer.headers["Retry-After"] == "1"
    [payment] = customer.get("/api/payments/")
    customer.wait(payment["id"], "SETTLED")
    assert live.collected(payment["id"]) == [5000]
    assert len(live.books("fapshi", customer.phone)) == 1
    assert live.column("SELECT stock_sold FROM orders_product WHERE id = %s", product) == [2]


@pytest.mark.invariant("INV-2")
def test_many_checkouts_at_once_with_a_key_each_sell_one_cart_once(live: Live) -> None:
    customer = live.customer()
    product = live.product(stock=STOCK)
    customer.put_into_cart(product, 2)
    start = Barrier(6)

    def press() -> int:
        start.wait()
        headers = {"Authorization": f"Token {customer.token}", "Idempotency-Key": str(uuid.uuid4())}
        wish = {"method": "fapshi", "phone": customer.phone}
        answer = requests.post(f"{live.stack.web}/api/checkout/", json=wish, headers=headers, timeout=10)
        return answer.status_code

    with ThreadPoolExecutor(6) as threads:
        codes = sorted(future.result() for future in [threads.submit(press) for _ in range(6)])

    assert codes == [202, 400, 400, 400, 400, 400]
    [payment] = customer.get("/api/payments/")
    customer.wait(payment["id"], "SETTLED")
    assert live.column("SELECT stock_sold FROM orders_product WHERE id = %s", product) == [2]


@pytest.mark.invariant("INV-7")
def test_the_last_portions_are_not_sold_twice(live: Live) -> None:
    product = live.product(stock=3)
    customers = [live.customer() for _ in range(8)]
    for customer in customers:
        customer.put_into_cart(product)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda customer: customer.check_out("fapshi"), customers))

    assert Counter(answer.status_code for answer in answers) == {202: 3, 409: 5}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"sold_out"}
    for customer, answer in zip(customers, answers, strict=True):
        if answer.status_code == 202:
            customer.wait(answer.json()["payment"]["id"], "SETTLED")
    assert live.rows("SELECT stock_on_hand, stock_reserved, stock_sold FROM orders_product WHERE id = %s", product) == [
        (0, 0, 3)
    ]
