"""One adapter per gateway and process, built from the settings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import override_settings

from choptym.lib.errors import Rejected
from payments.gateways import forget_gateways, gateway_names, get_gateway
from payments.gateways.base import Gateway
from payments.gateways.campay import CamPay
from payments.gateways.fapshi import Fapshi

DOOR = {"pool_size": 2, "total_seconds": 1.0}
GATEWAYS: dict[str, dict[str, Any]] = {
    "campay": {
        "adapter": "payments.gateways.campay.CamPay",
        "door": DOOR,
        "options": {"base_url": "http://x.invalid", "username": "u", "password": "p", "webhook_keys": ("k",)},
    },
    "fapshi": {
        "adapter": "payments.gateways.fapshi.Fapshi",
        "door": DOOR,
        "options": {"base_url": "http://x.invalid", "api_user": "u", "api_key": "k", "webhook_secrets": ("s",)},
    },
}


@pytest.fixture(autouse=True)
def two_gateways() -> Iterator[None]:
    forget_gateways()
    with override_settings(GATEWAYS=GATEWAYS):
        yield
    forget_gateways()


def test_names_what_is_switched_on_in_order() -> None:
    assert gateway_names() == ("campay", "fapshi")


def test_makes_each_adapter_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: get_gateway("fapshi"), range(50)))

    assert made == {get_gateway("fapshi")}
    assert isinstance(get_gateway("fapshi"), Fapshi)
    assert isinstance(get_gateway("campay"), CamPay)


def test_refuses_a_name_that_nobody_has() -> None:
    with pytest.raises(Rejected) as caught:
        get_gateway("razorpay")

    assert caught.value.code == "unknown_gateway"


@pytest.mark.parametrize("name", ["campay", "fapshi"])
def test_every_adapter_speaks_the_protocol(name: str) -> None:
    gateway: Gateway = get_gateway(name)

    assert gateway.rules.name == name
    assert gateway.rules.poll_seconds
    assert set(gateway.rules.minimum_minor) == set(gateway.rules.currencies)
