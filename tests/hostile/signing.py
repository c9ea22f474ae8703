"""Webhooks signed as their gateways sign them, with the secrets of the tests: whatever the body says."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from tests.payments.gateways.sandbox import CREDENTIALS


@dataclass(frozen=True)
class Message:
    """One webhook on its way."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **headers: str) -> "Message":
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): one for name, one in headers.items()}})

    def as_arguments(self) -> dict[str, Any]:
        return {"method": self.method, "body": self.body, "query": self.query, "headers": self.headers}


def campay_token(key: str = CREDENTIALS["CAMPAY_WEBHOOK_KEY"], **claims: Any) -> str:
    now = int(time.time())
    return jwt.encode(
        {"iat": now, "exp": now + 3600, "source": "CamPay", **claims}, key.encode().ljust(32, b"\0"), algorithm="HS256"
    )


def sign(gateway: str, message: Message, *, timestamp: str = "") -> Message:
    """The same body under a good signature. CamPay's stands in the body, where that is an object."""
    body = message.body
    if gateway == "fapshi":
        return message.with_headers(x_wh_secret=CREDENTIALS["FAPSHI_WEBHOOK_SECRET"])
    if gateway == "razorpay":
        made = hmac.new(CREDENTIALS["RAZORPAY_WEBHOOK_SECRET"].encode(), body, "sha256").hexdigest()
        return message.with_headers(x_razorpay_signature=made)
    if gateway == "cashfree":
        timestamp = timestamp or str(int(time.time() * 1000))
        digest = hmac.digest(CREDENTIALS["CASHFREE_CLIENT_SECRET"].encode(), timestamp.encode() + body, "sha256")
        signature = base64.b64encode(digest).decode()
        return message.with_headers(x_webhook_timestamp=timestamp, x_webhook_signature=signature)
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return message
    if isinstance(record, dict):
        return replace(message, body=json.dumps({**record, "signature": campay_token()}).encode())
    return message
