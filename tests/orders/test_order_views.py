"""An order as its customer reads it."""

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.factories import make_order, make_product, make_shop, make_user

pytestmark = pytest.mark.django_db


def test_items_stand_by_their_number_wherever_their_rows_lie() -> None:
    user, shop = make_user(), make_shop()
    dishes = [make_product(shop=shop) for _ in range(4)][::-1]  # nor as they were put on the menu
    order = make_order(user=user, lines=[(dish, 1) for dish in dishes])
    client = APIClient()
    client.force_authenticate(user)
    with connection.cursor() as cursor:  # its row lies behind the others now
        cursor.execute("UPDATE orders_orderitem SET id = 0 WHERE product_id = %s", [dishes[-1].pk])

    one = client.get(f"/api/orders/{order.pk}/").json()
    [listed] = client.get("/api/orders/").json()

    assert [item["name"] for item in one["items"]] == [dish.name for dish in (dishes[-1], *dishes[:-1])]
    assert listed["items"] == one["items"]
