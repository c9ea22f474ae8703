"""Signed events, from the sandbox through our own door: they settle without a question, in any order and number."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from choptym.lib.money import Money
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.gateways import get_gateway
from payments.gateways.base import RefundRequest
from payments.models import Payment, WebhookEvent
from tests.api.world import nothing_changes
from tests.factories import fresh
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import CREDENTIALS, Delivery, Receiver, Sandbox
from tests.payments.signed import (
    INDIANS,
    calls_of,
    deliver,
    deliver_all,
    heard,
    india_on,
    make_indian,
    take_up,
    wait_for_words,
)
from tests.payments.tricks import due, turn
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("gateway", INDIANS)]

PAID = {"razorpay": ("payment.captured", "order.paid"), "cashfree": ("PAYMENT_SUCCESS_WEBHOOK",)}
FAILED = {"razorpay": "payment.failed", "cashfree": "PAYMENT_FAILED_WEBHOOK"}
REFUNDED = {"razorpay": ("refund.created", "refund.processed"), "cashfree": ("REFUND_STATUS_WEBHOOK",)}


@pytest.fixture
def india(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    with india_on(gateway_sandbox.url):
        yield gateway_sandbox


@pytest.fixture
def told_us(india: Sandbox, gateway: str) -> Iterator[Receiver]:
    with heard(india, gateway) as receiver:
        yield receiver


def asked(sandbox: Sandbox, gateway: str, **knobs: object) -> Payment:
    """A payment whose payer the sandbox asks."""
    payment = make_indian(gateway)
    turn(sandbox, payment, **{"approval_delay_ms": 0, **knobs})
    charge_payment(payment.pk)
    assert fresh(payment).state == "PENDING"
    return payment


def announced(receiver: Receiver, gateway: str) -> list[Delivery]:
    """The announcements of its money, once all have come."""
    found = wait_for_words(receiver, *PAID[gateway])
    return [found[word] for word in PAID[gateway]]


def assert_settled(payment: Payment) -> None:
    assert fresh(payment).state == "SETTLED"
    assert payment.order is not None
    assert fresh(payment.order).state == "PAID"
    assert set(entries_of(payment)) >= {"capture", "sale"}
    assert set(told(payment)) == {"payment_settled"}
    assert wallet_balance(payment.user_id, "INR") == Money(0, "INR")
    assert find_breaks() == {}


def test_a_signed_event_settles_without_a_question(india: Sandbox, told_us: Receiver, gateway: str) -> None:
    payment = asked(india, gateway)
    deliveries = announced(told_us, gateway)
    calls = calls_of(india, gateway)

    deliver_all(gateway, deliveries)

    assert_settled(payment)
    assert (calls_of(india, gateway), fresh(payment).next_check_at) == (calls, None)
    attempt = payment.attempts.get()
    assert (attempt.state, attempt.collected_minor, attempt.collected_currency) == ("PAID", 149_900, "INR")
    events = WebhookEvent.objects.filter(transaction_id=attempt.transaction_id)
    assert {(event.state, event.payment_id, event.next_look_at) for event in events} == {("MATCHED", payment.pk, None)}
    assert {event.facts["status"]["outcome"] for event in events} == {"paid"}


@pytest.mark.parametrize("hours", [1, -1])
def test_a_door_whose_clock_is_wrong_takes_signed_events_all_the_same(
    india: Sandbox, told_us: Receiver, gateway: str, hours: int
) -> None:
    payment = asked(india, gateway)
    deliveries = announced(told_us, gateway)

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        assert [deliver(gateway, delivery).status_code for delivery in deliveries] == [200] * len(deliveries)

    for event in WebhookEvent.objects.filter(transaction_id=payment.attempts.get().transaction_id):
        assert abs(timezone.now() - event.received_at) < timedelta(minutes=1)
        assert event.next_look_at is not None
        assert abs(timezone.now() - event.next_look_at) < timedelta(minutes=1)
    take_up(gateway)
    assert_settled(payment)


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("asks", [False, True], ids=["told only", "asking in between"])
def test_failed_and_paid_end_the_same_in_every_order(
    india: Sandbox, told_us: Receiver, gateway: str, asks: bool
) -> None:
    """A failed try of an order that is paid in the end, announced once, twice, too early and too late."""
    late = {"refusal_rate": 1, "success_after_failure_rate": 1, "late_success_ms": 150}
    if gateway == "razorpay":
        late["authorized_event_rate"] = 1
    payment = asked(india, gateway, **late)
    found = wait_for_words(told_us, FAILED[gateway], *PAID[gateway])
    names = [FAILED[gateway], *PAID[gateway], "again"]
    found["again"] = under_another_id(found[PAID[gateway][0]])
    if gateway == "razorpay":
        names.append("payment.authorized")
    else:
        found["failed again"] = under_another_id(found[FAILED[gateway]])
        names.append("failed again")

    orders = list(permutations(names))
    ends = [_end_of(payment, gateway, [found[name] for name in order], asks=asks) for order in orders if _is_new(order)]

    assert len(ends) == (60 if gateway == "razorpay" else 12)
    assert {repr(end) for end in ends} == {repr(ends[0])}


def _is_new(order: Sequence[str]) -> bool:
    """Leave out what only exchanges an announcement with its own repetition."""
    first = next(name for name in order if name in {"again", "payment.captured", "PAYMENT_SUCCESS_WEBHOOK"})
    return first != "again"


def under_another_id(delivery: Delivery) -> Delivery:
    """The same said once more as an event of its own: the ids that senders give are not signed."""
    names = {"x-razorpay-event-id", "x-idempotency-key"}
    headers = {name: "another" if name.lower() in names else value for name, value in delivery.headers.items()}
    return replace(delivery, headers=headers)


@pytest.mark.invariant("INV-2")
def test_refunded_before_paid_ends_like_paid_before_refunded(india: Sandbox, told_us: Receiver, gateway: str) -> None:
    payment = asked(india, gateway)
    announced(told_us, gateway)
    transaction_id = payment.attempts.get().transaction_id
    get_gateway(gateway).refund(RefundRequest(str(uuid4()), transaction_id, Money(50_000, "INR")))
    found = wait_for_words(told_us, *PAID[gateway], *REFUNDED[gateway])
    events = [found[word] for word in (*PAID[gateway], *REFUNDED[gateway])]

    ends = [_end_of(payment, gateway, order, asks=False) for order in permutations(events)]

    assert len(ends) == (24 if gateway == "razorpay" else 2)
    assert {repr(end) for end in ends} == {repr(ends[0])}


def _end_of(payment: Payment, gateway: str, deliveries: Sequence[Delivery], *, asks: bool) -> object:
    """What is true after these events, each taken up before the next one comes. Taken back afterwards."""
    before = transaction.savepoint()
    try:
        for delivery in deliveries:
            deliver_all(gateway, [delivery])
            if asks and fresh(payment).settled_at is None:
                due(payment)
                confirm_batch(gateway)
        assert_settled(payment)
        stored = WebhookEvent.objects.filter(payment=payment).order_by("key").values_list("key", "state")
        return entries_of(payment), told(payment), payment.attempts.get().state, list(stored)
    finally:
        transaction.savepoint_rollback(before)


@pytest.mark.invariant("INV-2")
def test_what_was_told_may_be_told_again(india: Sandbox, told_us: Receiver, gateway: str) -> None:
    payment = asked(india, gateway)
    deliveries = announced(told_us, gateway)
    deliver_all(gateway, deliveries)

    with nothing_changes():
        deliver_all(gateway, deliveries * 2)

    assert_settled(payment)


def test_an_event_that_was_tampered_with_changes_nothing(india: Sandbox, told_us: Receiver, gateway: str) -> None:
    asked(india, gateway)
    genuine = announced(told_us, gateway)[0]
    name = "X-Razorpay-Signature" if gateway == "razorpay" else "x-webhook-signature"
    changes: list[dict[str, Any]] = [
        {"body": genuine.body + b"\n"},
        {"body": genuine.body.replace(b"1499", b"1500")},
        {name: ""},
        {name: "0" * 64},
        *([{"x-webhook-timestamp": "1767000125456"}] if gateway == "cashfree" else []),
    ]

    for change in changes:
        with nothing_changes():
            assert deliver(gateway, genuine, **change).status_code == 401, change
            take_up(gateway)


@pytest.mark.parametrize("kind", ["wrong_secret", "other_body", "no_signature", "of its own"])
def test_a_forged_or_stale_event_changes_nothing(india: Sandbox, told_us: Receiver, gateway: str, kind: str) -> None:
    own = {"razorpay": "key_secret", "cashfree": "old_time"}[gateway]
    asked(
        india, gateway, webhook_forged_rate=1, never_approve_rate=1, forged_kind=own if kind == "of its own" else kind
    )

    with nothing_changes():
        answers = {deliver(gateway, delivery).status_code for delivery in told_us.wait(1)}
        take_up(gateway)

    assert answers == {401}


def test_the_secret_before_is_still_believed(gateway_sandbox: Sandbox, gateway: str) -> None:
    variable = "RAZORPAY_WEBHOOK_SECRET" if gateway == "razorpay" else "CASHFREE_CLIENT_SECRET"
    with india_on(gateway_sandbox.url), heard(gateway_sandbox, gateway) as receiver:
        payment = asked(gateway_sandbox, gateway)
        deliveries = announced(receiver, gateway)
    renewed = {variable: f"{CREDENTIALS[variable]}-new"}

    with india_on(**renewed):
        assert {deliver(gateway, delivery).status_code for delivery in deliveries} == {401}
    with india_on(**renewed, **{f"{variable}_PREVIOUS": CREDENTIALS[variable]}):
        deliver_all(gateway, deliveries)

    assert_settled(payment)


def test_an_event_for_nobody_is_kept_and_books_nothing(india: Sandbox, told_us: Receiver, gateway: str) -> None:
    payment = asked(india, gateway, webhook_unknown_rate=1)
    ours = payment.attempts.get().transaction_id
    announced(told_us, gateway)
    told_us.wait(2 * len(PAID[gateway]))

    deliver_all(gateway, list(told_us.deliveries))

    strangers = WebhookEvent.objects.filter(gateway=gateway).exclude(transaction_id=ours)
    assert strangers.count() == len(PAID[gateway])
    assert {(event.state, event.payment_id) for event in strangers} == {("PARKED", None)}
    assert_settled(payment)


@pytest.mark.parametrize("delta", [-100, 100])
def test_another_amount_than_asked_for_is_for_a_person(
    india: Sandbox, told_us: Receiver, gateway: str, delta: int
) -> None:
    payment = asked(india, gateway, wrong_amount_rate=1, wrong_amount_delta_minor=delta)
    deliveries = announced(told_us, gateway)
    calls = calls_of(india, gateway)

    deliver_all(gateway, deliveries)

    assert (fresh(payment).state, entries_of(payment)) == ("REVIEW", {})
    assert payment.attempts.get().collected_minor == 149_900 + delta
    assert calls_of(india, gateway) == calls
