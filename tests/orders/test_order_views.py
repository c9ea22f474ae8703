"""An order as its customer reads it."""

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.factories import make_order, make_product, make_shop, make_user

pytestmark = pytest.mark.django_db


def test_items_stand_as_they_lay_in_the_cart_whatever_was_written_last() -> None:
    user, shop = make_user(), make_shop()
    dishes = [make_product(shop=shop) for _ in range(4)]
    order = make_order(user=user, lines=[(dish, 1) for dish in dishes])
    client = APIClient()
    client.force_authenticate(user)
    with connection.cursor() as cursor:  # a row that is written anew lies behind the others
        cursor.execute("UPDATE orders_orderitem SET state = 'SOLD' WHERE product_id = %s", [dishes[0].pk])

    one = client.get(f"/api/orders/{order.pk}/").json()
    [listed] = client.get("/api/orders/").json()

    assert [item["name"] for item in one["items"]] == [dish.name for dish in dishes]
    assert listed["items"] == one["items"]
