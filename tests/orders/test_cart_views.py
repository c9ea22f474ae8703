"""A cart over HTTP: each answer has the same body, the one that its document tells of."""

import pytest
from rest_framework.test import APIClient

from tests.factories import make_product, make_shop, make_user

pytestmark = pytest.mark.django_db


def test_a_line_is_shown_alike_when_it_is_added_listed_and_changed() -> None:
    product = make_product(shop=make_shop(currency="INR"), price_minor=1501)
    client = APIClient()
    client.force_authenticate(make_user())

    added = client.post("/api/cart/", {"product": product.pk, "quantity": 2})
    listed = client.get("/api/cart/")
    changed = client.patch(f"/api/cart/{added.json()['id']}/", {"quantity": 2})

    assert (added.status_code, changed.status_code) == (201, 200)
    assert added.json() == {
        "id": added.json()["id"],
        "product": product.pk,
        "name": product.name,
        "quantity": 2,
        "unit_price_minor": 1501,
        "line_total_minor": 3002,
        "currency": "INR",
    }
    assert listed.json() == [added.json()]
    assert changed.json() == added.json()
