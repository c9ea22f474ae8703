"""Bad bodies: the exact status and code, the field at fault, and nothing changed."""

import json
from typing import Any

import pytest

from choptym.lib.phones import national_number
from tests.api.world import CART, CHECKOUT, PHONE, TOPUPS, World, nothing_changes, read

FAPSHI = {"method": "fapshi", "phone": PHONE}
INDIAN = "9876500001"
TOPUP = {**FAPSHI, "amount_minor": 500}


def refused(world: World, method: str, path: str, body: object, status: int, code: str, field: str | None) -> None:
    with nothing_changes():
        answer = world.send(method, path, body)

    shown = read(answer)
    assert (answer.status_code, shown["code"]) == (status, code), shown
    assert set(shown) == {"code", "message", "fields"}
    assert shown["message"]
    assert list(shown["fields"]) == ([field] if field else [])


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "phone_required", "phone"),
        ({"method": ""}, "blank", "method"),
        ({"method": None, "phone": PHONE}, "null", "method"),
        ({"method": "paypal", "phone": PHONE}, "unknown_method", "method"),
        ({"method": "FAPSHI", "phone": PHONE}, "unknown_method", "method"),
        ({"method": "stripe", "phone": PHONE}, "unknown_method", "method"),
        ({"method": "razorpay", "phone": PHONE}, "invalid_phone", "phone"),
        ({"method": "cashfree", "phone": PHONE}, "invalid_phone", "phone"),
        ({"method": "cashfree", "link": True}, "phone_required", "phone"),
        ({"method": "fapshi", "phone": INDIAN}, "invalid_phone", "phone"),
        ({"method": "campay", "phone": f"+91{INDIAN}"}, "invalid_phone", "phone"),
        ({"method": "wallet", "phone": "123"}, "invalid_phone", "phone"),
        ({"method": "razorpay", "phone": INDIAN}, "currency_not_supported", "method"),
        ({"method": "cashfree", "phone": f"+91 {INDIAN}"}, "currency_not_supported", "method"),
        ({"method": "x" * 21, "phone": PHONE}, "max_length", "method"),
        ({"method": ["fapshi"], "phone": PHONE}, "invalid", "method"),
        ({"method": {"fapshi": 1}, "phone": PHONE}, "invalid", "method"),
        ({"method": 1, "phone": PHONE}, "unknown_method", "method"),
        ({"method": True, "phone": PHONE}, "invalid", "method"),
        ({"method": "fapshi"}, "phone_required", "phone"),
        ({"method": "fapshi", "phone": ""}, "phone_required", "phone"),
        ({"method": "fapshi", "phone": None}, "null", "phone"),
        ({"method": "fapshi", "phone": [PHONE]}, "invalid", "phone"),
        ({"method": "fapshi", "phone": True}, "invalid", "phone"),
        ({"method": "fapshi", "phone": "6" * 31}, "invalid_phone", "phone"),
        ({**FAPSHI, "link": "maybe"}, "invalid", "link"),
        ({**FAPSHI, "link": None}, "null", "link"),
        ({**FAPSHI, "link": [1]}, "invalid", "link"),
    ],
)
def test_a_checkout_that_makes_no_sense(world: World, body: Any, code: str, field: str) -> None:
    refused(world, "POST", CHECKOUT, body, 400, code, field)


# Spelling: the national number, or nothing.
PHONES = {
    "677000001": "677000001",
    "+237677000001": "677000001",
    "00237677000001": "677000001",
    "237677000001": "677000001",
    "+237 6 77 00 00 01": "677000001",
    " 677 00 00 01 ": "677000001",
    "677-000-001": "677000001",
    "-677000001": "677000001",
    "(677) 000 001": "677000001",
    "+237.699.000.001": "699000001",
    "٦٧٧٠٠٠٠٠١": None,
    "677OOO001": None,
    "67700000": None,
    "6770000011": None,
    "577000001": None,
    "222000001": None,
    "+33677000001": None,
    "+1 677 000 0012": None,
    "677000001 ext 5": None,
    "67700000a": None,
    "6.77e8": None,
    "0": None,
    "+": None,
    "phone": None,
    "677000001;DROP TABLE": None,
}


@pytest.mark.parametrize(("spelling", "number"), PHONES.items())
def test_a_phone_in_many_spellings(world: World, spelling: str, number: str | None) -> None:
    assert national_number(spelling, "CM") == number
    if number is None:
        refused(world, "POST", CHECKOUT, {"method": "fapshi", "phone": spelling}, 400, "invalid_phone", "phone")
    else:
        answer = world.send("POST", CHECKOUT, {"method": "fapshi", "phone": spelling})
        assert (answer.status_code, read(answer)["payment"]["phone"]) == (202, number)


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        (0, "min_value"),
        (-1, "min_value"),
        (101, "max_value"),
        (2**31, "max_value"),
        (2**63, "max_value"),
        pytest.param(10**4000, "max_value", id="huge"),
        (1.5, "invalid"),
        ("1.5", "invalid"),
        ("", "invalid"),
        ("two", "invalid"),
        ("0x2", "invalid"),
        (True, "invalid"),
        (False, "invalid"),
        (None, "null"),
        ([1], "invalid"),
        ({"1": 1}, "invalid"),
        (1e308, "invalid"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_quantity_that_is_none(world: World, method: str, quantity: Any, code: str) -> None:
    path = CART if method == "POST" else f"{CART}{world.line.pk}/"
    body = {"product": world.product.pk, "quantity": quantity}

    refused(world, method, path, body, 400, code, "quantity")


@pytest.mark.parametrize("quantity", [1, 100, "3", 2.0])
def test_a_quantity_that_is_one(world: World, quantity: Any) -> None:
    answer = world.send("PATCH", f"{CART}{world.line.pk}/", {"quantity": quantity})

    assert (answer.status_code, read(answer)["quantity"]) == (200, int(quantity))


def test_a_quantity_that_is_missing(world: World) -> None:
    refused(world, "POST", CART, {"product": world.product.pk}, 400, "required", "quantity")
    refused(world, "PATCH", f"{CART}{world.line.pk}/", {}, 400, "required", "quantity")


@pytest.mark.parametrize(
    ("product", "code"),
    [
        *[(product, "min_value") for product in (0, -1)],
        *[(product, "max_value") for product in (2**63, 10**30)],
        (None, "null"),
        *[(product, "invalid") for product in ("one", "", True, [1], {"id": 1}, 1.5, "1; DROP TABLE orders_product")],
    ],
)
def test_a_product_that_is_none(world: World, product: Any, code: str) -> None:
    refused(world, "POST", CART, {"product": product, "quantity": 1}, 400, code, "product")


def test_a_product_that_is_not_there_sold_out_or_of_another_shop(world: World) -> None:
    for product, status, code in (
        (2**63 - 1, 400, "unknown_product"),
        (world.sold_out.pk, 409, "sold_out"),
        (world.elsewhere.pk, 409, "other_shop"),
    ):
        refused(world, "POST", CART, {"product": product, "quantity": 1}, status, code, "product")


def test_a_line_that_would_grow_too_large(world: World) -> None:
    body = {"product": world.product.pk, "quantity": 100}

    refused(world, "POST", CART, body, 400, "quantity_too_large", "quantity")


def test_an_empty_cart(world: World) -> None:
    world.line.delete()

    refused(world, "POST", CHECKOUT, FAPSHI, 400, "empty_cart", "cart")


def test_more_than_there_is(world: World) -> None:
    world.send("PATCH", f"{CART}{world.line.pk}/", {"quantity": 6})

    refused(world, "POST", CHECKOUT, FAPSHI, 409, "sold_out", f"cart.{world.line.pk}")


@pytest.mark.parametrize(
    ("price", "status", "code", "field"), [(99, 400, "amount_too_small", "cart"), (100, 202, "", "")]
)
def test_less_than_the_gateway_takes(world: World, price: int, status: int, code: str, field: str) -> None:
    type(world.product).objects.filter(pk=world.product.pk).update(price_minor=price)

    if status == 202:
        assert world.send("POST", CHECKOUT, FAPSHI).status_code == 202
    else:
        refused(world, "POST", CHECKOUT, FAPSHI, status, code, field)


def test_a_currency_that_the_gateway_does_not_take(world: World) -> None:
    type(world.product.shop).objects.filter(pk=world.product.shop_id).update(currency="INR")

    refused(world, "POST", CHECKOUT, FAPSHI, 400, "currency_not_supported", "method")


def test_a_shop_that_is_closed(world: World) -> None:
    type(world.product.shop).objects.filter(pk=world.product.shop_id).update(is_open=False)

    refused(world, "POST", CHECKOUT, FAPSHI, 409, "shop_closed", "cart")


def test_a_wallet_that_does_not_hold_enough(world: World) -> None:
    refused(world, "POST", CHECKOUT, {"method": "wallet"}, 409, "insufficient_balance", "method")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"amount_minor": 0}, "min_value", "amount_minor"),
        ({"amount_minor": -500}, "min_value", "amount_minor"),
        ({"amount_minor": 100_000_001}, "max_value", "amount_minor"),
        ({"amount_minor": 10**30}, "max_value", "amount_minor"),
        ({"amount_minor": 500.5}, "invalid", "amount_minor"),
        ({"amount_minor": True}, "invalid", "amount_minor"),
        ({"amount_minor": "lots"}, "invalid", "amount_minor"),
        ({"amount_minor": "500"}, "invalid", "amount_minor"),
        ({"amount_minor": "50_0"}, "invalid", "amount_minor"),
        ({"amount_minor": "٥٠٠"}, "invalid", "amount_minor"),
        ({"amount_minor": 500.0}, "invalid", "amount_minor"),
        ({"amount_minor": {"value": 500}}, "invalid", "amount_minor"),
        ({"amount_minor": None}, "null", "amount_minor"),
        ({"amount_minor": [500]}, "invalid", "amount_minor"),
        ({"amount_minor": 99}, "amount_too_small", "amount_minor"),
        ({"currency": "USD"}, "invalid_choice", "currency"),
        ({"currency": "xaf"}, "invalid_choice", "currency"),
        ({"currency": None}, "null", "currency"),
        ({"currency": ["XAF"]}, "invalid", "currency"),
        ({"currency": "INR"}, "currency_not_supported", "method"),
        ({"method": "razorpay", "phone": INDIAN}, "currency_not_supported", "method"),
        (
            {"method": "cashfree", "phone": INDIAN, "currency": "INR", "amount_minor": 99},
            "amount_too_small",
            "amount_minor",
        ),
        ({"method": "razorpay", "currency": "INR"}, "invalid_phone", "phone"),
        ({"method": "wallet"}, "unknown_method", "method"),
        ({"method": "paypal"}, "unknown_method", "method"),
        ({"phone": "1"}, "invalid_phone", "phone"),
    ],
)
def test_a_topup_that_makes_no_sense(world: World, changes: dict[str, Any], code: str, field: str) -> None:
    refused(world, "POST", TOPUPS, {**TOPUP, **changes}, 400, code, field)


@pytest.mark.parametrize("spelling", ["5E2", "500.0", "500.0000000000000000001", "-0.0", '"5e2"', '" 500 "'])
def test_an_amount_is_a_json_integer(world: World, spelling: str) -> None:
    raw = json.dumps({**TOPUP, "amount_minor": 0}).replace("0}", f"{spelling}}}")
    assert f'"amount_minor": {spelling}}}' in raw

    with nothing_changes():
        answer = world.send("POST", TOPUPS, raw=raw)

    assert (answer.status_code, read(answer)["code"]) == (400, "invalid")
    assert list(read(answer)["fields"]) == ["amount_minor"]


@pytest.mark.parametrize(
    ("body", "status", "code", "fields"),
    [
        ({}, 400, "invalid", ["username", "password"]),
        ({"username": "a"}, 400, "required", ["password"]),
        ({"username": "", "password": "b"}, 400, "blank", ["username"]),
        ({"username": "a", "password": None}, 400, "null", ["password"]),
        ({"username": ["a"], "password": "b"}, 400, "invalid", ["username"]),
        ({"username": "a" * 151, "password": "b"}, 400, "max_length", ["username"]),
        ({"username": "a", "password": "b" * 129}, 400, "max_length", ["password"]),
        ({"username": "nobody", "password": "wrong"}, 401, "wrong_credentials", []),
    ],
)
def test_a_login_that_makes_no_sense(world: World, body: Any, status: int, code: str, fields: list[str]) -> None:
    with nothing_changes():
        answer = world.send("POST", "/api/auth/token/", body, Authorization="")

    shown = read(answer)
    assert (answer.status_code, shown["code"], list(shown["fields"])) == (status, code, fields)
    assert shown["message"]
    assert "WWW-Authenticate" not in answer.headers
