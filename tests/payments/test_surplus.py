"""Money that a gateway took for a payment which another try pays already."""

import pytest

from choptym.lib.money import Money
from notifications.models import Notification
from payments import prove
from payments.facts import Paid
from payments.models import DeadLetter, Payment, PaymentAttempt
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import make_attempt, make_payment
from wallets.models import Entry
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


def _paid_by(attempt: PaymentAttempt) -> Paid:
    payment = attempt.payment
    return Paid(payment_id=payment.pk, attempt_id=attempt.pk, money=payment.amount, fee=Money(75, payment.currency))


def _settled_by_its_second_try() -> tuple[Payment, PaymentAttempt]:
    """The gateway knew nothing of the first try; the second one paid."""
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, state=AttemptState.ABSENT, number=1)
    second = make_attempt(payment, state=AttemptState.ACCEPTED, number=2)
    settle_batch([_paid_by(second)])
    return payment, first


@pytest.mark.invariant("INV-6")
def test_a_second_capture_goes_into_the_wallet_once() -> None:
    payment, first = _settled_by_its_second_try()

    settle_batch([_paid_by(first)])
    settle_batch([_paid_by(first)])

    first.refresh_from_db()
    payment.refresh_from_db()
    assert first.state == AttemptState.SURPLUS
    assert payment.state == PaymentState.SETTLED
    assert wallet_balance(payment.user_id, payment.currency) == payment.amount
    reasons = Entry.objects.filter(reason__startswith=f"attempt:{first.pk}:").values_list("reason", flat=True)
    assert sorted(reasons) == [f"attempt:{first.pk}:fee", f"attempt:{first.pk}:surplus"]
    kinds = Notification.objects.filter(about=f"attempt:{first.pk}").values_list("kind", flat=True)
    assert set(kinds) == {"wallet_credited_twice"}
    assert prove.find_breaks() == {}


@pytest.mark.invariant("INV-6")
def test_a_first_try_that_turns_out_paid_while_the_second_is_open_is_credited() -> None:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, state=AttemptState.ABSENT, number=1)
    make_attempt(payment, state=AttemptState.ACCEPTED, number=2)

    settle_batch([_paid_by(first)])

    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert wallet_balance(payment.user_id, payment.currency) == payment.amount


def test_an_amount_that_cannot_be_read_is_set_aside() -> None:
    payment, first = _settled_by_its_second_try()

    settle_batch([Paid(payment_id=payment.pk, attempt_id=first.pk, money=None, problem="12.5 XAF")])

    assert DeadLetter.objects.get(payment=payment).reason.startswith("Mismatch")
    assert wallet_balance(payment.user_id, payment.currency).amount_minor == 0


@pytest.mark.invariant("INV-6")
def test_two_tries_of_one_payment_in_one_batch_are_both_booked() -> None:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, state=AttemptState.ABSENT, number=1)
    second = make_attempt(payment, state=AttemptState.ACCEPTED, number=2)

    settle_batch([_paid_by(second), _paid_by(first)])

    payment.refresh_from_db()
    first.refresh_from_db()
    assert (payment.state, first.state) == (PaymentState.SETTLED, AttemptState.SURPLUS)
    assert wallet_balance(payment.user_id, payment.currency) == payment.amount
