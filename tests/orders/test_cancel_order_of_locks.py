"""Two cancels of one customer must not wait for each other: every write to a cart comes before the products' lock."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.cancel import cancel_orders
from tests.factories import make_order

pytestmark = pytest.mark.django_db


def test_the_cart_is_written_before_the_products_are_locked() -> None:
    order = make_order()

    with CaptureQueriesContext(connection) as asked:
        cancel_orders([order.pk])

    statements = [query["sql"] for query in asked]
    carts = [number for number, sql in enumerate(statements) if "orders_cartitem" in sql]
    products = [
        number
        for number, sql in enumerate(statements)
        if "FROM orders_product" in sql or "UPDATE orders_product" in sql
    ]
    assert carts
    assert products
    assert max(carts) < min(products)
