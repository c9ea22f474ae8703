"""How the gateways lie while everything else breaks: DESIGN and the issue name the shares."""

from typing import Any

GATEWAYS = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}

WEATHER: dict[str, Any] = {
    "latency_ms": 40,
    "latency_jitter_ms": 60,
    "approval_delay_ms": 300,
    "approval_jitter_ms": 900,
    "links_pay_themselves": True,
    "webhook_duplicate_rate": 0.05,
    "webhook_lost_rate": 0.02,
    "webhook_reorder_rate": 0.05,
    "webhook_forged_rate": 0.01,
    "timeout_after_capture_rate": 0.01,
    "timeout_hold_ms": 6_000,
    "error_rate": 0.01,
    "error_after_capture_rate": 0.01,
}
# In India who declines may try again until the payment expires, so nobody declines there. CamPay's history hides what
# is pending, so after a 500 only its expiry tells that nothing was done: there the 500 comes after the deed.
OF_GATEWAY: dict[str, dict[str, Any]] = {
    "fapshi": {"refusal_rate": 0.02},
    "campay": {"refusal_rate": 0.02, "error_rate": 0.0, "error_after_capture_rate": 0.02},
    "razorpay": {},
    "cashfree": {},
}


def weather() -> dict[str, dict[str, Any]]:
    """The knobs of every gateway."""
    return {name: {**WEATHER, **own} for name, own in OF_GATEWAY.items()}
