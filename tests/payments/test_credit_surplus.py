"""A second capture that could not be read is credited by staff, once."""

import pytest

from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.money import Money
from payments.credit_surplus import credit_surplus
from payments.models import DeadLetter, Payment
from payments.prove import find_breaks
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import make_attempt, make_payment, paid
from tests.payments.reviews import balance
from tests.payments.staff import acts_about, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]

# A second capture that cannot be read.


def set_aside() -> tuple[Payment, int]:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])
    settle_batch([paid(payment, attempt_id=first.pk, money=None, problem="12.5 XAF")])
    return payment, first.pk


def test_a_second_capture_that_cannot_be_read_is_set_aside_and_credited_by_staff() -> None:
    payment, first = set_aside()
    staff = make_staff("finance")
    assert "try 1 took money too many" in DeadLetter.objects.get(payment=payment).reason

    credit_surplus(first, money=Money(1300, "XAF"), actor_id=staff.pk, reason="the dashboard says 1,300")

    assert balance(payment) == 1300
    assert DeadLetter.objects.get(payment=payment).replayed_by == staff
    assert acts_about(f"payment:{payment.pk}") == [(staff.username, "credit_surplus", "the dashboard says 1,300")]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_it_is_credited_once() -> None:
    payment, first = set_aside()
    actor = make_staff("finance").pk
    credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="one")

    with pytest.raises(NotAllowed) as refused:
        credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="two")
    DeadLetter.objects.create(payment=payment, reason="another one")
    with pytest.raises(NotAllowed) as booked:
        credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="three")

    assert (refused.value.code, booked.value.code) == ("not_set_aside", "no_surplus")
    assert balance(payment) == 1300


def test_the_try_that_pays_is_no_second_capture() -> None:
    payment, _ = set_aside()
    paying = payment.attempts.get(state=AttemptState.PAID)

    with pytest.raises(NotAllowed):
        credit_surplus(paying.pk, money=Money(1, "XAF"), actor_id=make_staff("finance").pk, reason="no")

    assert DeadLetter.objects.get(payment=payment).replayed_at is None


def test_a_try_that_no_other_has_paid_for_is_to_be_settled_not_credited() -> None:
    payment = make_payment(state=PaymentState.EXPIRED)
    attempt = make_attempt(payment, AttemptState.NOT_PAID)
    DeadLetter.objects.create(payment=payment, reason="IntegrityError: no")

    with pytest.raises(NotAllowed) as refused:
        credit_surplus(attempt.pk, money=Money(2500, "XAF"), actor_id=make_staff("finance").pk, reason="no")

    assert refused.value.code == "no_surplus"
    assert balance(payment) == 0


def test_a_typed_amount_has_a_ceiling() -> None:
    payment, first = set_aside()

    with pytest.raises(Rejected) as refused:
        credit_surplus(first, money=Money(10**15, "XAF"), actor_id=make_staff("finance").pk, reason="a digit too many")

    assert (refused.value.code, list(refused.value.fields)) == ("amount_too_large", ["amount"])
    assert DeadLetter.objects.get(payment=payment).replayed_at is None
    assert balance(payment) == 0
