"""What we send to Razorpay when we ask for money, and the UPI address in its answer."""

from collections.abc import Mapping

from choptym.lib import clock
from payments.gateways.base import CollectRequest
from payments.gateways.reading import read_address, read_objects

COUNTRY = "+91"
LEAST_CAPTURE_MINUTES = 12
# A payment authorised after the automatic period waits this long for us to capture it, then goes back to the payer.
MANUAL_CAPTURE_MINUTES = 2880
LEAST_LINK_SECONDS = 960  # at least fifteen minutes ahead, and a minute for the clocks
MAX_DESCRIPTION = 250


def order_body(request: CollectRequest, open_seconds: int) -> dict[str, object]:
    return {
        "amount": request.money.amount_minor,
        "currency": request.money.currency,
        "receipt": request.reference,
        "notes": {"reference": request.reference},
        "payment": {
            "capture": "automatic",
            "capture_options": {
                "automatic_expiry_period": max(LEAST_CAPTURE_MINUTES, open_seconds // 60),
                "manual_expiry_period": max(MANUAL_CAPTURE_MINUTES, open_seconds // 60),
                "refund_speed": "normal",
            },
        },
    }


def payment_body(request: CollectRequest, order_id: str, defaults: Mapping[str, str]) -> dict[str, object]:
    """The UPI payment. `email` is mandatory there unless the account was switched; it is left out when we have none."""
    options = {**defaults, "referer": request.return_url, **({"email": request.email} if request.email else {})}
    return {
        "amount": request.money.amount_minor,
        "currency": request.money.currency,
        "order_id": order_id,
        "contact": COUNTRY + request.phone,
        "method": "upi",
        "upi": {"flow": "intent"},
        "user_agent": "choptym-payments",
        "description": request.description[:MAX_DESCRIPTION],
        "notes": {"reference": request.reference},
        **{name: value for name, value in options.items() if value},
    }


def link_body(request: CollectRequest, open_seconds: int) -> dict[str, object]:
    customer = {"contact": COUNTRY + request.phone if request.phone else "", "email": request.email}
    back = {"callback_url": request.return_url, "callback_method": "get"} if request.return_url else {}
    return {
        "amount": request.money.amount_minor,
        "currency": request.money.currency,
        "reference_id": request.reference,
        "description": request.description[:MAX_DESCRIPTION],
        "customer": {name: value for name, value in customer.items() if value},
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "accept_partial": False,
        "expire_by": int(clock.known().timestamp()) + max(LEAST_LINK_SECONDS, open_seconds),
        "notes": {"reference": request.reference},
        **back,
    }


def read_intent(record: Mapping[str, object]) -> str:
    """The address that opens the payer's UPI app; "" when there is none, or none that we can keep whole."""
    steps = read_objects(record.get("next"))
    urls = [read_address(step.get("url"), "upi://") for step in steps if step.get("action") == "intent"]
    return next((url for url in urls if url), "")
