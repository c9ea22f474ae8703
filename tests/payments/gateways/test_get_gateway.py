"""One adapter per gateway and process, built from the settings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.test import override_settings

from choptym.lib.errors import Rejected
from choptym.lib.money import Money
from payments.gateways import forget_gateways, gateway_names, get_gateway
from payments.gateways.base import Gateway, RefundRequest
from payments.gateways.campay import CamPay
from payments.gateways.fapshi import Fapshi

DOOR = {"pool_size": 2, "total_seconds": 1.0}
GATEWAYS: dict[str, dict[str, Any]] = {
    "campay": {
        "adapter": "payments.gateways.campay.CamPay",
        "door": DOOR,
        "options": {"base_url": "http://x.invalid", "username": "u", "password": "p", "webhook_keys": ("k",)},
    },
    "cashfree": {
        "adapter": "payments.gateways.cashfree.Cashfree",
        "door": DOOR,
        "options": {
            "base_url": "http://x.invalid", "client_id": "i", "client_secrets": ("s",),
            "absence_proves_after_seconds": None,
        },
    },
    "fapshi": {
        "adapter": "payments.gateways.fapshi.Fapshi",
        "door": DOOR,
        "options": {"base_url": "http://x.invalid", "api_user": "u", "api_key": "k", "webhook_secrets": ("s",)},
    },
    "razorpay": {
        "adapter": "payments.gateways.razorpay.Razorpay",
        "door": DOOR,
        "options": {
            "base_url": "http://x.invalid", "key_id": "i", "key_secret": "k", "webhook_secrets": ("s",),
            "absence_proves_after_seconds": None,
        },
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def all_gateways() -> Iterator[None]:
    forget_gateways()
    with override_settings(GATEWAYS=GATEWAYS):
        yield
    forget_gateways()


def test_names_what_is_switched_on_in_order() -> None:
    assert gateway_names() == ("campay", "cashfree", "fapshi", "razorpay")


def test_makes_each_adapter_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: get_gateway("fapshi"), range(50)))

    assert made == {get_gateway("fapshi")}
    assert isinstance(get_gateway("fapshi"), Fapshi)
    assert isinstance(get_gateway("campay"), CamPay)


def test_refuses_a_name_that_nobody_has() -> None:
    with pytest.raises(Rejected) as caught:
        get_gateway("stripe")

    assert caught.value.code == "unknown_gateway"


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_every_adapter_speaks_the_protocol(name: str) -> None:
    gateway: Gateway = get_gateway(name)

    assert gateway.rules.name == name
    assert gateway.rules.poll_seconds
    assert gateway.rules.phone_region == ("CM" if "XAF" in gateway.rules.currencies else "IN")
    assert set(gateway.rules.minimum_minor) == set(gateway.rules.currencies)


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_a_gateway_that_cannot_refund_says_so(name: str) -> None:
    gateway = get_gateway(name)
    if gateway.rules.can_refund:
        return
    with pytest.raises(Rejected) as caught:
        gateway.refund(RefundRequest("r", "t", Money(500, "XAF")))
    with pytest.raises(Rejected) as third:
        gateway.settlements(date(2026, 11, 5))

    assert caught.value.code == "refund_unsupported"
    assert (third.value.code, gateway.rules.tells_settlements) == ("unsupported", False)


def test_fapshi_tracks_no_payouts_without_their_credentials() -> None:
    with pytest.raises(Rejected) as caught:
        get_gateway("fapshi").fetch_refund("r", transaction_id="t")

    assert caught.value.code == "refund_unsupported"


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_says_whether_a_refund_may_be_asked_for_twice(name: str) -> None:
    rules = get_gateway(name).rules

    assert rules.refund_is_repeatable is (name in {"cashfree", "razorpay"})
    assert rules.refund_is_repeatable is rules.can_refund
