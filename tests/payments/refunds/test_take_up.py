"""The gateway's word about a refund of ours: twice, late, early, or against what it said before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome
from payments.models import DeadLetter, Refund
from payments.prove import find_breaks
from payments.refunds.take_up import take_up_refund
from payments.refunds.write import left_to_refund
from payments.states import REFUND_ENDS, RefundState
from tests.factories import fresh
from tests.payments.refunds.world import PAID_MINOR, PART_MINOR, kinds_told, posted, says, settled, wallet, write
from wallets.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]

DONE, PENDING, FAILED, UNMAPPED = (
    RefundOutcome.DONE,
    RefundOutcome.PENDING,
    RefundOutcome.FAILED,
    RefundOutcome.UNMAPPED,
)


@pytest.fixture(params=[RefundState.QUEUED, RefundState.REQUESTED, RefundState.PENDING])
def refund(request: pytest.FixtureRequest) -> Refund:
    row = write(settled(), PART_MINOR)
    Refund.objects.filter(pk=row.pk).update(state=request.param, requested_at=row.created_at)
    return fresh(row)


@pytest.mark.invariant("INV-2")
def test_a_done_one_ends_in_whatever_state_the_word_finds_it(refund: Refund) -> None:
    for _ in range(3):
        payment = take_up_refund("razorpay", says(refund, DONE, bank_reference="ARN1"))
        assert payment == refund.payment

    row = fresh(refund)
    assert (row.state, row.bank_reference, row.gateway_refund_id) == ("REFUNDED", "ARN1", f"rfnd_{refund.pk}")
    assert (row.next_attempt_at, row.problem) == (None, "")
    assert sorted(posted(row)) == ["given", "out"]
    assert kinds_told(row) == ["payment_refunded"]
    assert Refund.objects.count() == 1
    assert find_breaks() == {}


@pytest.mark.invariant("INV-3")
def test_a_failed_one_is_booked_back_once(refund: Refund) -> None:
    for _ in range(3):
        take_up_refund("razorpay", says(refund, FAILED, reason="the account is closed"))

    row = fresh(refund)
    assert (row.state, row.failure_code, row.problem) == ("FAILED", "refund_refused", "the account is closed")
    assert sorted(posted(row)) == ["given", "given_back", "out", "out_back"]
    assert (wallet(row.payment), kinds_told(row)) == (0, [])
    assert left_to_refund(row.payment, row.attempt).amount_minor == PAID_MINOR
    assert find_breaks() == {}


def test_a_pending_one_waits_and_is_asked_about(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, PENDING))

    row = fresh(refund)
    assert (row.state, row.gateway_refund_id) == ("PENDING", f"rfnd_{refund.pk}")
    assert row.next_attempt_at is not None
    assert sorted(posted(row)) == ["given", "out"]


def test_a_word_that_we_do_not_know_ends_nothing(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, UNMAPPED, word="on_its_way"))

    row = fresh(refund)
    assert row.state not in REFUND_ENDS
    assert "on_its_way" in row.problem


def test_what_was_said_before_the_end_changes_nothing_after_it(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, DONE))

    take_up_refund("razorpay", says(refund, PENDING))
    take_up_refund("razorpay", says(refund, UNMAPPED))

    assert (fresh(refund).state, fresh(refund).next_attempt_at) == ("REFUNDED", None)


def test_it_is_found_by_the_gateways_id_when_the_reference_is_not_told(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, PENDING))

    take_up_refund("razorpay", says(fresh(refund), DONE, reference=""))
    take_up_refund("razorpay", says(fresh(refund), DONE, reference="no uuid"))

    assert fresh(refund).state == "REFUNDED"
    assert Refund.objects.count() == 1


def test_another_gateway_cannot_end_it(refund: Refund) -> None:
    assert take_up_refund("cashfree", says(refund, DONE)) is None
    assert take_up_refund("cashfree", says(refund, FAILED)) is None

    assert fresh(refund).finished_at is None


def test_another_amount_than_was_asked_for_is_told_to_staff(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, DONE, money=Money(PART_MINOR - 1, "INR")))

    row = fresh(refund)
    assert row.state == "REFUNDED"
    assert row.problem == "asked for 200.00 INR, the gateway gave back 199.99 INR"


@pytest.mark.invariant("INV-3")
def test_one_that_failed_and_was_given_after_all_is_booked_as_a_row_of_its_own(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, FAILED))

    for _ in range(3):
        take_up_refund("razorpay", says(refund, DONE))

    failed, given = Refund.objects.order_by("pk")
    assert (failed.state, given.state, given.source) == ("FAILED", "REFUNDED", "OUTSIDE")
    assert given.reason == f"refund {failed.pk} was given after all"
    assert (given.amount_minor, given.gateway_refund_id) == (PART_MINOR, failed.gateway_refund_id)
    assert sorted(posted(given)) == ["given", "out"]
    assert kinds_told(given) == ["payment_refunded"]
    assert left_to_refund(given.payment, given.attempt).amount_minor == PAID_MINOR - PART_MINOR
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_one_that_was_given_twice_after_a_failure_is_for_a_person(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, FAILED))
    again = write(refund.payment)
    take_up_refund("razorpay", says(again, DONE))
    entries = Entry.objects.count()

    take_up_refund("razorpay", says(fresh(refund), DONE))

    assert Entry.objects.count() == entries
    letter = DeadLetter.objects.get(payment=refund.payment)
    assert "refund_within_capture" in letter.reason
    assert list(find_breaks()) == ["set_aside"]


@pytest.mark.invariant("INV-5")
def test_one_that_came_back_after_it_was_given_is_for_a_person_once(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, DONE))

    for _ in range(2):
        take_up_refund("razorpay", says(refund, FAILED, word="failed"))
        DeadLetter.objects.filter(replayed_at=None).update(replayed_at=refund.created_at)

    row = fresh(refund)
    assert (row.state, row.failure_code) == ("REFUNDED", "came_back")
    assert row.problem == "ended REFUNDED, and then the gateway said failed"
    assert sorted(posted(row)) == ["given", "out"]
    assert DeadLetter.objects.count() == 1


def test_the_row_that_lives_is_found_before_one_that_failed(refund: Refund) -> None:
    said = says(refund, FAILED)
    take_up_refund("razorpay", said)
    take_up_refund("razorpay", replace(said, outcome=DONE))

    take_up_refund("razorpay", replace(said, outcome=FAILED))

    failed, given = Refund.objects.order_by("pk")
    assert (failed.failure_code, given.failure_code) == ("refund_refused", "came_back")


@pytest.mark.parametrize("outcome", [DONE, FAILED, PENDING])
def test_our_reference_under_another_id_is_not_believed_but_asked_about(refund: Refund, outcome: RefundOutcome) -> None:
    """Whoever may begin refunds at the gateway may write our reference to one of theirs."""
    later = timezone.now() + timedelta(hours=1)
    Refund.objects.filter(pk=refund.pk).update(gateway_refund_id="rfnd_ours", next_attempt_at=later)

    take_up_refund("razorpay", says(refund, outcome, gateway_refund_id="rfnd_theirs"))

    row = fresh(refund)
    assert (row.state, row.gateway_refund_id, row.finished_at) == (refund.state, "rfnd_ours", None)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at <= timezone.now()
    assert Refund.objects.count() == 1


def test_what_was_given_has_not_come_back_because_another_id_says_so(refund: Refund) -> None:
    take_up_refund("razorpay", says(refund, DONE))

    take_up_refund("razorpay", says(refund, FAILED, gateway_refund_id="rfnd_theirs"))

    assert (fresh(refund).state, fresh(refund).failure_code) == ("REFUNDED", "")
    assert find_breaks() == {}
