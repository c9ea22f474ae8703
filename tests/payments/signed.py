"""Signed webhooks as the sandbox sends them, let in through our own door. Razorpay and Cashfree, in one process."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone

from choptym.lib.money import Money
from choptym.settings import gateways as gateway_settings
from payments.gateways import forget_gateways
from payments.gateways.base import Event, Outcome, Status
from payments.gateways.facts_json import dump_facts
from payments.match import match_batch
from payments.models import Payment, PaymentAttempt, WebhookEvent
from payments.states import PaymentState
from payments.strangers import look_up_strangers
from tests.factories import (
    a_while_ago,
    fresh,
    make_attempt,
    make_event,
    make_order,
    make_payment,
    make_product,
    make_shop,
)
from tests.payments.gateways.sandbox import CREDENTIALS, Delivery, Receiver, Sandbox, wait_for
from tests.payments.tricks import turned

INDIANS = ("razorpay", "cashfree")
NOWHERE = "http://127.0.0.1:9"
_numbers = iter(range(9_200_000_100, 9_300_000_000))


@contextmanager
def india_on(url: str = NOWHERE, **variables: str) -> Iterator[None]:
    """Razorpay and Cashfree switched on beside what is on, at the sandbox of this address."""
    addresses = {"RAZORPAY_BASE_URL": f"{url}/razorpay/v1", "CASHFREE_BASE_URL": f"{url}/cashfree/pg"}
    quick = {f"{name}_CONNECT_TIMEOUT_SECONDS": "1" for name in ("RAZORPAY", "CASHFREE")}
    with patch.dict(
        os.environ, {**CREDENTIALS, **addresses, **quick, "RAZORPAY_PAYER_EMAIL": "a@b.example", **variables}
    ):
        entries = {"razorpay": gateway_settings._razorpay(), "cashfree": gateway_settings._cashfree()}
    forget_gateways()
    try:
        with override_settings(GATEWAYS={**settings.GATEWAYS, **entries}):
            yield
    finally:
        forget_gateways()


def make_indian(gateway: str, amount_minor: int = 149_900, **columns: Any) -> Payment:
    """A payment of 1,499 rupees for an order of its own."""
    product = make_product(shop=make_shop(currency="INR"), price_minor=amount_minor)
    phone = str(next(_numbers))
    return make_payment(order=make_order(lines=[(product, 1)]), gateway=gateway, **{"phone": phone, **columns})


@contextmanager
def heard(sandbox: Sandbox, gateway: str) -> Iterator[Receiver]:
    """What the sandbox sends of this gateway meanwhile goes to the receiver, and not to us."""
    receiver = Receiver()
    try:
        with turned(sandbox, gateway, webhook_url=receiver.url):
            yield receiver
    finally:
        receiver.close()


def deliver(gateway: str, delivery: Delivery, **changes: Any) -> HttpResponse:
    """Through the door, byte for byte; `changes`: another body, or other headers."""
    names = ("content-type", "content-length", "host", "connection", "accept", "accept-encoding", "user-agent")
    headers = {name: value for name, value in delivery.headers.items() if name.lower() not in names}
    body = changes.pop("body", delivery.body)
    url = f"/webhooks/{gateway}/"
    answer: Any = Client().post(url, data=body, content_type="application/json", headers={**headers, **changes})
    return HttpResponse(answer.content, status=answer.status_code)


def take_up(gateway: str) -> None:
    """Look at every event that waits, the parked ones too.

    Due since an hour: time stands still inside a test's transaction, which may last for more than a minute.
    """
    for look in (match_batch, look_up_strangers):
        WebhookEvent.objects.filter(gateway=gateway, next_look_at__isnull=False).update(next_look_at=a_while_ago(3600))
        while look(gateway):
            pass


def deliver_all(gateway: str, deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        assert deliver(gateway, delivery).status_code == 200
    take_up(gateway)


def word_of(delivery: Delivery) -> str:
    """The event's name, as its body has it."""
    record: Mapping[str, Any] = json.loads(delivery.body)
    return str(record.get("event") or record.get("type"))


def calls_of(sandbox: Sandbox, gateway: str) -> int:
    """How many calls this gateway has had."""
    calls: int = sandbox.ask("GET", f"/control/{gateway}/books?limit=0")["calls"]
    return calls


def wait_for_words(receiver: Receiver, *words: str) -> dict[str, Delivery]:
    found = wait_for(
        lambda: {word_of(delivery): delivery for delivery in list(receiver.deliveries)},
        lambda found: set(words) <= set(found),
    )
    assert set(words) <= set(found), sorted(found)
    return found


def make_asked(gateway: str = "razorpay", **columns: Any) -> tuple[Payment, PaymentAttempt]:
    """A payment whose payer is being asked, due to be looked at much later."""
    payment = make_indian(gateway, state=PaymentState.PENDING, pending_at=a_while_ago(), **columns)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)
    return payment, make_attempt(payment)


def said(attempt: PaymentAttempt, outcome: Outcome = Outcome.PAID, **changes: Any) -> Status:
    facts: dict[str, Any] = {
        "outcome": outcome,
        "transaction_id": attempt.transaction_id,
        "reference": str(attempt.reference),
        "money": attempt.payment.amount,
        "fee": Money(3538, "INR"),
        "word": "captured",
        "occurred_at": timezone.now(),
        "gateway_payment_id": "pay_Ab3dEf6hIj9kQq",
        **changes,
    }
    return Status(**facts)


def tell(attempt: PaymentAttempt, status: Status | None = None, **columns: Any) -> WebhookEvent:
    """A signed event, as the door would have stored it."""
    status = status or said(attempt)
    facts = dump_facts(Event("", status.transaction_id, status=status))
    event: WebhookEvent = make_event(**{
        "gateway": attempt.gateway,
        "transaction_id": status.transaction_id,
        "reference": status.reference,
        "facts": facts,
        **columns,
    })  # fmt: skip
    return event


def assert_matched(event: WebhookEvent, payment: Payment) -> None:
    row = fresh(event)
    assert (row.state, row.payment_id, row.next_look_at) == ("MATCHED", payment.pk, None)
