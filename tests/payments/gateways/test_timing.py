"""How long gateways take is told by operation: few of them, and none with an id in it."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from payments import gateways
from payments.gateways import get_gateway
from payments.gateways.timing import WORDS, operation_of
from tests.payments.gateways.sandbox import Sandbox

SOURCES = Path(gateways.__file__).parent
# A path as the adapters write it: f"/orders/{order_id}/payments".
PATH = re.compile(r'"(/[a-z_-]+(?:/(?:[a-z_-]+|\{[^"]*?\}))*/?)"')


def paths() -> set[str]:
    return {path for source in SOURCES.glob("*.py") for path in PATH.findall(source.read_text())}


def test_every_word_of_every_path_is_known_and_no_other() -> None:
    words = {word for path in paths() for word in path.split("/") if word and not word.startswith("{")}

    assert len(paths()) > 25
    assert words - {"sandbox"} == WORDS


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("GET", "https://api.cashfree.com/pg/orders/42ab/payments?x=1", "GET /orders/*/payments"),
        ("POST", "http://127.0.0.1:1/razorpay/v1/payments/create/json", "POST /payments/create/json"),
        ("GET", "https://www.campay.net/api/transaction/6a1c9cae-8f0b/", "GET /transaction/*"),
        ("GET", "https://live.fapshi.com/payment-status/AbCd12", "GET /payment-status/*"),
        ("GET", "https://live.fapshi.com/", "GET /"),
        ("GET", "https://x.example/orders/1/2/3/4/5/6", "GET /orders/*/*/*"),
    ],
)
def test_an_operation_is_the_method_and_the_words_of_the_path(method: str, url: str, operation: str) -> None:
    assert operation_of(method, url) == operation


def test_the_door_of_a_gateway_tells_of_every_request(sandbox: Sandbox) -> None:
    labels = {"gateway": "fapshi", "operation": "GET /balance", "outcome": "2xx"}

    def told() -> float:
        return REGISTRY.get_sample_value("choptym_gateway_call_seconds_count", labels) or 0.0

    before = told()
    get_gateway("fapshi").fetch_balance()

    assert told() - before == 1
