"""What the sandbox is told, and asked, about our payments."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from payments.charge import charge_payment
from payments.models import Payment
from tests.factories import a_while_ago, fresh, make_payment
from tests.payments.gateways.sandbox import Sandbox, wait_for


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


def due(payment: Payment) -> None:
    """Let it be due again, since an hour: time stands still inside a test's transaction."""
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago(3600))


def charged(sandbox: Sandbox, **columns: object) -> Payment:
    """A payment that the sandbox has, after the payer has decided."""
    knobs = columns.pop("knobs", {})
    payment = make_payment(**columns)  # type: ignore[arg-type]
    if payment.phone:
        turn(sandbox, payment, **{"approval_delay_ms": 0, **knobs})  # type: ignore[dict-item]
    charge_payment(payment.pk)
    due(payment)
    return fresh(payment)


def wait_until_booked(sandbox: Sandbox, payment: Payment, state: str) -> None:
    entries = wait_for(lambda: booked(sandbox, payment), lambda found: [one["state"] for one in found] == [state])
    assert [entry["state"] for entry in entries] == [state]


def seconds_to_check(payment: Payment) -> float:
    at = fresh(payment).next_check_at
    assert at is not None
    return (at - timezone.now()).total_seconds()
