"""What a paused worker heard of a try, taken up when somebody else has long heard otherwise."""

import pytest

from payments import charge
from payments.confirm import Answer, _take_up
from payments.gateways.base import Accepted, Outcome, Status
from payments.locks import Charge, Check, claim_charge, claim_checks
from payments.models import Payment, PaymentAttempt
from payments.settle import settle_batch
from payments.states import AttemptState
from tests.factories import a_while_ago, fresh, make_payment, make_pending, paid
from tests.payments.books import told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


def asked_about(payment: Payment) -> Check:
    """Somebody begins to ask about it."""
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    [check] = claim_checks("fapshi", 1)
    return check


def is_told_not_paid(check: Check) -> None:
    status = Status(Outcome.NOT_PAID, "T1", check.reference, None, word="FAILED")
    _take_up("fapshi", [Answer(check, status=status)])


def charged_twice() -> tuple[Payment, Charge, Check]:
    """Its first try was proved to be absent, and its second is under way; with those who were busy with the first."""
    payment = make_payment()
    first = claim_charge(payment.pk, "fapshi")
    check = asked_about(payment)
    PaymentAttempt.objects.filter(payment=payment).update(state=AttemptState.ABSENT)
    Payment.objects.filter(pk=payment.pk).update(state="QUEUED", next_check_at=None)
    assert first is not None
    assert claim_charge(payment.pk, "fapshi") is not None
    return payment, first, check


@pytest.mark.invariant("INV-5")
def test_a_late_no_about_a_try_given_up_does_not_fail_a_payment_whose_second_is_under_way() -> None:
    payment, _, check = charged_twice()
    asked_again_at = fresh(payment).next_check_at

    is_told_not_paid(check)

    assert (fresh(payment).state, fresh(payment).next_check_at) == ("REQUESTED", asked_again_at)
    assert told(payment) == []


@pytest.mark.invariant("INV-6")
def test_a_late_no_takes_no_captured_money_out_of_its_review() -> None:
    payment, attempt = make_pending()
    check = asked_about(payment)
    settle_batch([paid(payment, amount_minor=2_700)])

    is_told_not_paid(check)

    assert (fresh(payment).state, fresh(attempt).state) == ("REVIEW", "PAID")
    assert told(payment) == ["payment_under_review"]


def test_a_worker_that_wakes_leaves_a_payment_alone_whose_second_try_is_under_way() -> None:
    """As PENDING it could be cancelled in the middle of the call, and could not be queued again were that refused."""
    payment, first, _ = charged_twice()

    charge._record_accepted(first, Accepted("T1"))

    assert fresh(payment).state == "REQUESTED"
