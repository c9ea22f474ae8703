"""Refunds that were begun at the gateway: each becomes one row of ours, in whatever order we hear of it."""

from itertools import permutations

import pytest

from choptym.lib.errors import NotFound
from payments.gateways import get_gateway
from payments.gateways.base import RefundOutcome, RefundRequest
from payments.models import DeadLetter, PaymentAttempt, Refund
from payments.prove import find_breaks
from payments.refunds.take_up import take_up_refund
from payments.settle import settle_batch
from payments.states import AttemptState
from tests.factories import (
    make_pending,
    paid,
)
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    PART_MINOR,
    REPEATABLE,
    kinds_told,
    nothing_written,
    paid_there,
    posted,
    says_outside,
    sent,
    settled,
    to_its_end,
    wallet,
    write,
)
from tests.payments.tricks import turn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]

DONE, PENDING, FAILED = RefundOutcome.DONE, RefundOutcome.PENDING, RefundOutcome.FAILED


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-3")
def test_it_becomes_a_row_and_is_booked_and_the_customer_is_told() -> None:
    payment = settled()

    for _ in range(3):
        assert take_up_refund("razorpay", says_outside(payment, bank_reference="ARN7")) == payment

    refund = Refund.objects.get()
    assert (refund.source, refund.way, refund.state, refund.asked_by) == ("OUTSIDE", "GATEWAY", "REFUNDED", None)
    assert (refund.amount_minor, refund.bank_reference) == (PART_MINOR, "ARN7")
    customer = f"customer:{payment.user_id}"
    assert posted(refund) == {
        "given": ("refunds", customer, PART_MINOR),
        "out": (customer, "gateway:razorpay", PART_MINOR),
    }
    assert kinds_told(refund) == ["payment_refunded"]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("order", [*permutations([PENDING, DONE]), (PENDING, DONE, PENDING), (DONE, DONE)])
def test_created_and_processed_in_any_order_are_one_refund(order: tuple[RefundOutcome, ...]) -> None:
    payment = settled()

    for outcome in order:
        take_up_refund("razorpay", says_outside(payment, outcome))

    refund = Refund.objects.get()
    assert (refund.state, sorted(posted(refund)), kinds_told(refund)) == (
        "REFUNDED",
        ["given", "out"],
        ["payment_refunded"],
    )
    assert find_breaks() == {}


def test_created_and_then_failed_is_booked_back() -> None:
    payment = settled()

    for outcome in (PENDING, FAILED, FAILED):
        take_up_refund("razorpay", says_outside(payment, outcome))

    refund = Refund.objects.get()
    assert (refund.state, sorted(posted(refund))) == ("FAILED", ["given", "given_back", "out", "out_back"])
    assert (wallet(payment), kinds_told(refund)) == (0, [])
    assert find_breaks() == {}


def test_one_that_failed_before_we_heard_of_it_moved_nothing() -> None:
    payment = settled()

    assert take_up_refund("razorpay", says_outside(payment, FAILED)) == payment

    assert nothing_written()


@pytest.mark.parametrize("gateway", REPEATABLE)
def test_one_that_is_under_way_is_asked_about_until_it_ends(paying: Sandbox, gateway: str) -> None:
    """Its end is found by the gateway's own id: the gateway does not know our reference."""
    payment = paid_there(paying, gateway)
    attempt = payment.attempts.get()
    theirs = "7d6f6a50-0000-4000-8000-00000000000a"
    turn(paying, payment, approval_delay_ms=0)
    told = get_gateway(gateway).refund(
        RefundRequest(reference=theirs, transaction_id=attempt.transaction_id, money=type(payment.amount)(700, "INR"))
    )
    take_up_refund(gateway, says_outside(payment, PENDING, gateway_refund_id=told.gateway_refund_id, money=told.money))
    refund = Refund.objects.get()
    assert refund.state == "PENDING"

    ended = to_its_end(refund)

    assert (ended.state, ended.amount_minor, ended.problem) == ("REFUNDED", 700, "")
    assert ended.bank_reference
    assert kinds_told(ended) == ["payment_refunded"]


@pytest.mark.parametrize("gateway", REPEATABLE)
def test_an_id_of_another_payments_refund_is_not_found(paying: Sandbox, gateway: str) -> None:
    first, second = paid_there(paying, gateway), paid_there(paying, gateway)
    made = sent(write(first, 700))

    with pytest.raises(NotFound):
        get_gateway(gateway).fetch_refund(
            "7d6f6a50-0000-4000-8000-00000000000b",
            transaction_id=second.attempts.get().transaction_id,
            gateway_refund_id=made.gateway_refund_id,
        )


# What is not ours, or not yet.


@pytest.mark.parametrize("transaction_id", ["", "order_of_somebody_else"])
def test_a_refund_of_nothing_of_ours_is_nothing_of_ours(transaction_id: str) -> None:
    payment = settled()

    assert take_up_refund("razorpay", says_outside(payment, transaction_id=transaction_id)) is None
    assert take_up_refund("cashfree", says_outside(payment)) is None

    assert nothing_written()


@pytest.mark.parametrize("state", [AttemptState.ACCEPTED, AttemptState.PAID])
def test_what_the_gateway_returns_of_itself_never_was_ours(state: AttemptState) -> None:
    """Too late, or the second payment of an order: what we have booked is another money."""
    payment = settled()
    PaymentAttempt.objects.filter(payment=payment).update(state=state, gateway_payment_id="pay_booked")

    said = says_outside(payment, is_automatic=True, gateway_payment_id="pay_other")
    assert take_up_refund("razorpay", said) == payment

    assert nothing_written()
    assert not DeadLetter.objects.exists()


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("state", [AttemptState.STARTED, AttemptState.ACCEPTED, AttemptState.NOT_PAID])
def test_before_its_capture_is_known_it_is_to_be_taken_up_again(state: AttemptState) -> None:
    payment, attempt = make_pending(gateway="razorpay")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=state)
    said = says_outside(payment, money=payment.amount)

    early = take_up_refund("razorpay", said)
    assert nothing_written()
    settle_batch([paid(payment)])
    late = take_up_refund("razorpay", said)

    assert (early, late) == (None, payment)
    assert Refund.objects.get().state == "REFUNDED"
    assert not DeadLetter.objects.exists()
    assert find_breaks() == {}
