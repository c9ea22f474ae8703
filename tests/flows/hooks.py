"""Webhooks as a gateway, or somebody else, would send them, and what became of them."""

import json
import time

import jwt
import pytest
import requests

from tests.flows.ends import (
    Purchase,
)
from tests.live import TIMEOUT_SECONDS, Live

# What each gateway says about a payment on the phone that went through.
PAID_WORDS = {
    "fapshi": ("SUCCESSFUL",),
    "campay": ("SUCCESSFUL",),
    "razorpay": ("payment.captured", "order.paid"),
    "cashfree": ("PAYMENT_SUCCESS_WEBHOOK",),
}
NOBODYS = "00000000-0000-4000-8000-00000000{:04d}"


def send(live: Live, gateway: str, body: object = None, **headers: str) -> requests.Response:
    url = f"{live.stack.web}/webhooks/{gateway}/"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    return requests.post(url, data=content, headers=headers, timeout=TIMEOUT_SECONDS)


def secret(live: Live) -> dict[str, str]:
    return {"x-wh-secret": live.stack.environment["FAPSHI_WEBHOOK_SECRET"]}


def signature(live: Live) -> str:
    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600, "source": "CamPay"}
    key = live.stack.environment["CAMPAY_WEBHOOK_KEY"].encode()
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        return jwt.encode(claims, key, algorithm="HS256")


def events(live: Live, transaction_id: str) -> list[tuple[str, str]]:
    """(word, state) of what we keep about a transaction."""
    query = "SELECT word, state FROM payments_webhookevent WHERE transaction_id = %s ORDER BY id"
    return [(word, state) for word, state in live.rows(query, transaction_id)]


def deliveries(purchase: Purchase) -> list[tuple[str, int | None]]:
    """(kind, our answer) of what the gateway sent about the only transaction of a purchase."""
    path = f"{purchase.method}/webhooks?gateway_id={purchase.gateway_id()}"
    return [(sent["kind"], sent["status"]) for sent in purchase.live.control("GET", path)["webhooks"]]


def assert_delivered(purchase: Purchase, *expected: tuple[str, int | None]) -> None:
    assert deliveries(purchase) == list(expected)


def sent_once(method: str, kind: str, answer: int | None) -> list[tuple[str, int | None]]:
    """The deliveries of one telling that a payment went through."""
    return [(kind, answer)] * len(PAID_WORDS[method])


def assert_paid_events(live: Live, method: str, transaction_id: str) -> None:
    """Each word of the gateway's stands here once."""
    assert sorted(events(live, transaction_id)) == sorted((word, "MATCHED") for word in PAID_WORDS[method])


def assert_events(live: Live, transaction_id: str, *expected: tuple[str, str]) -> None:
    assert events(live, transaction_id) == list(expected)
