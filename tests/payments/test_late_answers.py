"""What a paused worker heard of a try, taken up when somebody else has long heard otherwise."""

from datetime import timedelta

import pytest

from payments import charge
from payments.ask import Answer
from payments.attempts import learn_transaction
from payments.confirm import _take_up, _without_attempt
from payments.gateways.base import Accepted, Outcome, Status
from payments.locks import Charge, Check, claim_charge, claim_checks
from payments.match import match_batch
from payments.models import Payment, PaymentAttempt
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_event, make_payment, make_pending, paid
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


def lost() -> tuple[Payment, PaymentAttempt, Check]:
    """Its request seems to be lost, long enough ago for the gateway's silence to prove it; somebody begins to ask."""
    payment = make_payment(state=PaymentState.REQUESTED)
    attempt = make_attempt(payment, AttemptState.UNKNOWN, started_at=a_while_ago(3_600))
    return payment, attempt, asked_about(payment)


def hears_nothing(check: Check) -> None:
    _take_up("fapshi", [Answer(check, is_absent=True)])


@pytest.mark.invariant("INV-5")
def test_silence_is_no_proof_once_a_webhook_was_heard() -> None:
    payment, attempt, check = lost()
    make_event(reference=str(attempt.reference))
    match_batch("fapshi")
    asked_again_at = fresh(payment).next_check_at

    hears_nothing(check)

    assert (fresh(payment).state, fresh(attempt).state) == ("REQUESTED", "UNKNOWN")
    assert fresh(payment).next_check_at == asked_again_at != check.leased_until


@pytest.mark.invariant("INV-5")
def test_silence_is_no_proof_once_the_gateway_s_id_is_known() -> None:
    payment, attempt, check = lost()
    learn_transaction(attempt.pk, "T1")

    hears_nothing(check)

    assert (fresh(payment).state, fresh(attempt).state) == ("REQUESTED", "UNKNOWN")
    assert fresh(payment).next_check_at == check.leased_until


def test_silence_about_a_try_that_the_gateway_has_refused_is_not_asked_about_for_ever() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    attempt = make_attempt(payment, AttemptState.NOT_PAID, started_at=a_while_ago(3_600), transaction_id="")
    Payment.objects.filter(pk=payment.pk).update(queued_at=a_while_ago(1_000_000))

    hears_nothing(asked_about(payment))

    assert (fresh(attempt).state, fresh(payment).next_check_at) == ("NOT_PAID", None)


def test_nothing_is_queued_again_that_somebody_else_has_taken_up() -> None:
    """It was left half-way by a crash; while one worker looks, others queue and charge it."""
    payment = make_payment(state=PaymentState.REQUESTED)
    make_attempt(payment, AttemptState.NOT_SENT)
    check = asked_about(payment)
    Payment.objects.filter(pk=payment.pk).update(state="QUEUED", next_check_at=None)
    assert claim_charge(payment.pk, "fapshi") is not None
    Payment.objects.filter(pk=payment.pk).update(next_check_at=check.leased_until + timedelta(seconds=1))

    _without_attempt(check)

    assert fresh(payment).state == "REQUESTED"


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
