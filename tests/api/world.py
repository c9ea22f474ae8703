"""What the bad requests are sent against, and the check that they changed nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from rest_framework.authtoken.models import Token

from orders.models import CartItem, Product
from payments.models import Payment
from tests.factories import make_order, make_payment, make_product, make_shop, make_user, put_into_cart

PHONE = "677000001"
CHECKOUT = "/api/checkout/"
TOPUPS = "/api/wallet/topups/"
CART = "/api/cart/"


@dataclass
class World:
    """A customer with something in the cart, and a stranger with rows of their own."""

    customer: User
    client: Client
    token: str
    product: Product
    sold_out: Product
    elsewhere: Product
    line: CartItem
    theirs: Payment  # the stranger's, of the stranger's order
    their_line: CartItem

    def send(
        self, method: str, path: str, body: object = None, *, raw: bytes | str | None = None, **headers: str
    ) -> HttpResponse:
        """As the customer, with a key of their own; `headers` win, and an empty one is not sent."""
        content = raw if raw is not None else json.dumps({} if body is None else body)
        given = {
            "Authorization": f"Token {self.token}",
            "Idempotency-Key": "a-key",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kind = given.pop("Content-Type", "application/json")
        sent = {name: value for name, value in given.items() if value}
        answer: Any = self.client.generic(method, path, content, content_type=kind, headers=sent)
        return HttpResponse(answer.content, status=answer.status_code, headers=dict(answer.items()))


def make_world() -> World:
    customer, stranger, shop = make_user(), make_user(), make_shop()
    product = make_product(shop=shop, stock=5, price_minor=2500)
    theirs = make_payment(order=make_order(user=stranger))
    return World(
        customer=customer,
        client=Client(raise_request_exception=False),
        token=Token.objects.create(user=customer).key,
        product=product,
        sold_out=make_product(shop=shop, stock=0),
        elsewhere=make_product(stock=5),
        line=put_into_cart(customer, product, 1),
        theirs=theirs,
        their_line=put_into_cart(stranger, product, 1),
    )


@cache
def _picture_query() -> str:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    digest = "md5(string_agg(line::text, ',' ORDER BY line::text))"
    return " UNION ALL ".join(
        f"SELECT '{table}', count(*), {digest} FROM {table} line"  # noqa: S608
        for table in tables
    )


def picture() -> dict[str, tuple[int, str]]:
    """Every row of every table, as (number, digest)."""
    with connection.cursor() as cursor:
        cursor.execute(_picture_query())
        return {table: (number, digest) for table, number, digest in cursor.fetchall()}


@contextmanager
def nothing_changes() -> Iterator[None]:
    before = picture()
    yield
    after = picture()
    assert after == before, sorted(table for table in after if after[table] != before[table])


def read(answer: HttpResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.content)
    return body
