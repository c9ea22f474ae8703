"""Outside refunds that cannot be booked as they are: for a person, who replays them."""

from typing import Any

import pytest

from choptym.lib.errors import NotAllowed
from payments.gateways.base import RefundOutcome
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund
from payments.prove import find_breaks
from payments.refund import resolve_refund
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
    given_there,
    nothing_written,
    paid_there,
    posted,
    says,
    says_outside,
    settled,
    wallet,
    write,
)
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


FAILED = RefundOutcome.FAILED
DONE = RefundOutcome.DONE


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
def test_what_says_too_little_is_for_a_person(also: dict[str, Any]) -> None:
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
    assert take_up_refund("razorpay", said) is None  # to be taken up again

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


def after_replay(letter: DeadLetter) -> DeadLetter | None:
    replay_dead_letter(letter.pk, actor_id=make_staff().pk, reason="mended")
    assert fresh(letter).replayed_at is not None
    return DeadLetter.objects.filter(payment=letter.payment, replayed_at=None).first()


@pytest.mark.invariant("INV-6")
def test_a_replay_books_what_the_letter_says_though_no_event_is_left() -> None:
    payment = settled()
    ours = write(payment)
    take_up_refund("razorpay", says_outside(payment, money=payment.amount))
    letter = letter_of(payment)

    again = after_replay(letter)  # ours is still on its way
    assert again is not None
    assert f"{PAID_MINOR} and {PAID_MINOR} of {PAID_MINOR} captured" in again.reason
    take_up_refund("razorpay", says(ours, FAILED))
    assert after_replay(again) is None

    assert sorted(Refund.objects.values_list("source", "state")) == [("OUTSIDE", "REFUNDED"), ("STAFF", "FAILED")]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
def test_two_refunds_in_one_letter_are_both_booked() -> None:
    payment = settled()
    ours = write(payment)
    for name in ("rfnd_outside_a", "rfnd_outside_b"):
        for _ in range(2):
            take_up_refund("razorpay", says_outside(payment, gateway_refund_id=name))
    letter = letter_of(payment)
    assert [said["refund"]["gateway_refund_id"] for said in letter.facts] == ["rfnd_outside_a", "rfnd_outside_b"]
    take_up_refund("razorpay", says(ours, FAILED))

    assert after_replay(letter) is None

    assert Refund.objects.filter(source="OUTSIDE", state="REFUNDED").count() == 2
    assert find_breaks() == {}


def test_what_cannot_be_read_any_more_stays_open() -> None:
    payment = settled()
    facts = [{"gateway": "razorpay", "refund": {"outcome": "NEWER"}}]
    letter = DeadLetter.objects.create(payment=payment, reason="a refund", facts=facts)

    again = after_replay(letter)

    assert again is not None
    assert "replayed, and not taken up" in again.reason
    assert again.facts == facts


def test_what_a_letter_says_is_taken_up_though_there_is_nothing_to_ask() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    make_attempt(payment, AttemptState.ABSENT)
    facts = [{"gateway": "razorpay", "refund": {"outcome": "NEWER"}}]
    letter = DeadLetter.objects.create(payment=payment, reason="a refund", facts=facts)

    again = after_replay(letter)

    assert again is not None
    assert "replayed, and not taken up" in again.reason


def test_a_letter_about_what_came_back_stays_until_a_person_ends_it() -> None:
    refund = write(settled(), PART_MINOR)
    take_up_refund("razorpay", says(refund, DONE))
    take_up_refund("razorpay", says(refund, FAILED))
    letter = DeadLetter.objects.get()

    with pytest.raises(NotAllowed) as caught:
        replay_dead_letter(letter.pk, actor_id=make_staff().pk, reason="away with it")
    assert (caught.value.code, fresh(letter).replayed_at) == ("refund_came_back", None)
    assert f"refund {refund.pk} came back" in str(caught.value)
    assert sorted(find_breaks()) == ["refund_came_back", "set_aside"]

    resolve_refund(refund.pk, actor_id=make_staff().pk, was_given=False, reason="their page says so")
    assert after_replay(letter) is None
    assert find_breaks() == {}
