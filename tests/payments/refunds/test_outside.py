"""Refunds that were begun at the gateway: each becomes one row of ours, in whatever order we hear of it."""

from itertools import permutations

import pytest

from choptym.lib.errors import NotFound
from payments.gateways import get_gateway
from payments.gateways.base import RefundOutcome, RefundRequest
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund
from payments.prove import find_breaks
from payments.refunds.take_up import take_up_refund
from payments.replay import replay_dead_letter
from payments.settle import pay_from_wallet, settle_batch
from payments.states import AttemptState, EventState, PaymentState, RefundState
from tests.factories import (
    fresh,
    give_money,
    make_attempt,
    make_event,
    make_order,
    make_payment,
    make_pending,
    make_product,
    make_shop,
    make_topup,
    paid,
)
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    PAID_MINOR,
    PART_MINOR,
    REPEATABLE,
    given_there,
    kinds_told,
    paid_there,
    posted,
    says,
    says_outside,
    sent,
    settled,
    to_its_end,
    wallet,
    write,
)
from tests.payments.staff import make_staff
from tests.payments.tricks import turn
from wallets.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]

DONE, PENDING, FAILED = RefundOutcome.DONE, RefundOutcome.PENDING, RefundOutcome.FAILED


def nothing_written() -> bool:
    return not Refund.objects.exists() and not Entry.objects.filter(reason__startswith="refund:").exists()


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
    PaymentAttempt.objects.filter(payment=payment).update(state=state)

    assert take_up_refund("razorpay", says_outside(payment, is_automatic=True)) == payment

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


# What cannot be booked is for a person, and can be replayed.


def letter_of(payment: Payment) -> DeadLetter:
    letter = DeadLetter.objects.get(payment=payment, replayed_at=None)
    assert "(rfnd_outside" in letter.reason or "()" in letter.reason
    return letter


def replayed(letter: DeadLetter) -> None:
    """Staff replay it: its event is looked at again, and says what it said."""
    event = make_event(gateway="razorpay", payment=letter.payment, state=EventState.MATCHED, next_look_at=None, looks=1)
    replay_dead_letter(letter.pk, actor_id=make_staff().pk, reason="mended")
    assert (fresh(event).state, fresh(event).next_look_at is not None) == ("NEW", True)


@pytest.mark.invariant("INV-6")
def test_money_that_the_customer_has_spent_is_for_a_person_and_booked_when_it_is_there_again() -> None:
    payment = make_topup(gateway="razorpay", currency="INR", amount_minor=PART_MINOR)
    make_attempt(payment)
    settle_batch([paid(payment)])
    dish = make_product(shop=make_shop(currency="INR"), price_minor=PART_MINOR)
    spending = make_payment(order=make_order(user=payment.user, lines=[(dish, 1)]), gateway="wallet")
    pay_from_wallet(spending.pk)
    assert wallet(payment) == 0

    said = says_outside(payment)
    assert take_up_refund("razorpay", said) == payment
    letter = letter_of(payment)
    assert letter.reason.endswith("it cannot be booked: The wallet does not hold enough.")
    assert nothing_written()
    give_money(payment.user, PART_MINOR, "INR")
    replayed(letter)
    take_up_refund("razorpay", said)

    assert list(posted(Refund.objects.get())) == ["out"]
    assert wallet(payment) == 0
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_the_whole_while_our_own_is_in_flight_waits_until_ours_has_failed() -> None:
    payment = settled()
    ours = write(payment)
    said = says_outside(payment, money=payment.amount)

    take_up_refund("razorpay", said)
    letter = letter_of(payment)
    assert f"{PAID_MINOR} and {PAID_MINOR} of {PAID_MINOR} captured" in letter.reason
    take_up_refund("razorpay", says(ours, FAILED))  # nothing was left to give
    replayed(letter)
    take_up_refund("razorpay", said)

    assert sorted(Refund.objects.values_list("source", "state")) == [("OUTSIDE", "REFUNDED"), ("STAFF", "FAILED")]
    assert find_breaks() == {}


def test_a_part_while_a_part_of_ours_is_in_flight_is_booked_beside_it() -> None:
    payment = settled()
    ours = write(payment, PART_MINOR)

    take_up_refund("razorpay", says_outside(payment))
    take_up_refund("razorpay", says(ours))

    assert list(Refund.objects.values_list("state", flat=True)) == ["REFUNDED", "REFUNDED"]
    assert sum(entry[2] for refund in Refund.objects.all() for entry in posted(refund).values()) == 4 * PART_MINOR
    assert find_breaks() == {}


@pytest.mark.parametrize("also", [{"money": None}, {"gateway_refund_id": ""}], ids=["no amount", "no id"])
def test_what_says_too_little_is_for_a_person(also: dict[str, object]) -> None:
    payment = settled()
    write(payment, 1000)  # whose id is not known either

    assert take_up_refund("razorpay", says_outside(payment, **also)) == payment

    assert letter_of(payment)
    assert Refund.objects.count() == 1


def test_a_payment_under_review_is_decided_first() -> None:
    payment, attempt = make_pending(gateway="razorpay")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(
        state=AttemptState.PAID, collected_minor=2400, collected_currency="XAF"
    )
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.REVIEW, finished_at=payment.queued_at)

    said = says_outside(payment, money=type(payment.amount)(2400, "XAF"))
    assert take_up_refund("razorpay", said) == payment

    assert "the payment is REVIEW: decide about it first" in letter_of(payment).reason
    assert nothing_written()


def test_a_second_try_that_was_paid_too_is_given_back_from_the_wallet() -> None:
    payment = settled("razorpay", 2500)
    second = make_attempt(payment, AttemptState.NOT_PAID)
    settle_batch([paid(payment)])

    take_up_refund("razorpay", says_outside(payment, money=payment.amount, transaction_id=second.transaction_id))

    refund = Refund.objects.get()
    assert (refund.attempt, list(posted(refund)), wallet(payment)) == (second, ["out"], 0)


def test_our_own_refund_is_never_taken_for_an_outside_one(paying: Sandbox) -> None:
    payment = paid_there(paying, "razorpay")
    refund = write(payment, PART_MINOR)
    Refund.objects.filter(pk=refund.pk).update(state=RefundState.REQUESTED, requested_at=refund.created_at)

    take_up_refund("razorpay", says(refund, DONE, transaction_id=payment.attempts.get().transaction_id))

    assert Refund.objects.get().source == "STAFF"
    assert given_there(paying, refund) == []
