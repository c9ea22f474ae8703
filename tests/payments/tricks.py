"""What the sandbox is told, and asked, about our payments."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from payments.models import Payment
from tests.payments.gateways.sandbox import Sandbox


def turn(sandbox: Sandbox, payment: Payment, **knobs: object) -> None:
    """Other knobs for every transaction of this payment's phone."""
    override = {"phones": {payment.phone: {"knobs": knobs, "times": None}}}
    sandbox.ask("PATCH", f"/control/{payment.gateway}", override)


@contextmanager
def turned(sandbox: Sandbox, gateway: str, **knobs: object) -> Iterator[None]:
    """Other knobs for a whole gateway, for a while."""
    before = sandbox.ask("GET", f"/control/{gateway}")
    sandbox.ask("PATCH", f"/control/{gateway}", knobs)
    try:
        yield
    finally:
        sandbox.ask("PATCH", f"/control/{gateway}", {name: before[name] for name in knobs})


def booked(sandbox: Sandbox, payment: Payment) -> list[dict[str, Any]]:
    """What the sandbox has in its books for any try of this payment."""
    return [
        entry
        for attempt in payment.attempts.order_by("number")
        for entry in sandbox.ask("GET", f"/control/{payment.gateway}/books?reference={attempt.reference}")["entries"]
    ]
