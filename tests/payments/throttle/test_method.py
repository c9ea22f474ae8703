"""The API without a method: we choose the gateway, and say which."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from rest_framework.authtoken.models import Token

from tests.factories import make_product, make_user, put_into_cart

pytestmark = pytest.mark.django_db


def post(user: User, path: str, body: dict[str, object]) -> Any:
    token = Token.objects.get_or_create(user=user)[0].key
    headers = {"Authorization": f"Token {token}", "Idempotency-Key": str(uuid4())}
    return Client().post(path, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(("phone", "method"), [("677000001", "campay"), ("699000001", "fapshi")])
def test_a_checkout_without_a_method_goes_by_the_operator(phone: str, method: str) -> None:
    user = make_user()
    put_into_cart(user, make_product())

    with override_settings(PAYMENT_ROUTES={"mtn": ["campay"]}):
        answer = post(user, "/api/checkout/", {"phone": phone})

    assert (answer.status_code, answer.json()["payment"]["method"]) == (202, method)


def test_a_topup_without_a_method_goes_to_the_first_that_takes_the_amount() -> None:
    answer = post(make_user(), "/api/wallet/topups/", {"phone": "677000001", "amount_minor": 50})

    assert (answer.status_code, answer.json()["payment"]["method"]) == (202, "campay")


@pytest.mark.parametrize(("currency", "phone"), [("INR", "677000001"), ("XAF", "9876000001")])
def test_a_number_of_the_wrong_country_is_refused_for_the_currency(currency: str, phone: str) -> None:
    answer = post(make_user(), "/api/wallet/topups/", {"phone": phone, "amount_minor": 5000, "currency": currency})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_phone")
    assert list(answer.json()["fields"]) == ["phone"]


def test_rupees_go_to_a_gateway_that_takes_them() -> None:
    body = {"phone": "9876000001", "amount_minor": 5000, "currency": "INR"}

    assert post(make_user(), "/api/wallet/topups/", body).json()["payment"]["method"] == "razorpay"


def test_without_a_method_a_phone_is_needed_unless_by_link() -> None:
    user = make_user()
    put_into_cart(user, make_product())

    assert post(user, "/api/checkout/", {}).json()["code"] == "phone_required"
    assert post(user, "/api/checkout/", {"link": True}).json()["payment"]["method"] == "fapshi"
