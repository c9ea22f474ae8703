"""What we send to Cashfree when we ask for money, and what we take from its answers."""

from collections.abc import Mapping
from datetime import timedelta

from choptym.lib import clock
from payments.gateways.base import CollectRequest
from payments.gateways.cashfree_api import in_rupees
from payments.gateways.reading import digest_of, read_address, read_object, read_text

LEAST_OPEN_SECONDS = 960  # fifteen minutes, and one for the clocks
MAX_NOTE = 200
MAX_URL = 250
MAX_PURPOSE = 500
UPI_MINUTES = 15  # the most that a UPI payment may stay open


def order_body(request: CollectRequest, open_seconds: int) -> dict[str, object]:
    meta = {"order_meta": {"return_url": request.return_url}} if 0 < len(request.return_url) <= MAX_URL else {}
    note = request.description[:MAX_NOTE]
    return {
        "order_id": request.reference,
        "order_amount": in_rupees(request.money),
        "order_currency": request.money.currency,
        "customer_details": _customer(request, with_id=True),
        "order_expiry_time": _expiry(open_seconds),
        **({"order_note": note} if len(note) >= 3 else {}),
        **meta,
    }


def payment_body(session: str) -> dict[str, object]:
    upi = {"channel": "link", "upi_expiry_minutes": UPI_MINUTES}
    return {"payment_session_id": session, "payment_method": {"upi": upi}}


def link_body(request: CollectRequest, open_seconds: int) -> dict[str, object]:
    meta = {"link_meta": {"return_url": request.return_url}} if 0 < len(request.return_url) <= MAX_URL else {}
    return {
        "link_id": request.reference,
        "link_amount": in_rupees(request.money),
        "link_currency": request.money.currency,
        "link_purpose": request.description[:MAX_PURPOSE] or "ChopTym",
        "customer_details": _customer(request, with_id=False),
        "link_partial_payments": False,
        "link_expiry_time": _expiry(open_seconds),
        "link_notify": {"send_sms": False, "send_email": False},
        "link_auto_reminders": False,
        **meta,
    }


def read_session(order: Mapping[str, object]) -> str:
    """A secret: who has it can pay in the payer's name."""
    return read_text(order.get("payment_session_id"))


def read_intent(record: Mapping[str, object]) -> str:
    """The address that opens the payer's UPI app; "" when there is none, or none that we can keep whole."""
    payload = read_object(read_object(record.get("data")).get("payload"))
    return read_address(payload.get("default"), "upi://")


def _customer(request: CollectRequest, *, with_id: bool) -> dict[str, object]:
    email = {"customer_email": request.email} if 3 <= len(request.email) <= 100 else {}
    own_id = {"customer_id": digest_of(request.phone)} if with_id else {}
    return {**own_id, "customer_phone": request.phone, **email}


def _expiry(open_seconds: int) -> str:
    ends_at = clock.known() + timedelta(seconds=max(LEAST_OPEN_SECONDS, open_seconds))
    return ends_at.isoformat(timespec="seconds")
