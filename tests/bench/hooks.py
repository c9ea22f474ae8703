"""The webhooks of payments that wait: Razorpay's, signed with the secret of the local stack."""

import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.bench.load import Request


@dataclass(frozen=True, slots=True)
class Captured:
    """What Razorpay would tell of one payment."""

    transaction: str
    reference: str
    amount_minor: int
    number: int


def signed(captured: Iterable[Captured], url: str, secret: str) -> Iterator[Request]:
    """One `payment.captured` for each, to this address."""
    for one in captured:
        body = json.dumps(_event(one))
        headers = {
            "Content-Type": "application/json",
            "X-Razorpay-Signature": hmac.new(secret.encode(), body.encode(), "sha256").hexdigest(),
            "X-Razorpay-Event-Id": f"evt_{one.number:014d}",
        }
        yield Request("POST", url, headers, body)


def _event(one: Captured) -> dict[str, object]:
    """Cut down to what a reader may need, and what makes its length true to life."""
    entity = {
        "id": f"pay_{one.number:014d}",
        "entity": "payment",
        "amount": one.amount_minor,
        "currency": "INR",
        "base_amount": one.amount_minor,
        "status": "captured",
        "order_id": one.transaction,
        "international": False,
        "method": "upi",
        "amount_refunded": 0,
        "refund_status": None,
        "captured": True,
        "description": "ChopTym",
        "vpa": "payer@bench",
        "email": None,
        "contact": "+919876543210",
        "notes": {"reference": one.reference},
        "fee": one.amount_minor // 50,
        "tax": one.amount_minor // 328,
        "error_code": None,
        "error_description": None,
        "acquirer_data": {"rrn": str(530_000_000_000 + one.number)},
        "created_at": 1_700_000_000,
    }
    return {
        "entity": "event",
        "account_id": "acc_bench",
        "event": "payment.captured",
        "contains": ["payment"],
        "payload": {"payment": {"entity": entity}},
        "created_at": 1_700_000_000,
    }
