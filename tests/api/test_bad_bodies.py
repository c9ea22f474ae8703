"""Bad bodies: the exact status and code, the field at fault, and nothing changed."""

from typing import Any

import pytest

from choptym.lib.phones import national_number
from tests.api.world import CART, CHECKOUT, PHONE, TOPUPS, World, nothing_changes, read

FAPSHI = {"method": "fapshi", "phone": PHONE}
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
        ({}, "invalid", "method"),
        ({"method": ""}, "invalid", "method"),
        ({"method": None, "phone": PHONE}, "invalid", "method"),
        ({"method": "paypal", "phone": PHONE}, "invalid", "method"),
        ({"method": "FAPSHI", "phone": PHONE}, "invalid", "method"),
        ({"method": "razorpay", "phone": PHONE}, "invalid", "method"),
        ({"method": "x" * 21, "phone": PHONE}, "invalid", "method"),
        ({"method": ["fapshi"], "phone": PHONE}, "invalid", "method"),
        ({"method": {"fapshi": 1}, "phone": PHONE}, "invalid", "method"),
        ({"method": 1, "phone": PHONE}, "invalid", "method"),
        ({"method": True, "phone": PHONE}, "invalid", "method"),
        ({"method": "fapshi"}, "invalid", "phone"),
        ({"method": "fapshi", "phone": ""}, "invalid", "phone"),
        ({"method": "fapshi", "phone": None}, "invalid", "phone"),
        ({"method": "fapshi", "phone": [PHONE]}, "invalid", "phone"),
        ({"method": "fapshi", "phone": True}, "invalid", "phone"),
        ({"method": "fapshi", "phone": "6" * 31}, "invalid", "phone"),
        ({**FAPSHI, "link": "maybe"}, "invalid", "link"),
        ({**FAPSHI, "link": None}, "invalid", "link"),
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
    "٦٧٧٠٠٠٠٠١": "677000001",
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
    assert national_number(spelling) == number
    if number is None:
        refused(world, "POST", CHECKOUT, {"method": "fapshi", "phone": spelling}, 400, "invalid", "phone")
    else:
        answer = world.send("POST", CHECKOUT, {"method": "fapshi", "phone": spelling})
        assert (answer.status_code, read(answer)["payment"]["phone"]) == (202, number)


@pytest.mark.parametrize(
    ("quantity", "status"),
    [
        (0, 400),
        (-1, 400),
        (101, 400),
        (2**31, 400),
        (2**63, 400),
        (10**4000, 400),
        (1.5, 400),
        ("1.5", 400),
        ("", 400),
        ("two", 400),
        ("0x2", 400),
        (True, 400),
        (False, 400),
        (None, 400),
        ([1], 400),
        ({"1": 1}, 400),
        (1e308, 400),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_quantity_that_is_none(world: World, method: str, quantity: Any, status: int) -> None:
    path = CART if method == "POST" else f"{CART}{world.line.pk}/"
    body = {"product": world.product.pk, "quantity": quantity}

    refused(world, method, path, body, status, "invalid", "quantity")


@pytest.mark.parametrize("quantity", [1, 100, "3", 2.0])
def test_a_quantity_that_is_one(world: World, quantity: Any) -> None:
    answer = world.send("PATCH", f"{CART}{world.line.pk}/", {"quantity": quantity})

    assert (answer.status_code, read(answer)["quantity"]) == (200, int(quantity))


def test_a_quantity_that_is_missing(world: World) -> None:
    refused(world, "POST", CART, {"product": world.product.pk}, 400, "invalid", "quantity")
    refused(world, "PATCH", f"{CART}{world.line.pk}/", {}, 400, "invalid", "quantity")


@pytest.mark.parametrize(
    "product", [0, -1, 2**63, 10**30, "one", "", None, True, [1], {"id": 1}, 1.5, "1; DROP TABLE orders_product"]
)
def test_a_product_that_is_none(world: World, product: Any) -> None:
    refused(world, "POST", CART, {"product": product, "quantity": 1}, 400, "invalid", "product")


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
    ("price", "status", "code", "field"), [(99, 400, "amount_too_small", "amount"), (100, 202, "", "")]
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
        ({"amount_minor": 0}, "invalid", "amount_minor"),
        ({"amount_minor": -500}, "invalid", "amount_minor"),
        ({"amount_minor": 100_000_001}, "invalid", "amount_minor"),
        ({"amount_minor": 10**30}, "invalid", "amount_minor"),
        ({"amount_minor": 500.5}, "invalid", "amount_minor"),
        ({"amount_minor": True}, "invalid", "amount_minor"),
        ({"amount_minor": "lots"}, "invalid", "amount_minor"),
        ({"amount_minor": None}, "invalid", "amount_minor"),
        ({"amount_minor": [500]}, "invalid", "amount_minor"),
        ({"amount_minor": 99}, "amount_too_small", "amount"),
        ({"currency": "USD"}, "invalid", "currency"),
        ({"currency": "xaf"}, "invalid", "currency"),
        ({"currency": None}, "invalid", "currency"),
        ({"currency": ["XAF"]}, "invalid", "currency"),
        ({"currency": "INR"}, "currency_not_supported", "method"),
        ({"method": "wallet"}, "invalid", "method"),
        ({"method": "paypal"}, "invalid", "method"),
        ({"phone": "1"}, "invalid", "phone"),
    ],
)
def test_a_topup_that_makes_no_sense(world: World, changes: dict[str, Any], code: str, field: str) -> None:
    refused(world, "POST", TOPUPS, {**TOPUP, **changes}, 400, code, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "a"}, "password"),
        ({"username": "", "password": "b"}, "username"),
        ({"username": "a", "password": None}, "password"),
        ({"username": ["a"], "password": "b"}, "username"),
        ({"username": "a" * 151, "password": "b"}, "username"),
        ({"username": "a", "password": "b" * 129}, "password"),
        ({"username": "nobody", "password": "wrong"}, "non_field_errors"),
    ],
)
def test_a_login_that_makes_no_sense(world: World, body: Any, field: str) -> None:
    with nothing_changes():
        answer = world.send("POST", "/api/auth/token/", body, Authorization="")

    shown = read(answer)
    assert (answer.status_code, shown["code"]) == (400, "invalid")
    assert field in shown["fields"]
