"""The rows that everybody wants are locked last: by checkouts, settlements and cancellations (docs/adr/0050)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from choptym.lib.errors import NotAllowed
from orders.models import CartItem, Order, Product
from orders.place import place_order, reserve_stock
from payments.models import IdempotencyKey, Payment
from payments.settle import settle_batch
from tests.factories import (
    fresh,
    make_order,
    make_pending,
    make_product,
    make_shop,
    make_topup,
    make_user,
    paid,
    put_into_cart,
)

pytestmark = pytest.mark.django_db

_TOUCHES = re.compile(
    r'\b(?:INSERT INTO|UPDATE|DELETE FROM) "?(?P<changed>\w+)|FROM "?(?P<locked>\w+).*\bFOR NO KEY UPDATE', re.DOTALL
)


@contextmanager
def touched() -> Iterator[list[str]]:
    """The tables of which rows are locked or changed inside, in their order, by the first one of each statement."""
    tables: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield tables
    tables += [found["changed"] or found["locked"] for query in queries if (found := _TOUCHES.search(query["sql"]))]


def check_out(product: Product) -> int:
    user = make_user()
    put_into_cart(user, product)
    client = APIClient()
    client.force_authenticate(user)
    body = {"method": "fapshi", "phone": "677000001"}
    return client.post("/api/checkout/", body, headers={"Idempotency-Key": "k"}).status_code


@pytest.mark.usefixtures("silent_gateways")
def test_a_checkout_reserves_as_its_last_statement() -> None:
    product = make_product(stock=1)

    with touched() as tables:
        assert check_out(product) == 202

    assert "payments_idempotencykey" in tables[:-1]
    assert tables[-2:] == ["orders_product", "orders_product"], "locked, then changed"
    assert tables.count("orders_product") == 2
    assert (fresh(product).stock_on_hand, fresh(product).stock_reserved) == (0, 1)


@pytest.mark.invariant("INV-7")
@pytest.mark.usefixtures("silent_gateways")
def test_who_is_too_late_for_the_last_plate_has_no_order_and_keeps_cart_and_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = make_product(stock=1)

    def sell_the_last(order: Order) -> None:
        Product.objects.filter(pk=product.pk).update(stock_on_hand=0, stock_sold=1)
        reserve_stock(order)

    monkeypatch.setattr("payments.views.reserve_stock", sell_the_last)

    assert check_out(product) == 409
    assert (Order.objects.count(), Payment.objects.count(), IdempotencyKey.objects.count()) == (0, 0, 0)
    assert CartItem.objects.filter(product=product, order=None).count() == 1


@pytest.mark.invariant("INV-7")
def test_what_went_after_the_cart_was_read_is_named_by_its_line() -> None:
    user, shop = make_user(), make_shop()
    there, few, off = (make_product(shop=shop, stock=3) for _ in range(3))
    lines = [put_into_cart(user, product, 2) for product in (there, few, off)]

    order = place_order(user_id=user.pk)
    Product.objects.filter(pk=few.pk).update(stock_on_hand=1, stock_sold=2)
    Product.objects.filter(pk=off.pk).update(is_active=False)

    with pytest.raises(NotAllowed) as caught, transaction.atomic():
        reserve_stock(order)

    assert (caught.value.code, caught.value.http_status) == ("sold_out", 409)
    assert caught.value.fields == {
        f"cart.{lines[1].pk}": f"{few.name}: 1 left.",
        f"cart.{lines[2].pk}": f"{off.name} is sold out.",
    }
    assert fresh(there).stock_on_hand == 3


def test_a_settlement_sells_as_its_last_statement() -> None:
    product = make_product()
    facts = [paid(make_pending(order=make_order(lines=[(product, 1)]))[0]) for _ in range(3)]

    with touched() as tables:
        settle_batch(facts)

    assert tables[-2:] == ["orders_product", "orders_product"], "locked, then changed"
    assert tables.count("orders_product") == 2
    assert fresh(product).stock_sold == 3


@pytest.mark.invariant("INV-2")
def test_wallets_come_after_the_dishes() -> None:
    order, topup = make_pending(order=make_order())[0], make_topup()

    with touched() as tables:
        settle_batch([paid(order), paid(topup)])

    balances = [number for number, table in enumerate(tables) if table == "wallets_account"]
    assert max(balances) > tables.index("orders_product")
