"""Payments at all four gateways, and the reconciliation of their day."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from django.test import override_settings
from django.utils import timezone

from choptym.lib.money import Money
from choptym.settings import gateways as gateway_settings
from payments.confirm import confirm_batch
from payments.gateways import forget_gateways, get_gateway
from payments.gateways.base import CollectRequest
from payments.models import Payment, PaymentAttempt, Reconciliation, ReconciliationBreak
from payments.reconciliation.ask import ask_for_day
from payments.reconciliation.run import Result, reconcile_day
from tests.factories import a_while_ago, fresh, make_order, make_phone, make_product, make_shop
from tests.payments.gateways.sandbox import CREDENTIALS, Sandbox, wait_for
from tests.payments.tricks import charged, wait_until_booked

NOWHERE = "http://127.0.0.1:9"
GATEWAYS = ("fapshi", "campay", "razorpay", "cashfree")
CURRENCY = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}
PATHS = {"fapshi": "fapshi", "campay": "campay/api", "razorpay": "razorpay/v1", "cashfree": "cashfree/pg"}
_numbers = count(9_200_000_000)


@contextmanager
def all_switched_on(url: str = NOWHERE, **variables: str) -> Iterator[None]:
    environment = {**CREDENTIALS, "RAZORPAY_PAYER_EMAIL": "payer@choptym.example", **variables}
    for name in GATEWAYS:
        environment |= {f"{name.upper()}_BASE_URL": f"{url}/{PATHS[name]}"}
        environment |= {f"{name.upper()}_CONNECT_TIMEOUT_SECONDS": "1", f"{name.upper()}_TOTAL_TIMEOUT_SECONDS": "20"}
        environment |= {f"{name.upper()}_RATE_PER_SECOND": "1000"}
    with patch.dict(os.environ, {**environment, **variables}):
        entries: dict[str, Any] = {name: getattr(gateway_settings, f"_{name}")() for name in GATEWAYS}
    forget_gateways()
    try:
        with override_settings(GATEWAYS=entries):
            yield
    finally:
        forget_gateways()


def today() -> date:
    return datetime.now(UTC).date()


def phone_for(gateway: str) -> str:
    return make_phone() if CURRENCY[gateway] == "XAF" else str(next(_numbers))


def collected(sandbox: Sandbox, gateway: str, *, state: str = "collected", **columns: Any) -> Payment:
    """A payment that the gateway has collected, of which we have heard nothing and which nobody asks about."""
    currency = CURRENCY[gateway]
    product = make_product(shop=make_shop(currency=currency), price_minor=2500 if currency == "XAF" else 50_000)
    order = make_order(lines=[(product, 1)])
    payment = charged(sandbox, order=order, gateway=gateway, phone=phone_for(gateway), **columns)
    wait_until_booked(sandbox, payment, state)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)
    return fresh(payment)


def settled(sandbox: Sandbox, gateway: str, **columns: Any) -> Payment:
    payment = collected(sandbox, gateway, **columns)
    confirm(payment)
    return payment


def confirm(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    confirm_all(payment.gateway)
    payment.refresh_from_db()


def confirm_all(gateway: str) -> None:
    """What the workers do with what is due. In a test's transaction now() stands still: it is made due."""
    Payment.objects.filter(next_check_at__isnull=False).update(next_check_at=a_while_ago())
    confirm_batch(gateway)


def try_of(payment: Payment) -> PaymentAttempt:
    return payment.attempts.get()


def collect_for_nobody(sandbox: Sandbox, gateway: str, *, amount_minor: int = 70_000) -> str:
    """A payment to our account that nothing here knows of. Returns the gateway's id of the transaction."""
    phone = phone_for(gateway)
    sandbox.ask("PATCH", f"/control/{gateway}", {"phones": {phone: {"knobs": {"approval_delay_ms": 0}, "times": None}}})
    reference = str(uuid4())
    request = CollectRequest(reference, Money(amount_minor, CURRENCY[gateway]), phone, "of somebody else")
    accepted = get_gateway(gateway).collect(request)
    books = f"/control/{gateway}/books?reference={reference}"
    entries = wait_for(
        lambda: sandbox.ask("GET", books)["entries"], lambda found: [one["state"] for one in found] == ["collected"]
    )
    assert [one["state"] for one in entries] == ["collected"]
    return accepted.transaction_id


def asked(gateway: str, day: date | None = None) -> Reconciliation:
    """A day that is due. PostgreSQL's now() stands still in a test, so it is made a minute old."""
    row = ask_for_day(gateway, day or today())
    return make_due(row)


def make_due(row: Reconciliation) -> Reconciliation:
    Reconciliation.objects.filter(pk=row.pk, state="QUEUED").update(next_attempt_at=a_while_ago())
    return fresh(row)


def reconcile(gateway: str, day: date | None = None) -> Result:
    """Ask for the day, and do it."""
    result = reconcile_day(asked(gateway, day).pk)
    assert result is not None
    assert result.problem == ""
    return result


def breaks(gateway: str, day: date | None = None) -> list[tuple[str, str, str, str]]:
    """(kind, state, our word, their word) of each of the day, oldest first."""
    rows = ReconciliationBreak.objects.filter(reconciliation__gateway=gateway, reconciliation__day=day or today())
    return list(rows.order_by("pk").values_list("kind", "state", "our_word", "their_word"))


def only_break(gateway: str) -> ReconciliationBreak:
    return ReconciliationBreak.objects.get(reconciliation__gateway=gateway)


def long_ago(payment: Payment) -> None:
    """Settled so long ago that the gateway's list cannot be behind any more."""
    Payment.objects.filter(pk=payment.pk).update(settled_at=timezone.now() - timedelta(minutes=11))
