"""A payment that goes through, by every road."""

import pytest

from tests.live import Live, eventually


@pytest.mark.parametrize("method", ["fapshi", "campay"])
def test_a_customer_pays_and_everything_changes_together(live: Live, method: str) -> None:
    customer = live.customer()
    product = live.product(stock=10, price_minor=2500)

    payment = customer.pay(method, product, quantity=3)
    body = customer.wait(payment, "SETTLED")

    assert body["amount"] == 7500
    assert customer.get(f"/api/orders/{body['order']}/")["status"] == "PAID"
    assert live.rows(
        "SELECT stock_on_hand, stock_reserved, stock_sold FROM orders_product WHERE id = %s", product
    ) == [(7, 0, 3)]
    assert customer.get("/api/cart/") == []
    assert [entry["state"] for entry in live.books(method, customer.phone)] == ["collected"]
    eventually(lambda: _assert_one_message(live, customer.phone))


def _assert_one_message(live: Live, phone: str) -> None:
    assert len(live.messages(phone)) == 1
