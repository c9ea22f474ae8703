"""What a gateway tells of refunds that it began: when they are booked, when they wait, and when a person looks."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.events import LOOK_AGAIN_SECONDS
from payments.gateways.base import Event, RefundOutcome, RefundStatus
from payments.gateways.facts_json import dump_facts
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund, WebhookEvent
from payments.refunds.take_up import take_up_refund
from payments.review import credit_payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState, RefundState
from tests.factories import a_while_ago, fresh, make_event, paid
from tests.payments.signed import assert_matched, india_on, make_asked, said, take_up, tell
from tests.payments.staff import make_staff
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db
MONEY = "pay_Ab3dEf6hIj9kQq"


@pytest.fixture(autouse=True)
def india() -> Iterator[None]:
    with india_on():
        yield


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("gateway", ["razorpay", "cashfree"])
def test_a_refund_that_comes_before_its_money_waits_for_it(gateway: str) -> None:
    payment, attempt = make_asked(gateway)
    event = hear(attempt)

    take_up(gateway)
    assert (fresh(event).state, Refund.objects.count(), DeadLetter.objects.count()) == ("PARKED", 0, 0)
    assert fresh(payment).next_check_at is not None
    settle_batch([paid(payment, gateway_payment_id=MONEY)])
    take_up(gateway)

    assert_matched(event, payment)
    refund = Refund.objects.get()
    assert (refund.payment, refund.source, refund.state) == (payment, "OUTSIDE", "REFUNDED")
    assert find_breaks() == {}


def test_a_failed_payment_whose_money_goes_back_is_asked_about_again() -> None:
    payment, attempt = make_asked()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=AttemptState.NOT_PAID)
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.FAILED, finished_at=a_while_ago())
    event = hear(attempt)

    take_up("razorpay")

    assert (fresh(event).state, DeadLetter.objects.count()) == ("PARKED", 0)
    assert fresh(payment).next_check_at is not None


@pytest.mark.invariant("INV-6")
def test_a_refund_of_a_payment_under_review_waits_for_the_decision() -> None:
    payment, attempt = make_asked()
    tell(attempt, said(attempt, problem="500.00 INR of it went back to the payer"))
    event = hear(attempt)
    take_up("razorpay")
    assert (fresh(payment).state, fresh(event).state, DeadLetter.objects.count()) == ("REVIEW", "PARKED", 0)
    waits_until = fresh(event).next_look_at

    credit_payment(payment.pk, actor_id=make_staff("finance").pk, reason="it went back", collected=payment.amount)
    soon = fresh(event).next_look_at
    assert soon is not None
    assert waits_until is not None
    assert soon < waits_until
    take_up("razorpay")

    assert_matched(event, payment)
    assert Refund.objects.get().state == RefundState.REFUNDED
    assert wallet_balance(payment.user_id, "INR") == Money(99_900, "INR")
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("names", ["its transaction", "its money"])
def test_a_refund_waits_for_its_money_however_long_that_takes(names: str) -> None:
    """Behind a payment link it names an order of the gateway's own making."""
    payment, attempt = make_asked()
    tell(attempt, said(attempt, problem="500.00 INR of it went back to the payer"))
    event = hear(attempt, **({} if names == "its transaction" else {"transaction_id": "order_ofitsownmaking"}))
    for _ in range(len(LOOK_AGAIN_SECONDS) + 2):
        take_up("razorpay")
    row = fresh(event)
    assert (row.state, row.looks) == ("PARKED", len(LOOK_AGAIN_SECONDS) + 3)
    assert row.next_look_at is not None
    assert round((row.next_look_at - timezone.now()).total_seconds()) == LOOK_AGAIN_SECONDS[-1]

    credit_payment(payment.pk, actor_id=make_staff("finance").pk, reason="it went back", collected=payment.amount)
    take_up("razorpay")

    assert_matched(event, payment)
    assert Refund.objects.get().state == RefundState.REFUNDED
    assert find_breaks() == {}


@pytest.mark.parametrize("is_automatic", [False, True])
def test_the_money_that_we_booked_is_ours(is_automatic: bool) -> None:
    payment, attempt = settled()

    assert take_up_refund("razorpay", a_refund(attempt, is_automatic=is_automatic)) == payment

    assert Refund.objects.get().amount == Money(50_000, "INR")
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("is_automatic", [False, True])
def test_the_other_payment_of_a_transaction_is_not_ours(is_automatic: bool) -> None:
    payment, attempt = settled()

    refund = a_refund(attempt, is_automatic=is_automatic, gateway_payment_id="pay_other")
    assert take_up_refund("razorpay", refund) == payment

    assert (Refund.objects.count(), DeadLetter.objects.count()) == (0, 0)


@pytest.mark.parametrize(("booked", "told"), [("", MONEY), (MONEY, ""), ("", "")])
def test_an_automatic_refund_of_who_knows_what_is_for_a_person(booked: str, told: str) -> None:
    _, attempt = settled(gateway_payment_id=booked)

    for _ in range(2):
        take_up_refund("razorpay", a_refund(attempt, is_automatic=True, gateway_payment_id=told))

    assert (Refund.objects.count(), DeadLetter.objects.count()) == (0, 1)


@pytest.mark.invariant("INV-2")
def test_one_of_two_payments_that_goes_back_leaves_us_the_other() -> None:
    """The second may have been announced first, and booked: then the first is what we have."""
    payment, attempt = settled()
    tell(attempt, said(attempt, gateway_payment_id="pay_other"))

    assert take_up_refund("razorpay", a_refund(attempt, is_automatic=True)) == payment

    assert (Refund.objects.count(), DeadLetter.objects.count()) == (0, 0)


@pytest.mark.invariant("INV-2")
def test_when_both_payments_went_back_ours_did() -> None:
    payment, attempt = settled()
    tell(attempt, said(attempt, gateway_payment_id="pay_other"))
    first = a_refund(attempt, is_automatic=True)
    make_event(gateway="razorpay", transaction_id=attempt.transaction_id, facts=dump_facts(Event("", "", refund=first)))

    other = a_refund(attempt, is_automatic=True, gateway_payment_id="pay_other", gateway_refund_id="rfnd_other")
    assert take_up_refund("razorpay", other) == payment

    assert Refund.objects.get().gateway_refund_id == "rfnd_other"


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("comes", [True, False], ids=["the other comes", "nothing comes"])
def test_a_refund_by_itself_of_what_we_booked_waits_for_the_payment_that_may_be_ours_instead(comes: bool) -> None:
    _, attempt = settled()
    said_so = a_refund(attempt, is_automatic=True)
    facts = dump_facts(Event("", attempt.transaction_id, refund=said_so))
    event = make_event(gateway="razorpay", transaction_id=attempt.transaction_id, facts=facts)

    take_up("razorpay")
    assert (fresh(event).state, Refund.objects.count()) == ("PARKED", 0)
    if comes:
        tell(attempt, said(attempt, gateway_payment_id="pay_other"))
    for _ in LOOK_AGAIN_SECONDS:
        take_up("razorpay")

    assert (fresh(event).state, Refund.objects.count()) == ("MATCHED", 0 if comes else 1)
    assert not DeadLetter.objects.exists()


def test_a_refund_of_what_was_paid_by_link_is_known_by_the_money() -> None:
    """Behind a link stands an order of the gateway's own making, and its refunds name that."""
    payment, attempt = settled()

    take_up_refund("razorpay", a_refund(attempt, transaction_id="order_ofitsownmaking"))

    assert Refund.objects.get().payment == payment


def test_a_refund_without_an_id_is_for_a_person() -> None:
    _, attempt = settled()

    for _ in range(2):
        take_up_refund("razorpay", a_refund(attempt, gateway_refund_id=""))

    assert (Refund.objects.count(), DeadLetter.objects.count()) == (0, 1)


def test_settling_keeps_which_money_was_booked() -> None:
    _, attempt = make_asked()
    tell(attempt, said(attempt))
    take_up("razorpay")

    assert fresh(attempt).gateway_payment_id == MONEY


def settled(**columns: Any) -> tuple[Payment, PaymentAttempt]:
    payment, attempt = make_asked()
    settle_batch([paid(payment, **{"gateway_payment_id": MONEY, **columns})])
    return fresh(payment), fresh(attempt)


def a_refund(attempt: PaymentAttempt, **changes: Any) -> RefundStatus:
    facts = {
        "outcome": RefundOutcome.DONE,
        "gateway_refund_id": f"rfnd_{uuid.uuid4().hex[:14]}",
        "reference": "",
        "money": Money(50_000, "INR"),
        "transaction_id": attempt.transaction_id,
        "gateway_payment_id": MONEY,
        **changes,
    }
    return RefundStatus(**facts)


def hear(attempt: PaymentAttempt, **changes: Any) -> WebhookEvent:
    """Of a refund, by a signed event, as the door would have stored it."""
    refund = a_refund(attempt, **changes)
    facts = dump_facts(Event("", refund.transaction_id, refund=refund))
    event: WebhookEvent = make_event(gateway=attempt.gateway, transaction_id=refund.transaction_id, facts=facts)
    return event
