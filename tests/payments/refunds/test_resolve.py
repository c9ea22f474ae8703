"""Staff end a refund by hand, when only the gateway's own pages tell; and call off what was not sent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected
from notifications.deliver import write_letter
from notifications.models import Notification
from payments.gateways.base import RefundOutcome
from payments.models import Refund
from payments.prove import find_breaks
from payments.refund import RESOLVE_AFTER_SECONDS, may_be_resolved, resolve_refund
from payments.refunds.locks import claim_refunds
from payments.refunds.take_up import take_up_refund
from payments.states import RefundState
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    PATIENCE,
    asked,
    due,
    given_there,
    kinds_told,
    posted,
    says,
    sent,
    wallet,
    write,
)
from tests.payments.refunds.world import settled as settled_payment
from tests.payments.staff import acts_about, make_staff
from tests.payments.tricks import turn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


def waiting(state: RefundState, *, seconds: float = RESOLVE_AFTER_SECONDS + 1) -> Refund:
    refund = write(settled_payment(), 1000)
    asked_at = timezone.now() - timedelta(seconds=seconds)
    Refund.objects.filter(pk=refund.pk).update(state=state, requested_at=asked_at)
    return fresh(refund)


def resolve(refund: Refund, *, was_given: bool, reason: str = "seen on their page") -> Refund:
    return resolve_refund(refund.pk, actor_id=make_staff().pk, was_given=was_given, reason=reason)


def refusal(refund: Refund, *, was_given: bool) -> str:
    before = fresh(refund)
    with pytest.raises(NotAllowed) as caught:
        resolve(refund, was_given=was_given)
    assert (fresh(refund).state, sorted(posted(refund))) == (before.state, sorted(posted(before)))
    assert not Act.objects.exists()
    return caught.value.code


@pytest.mark.parametrize("state", [RefundState.REQUESTED, RefundState.PENDING])
def test_it_was_given(state: RefundState) -> None:
    refund = waiting(state)
    assert may_be_resolved(refund)

    row = resolve(refund, was_given=True)

    assert (row.state, row.next_attempt_at, fresh(refund).state) == ("REFUNDED", None, "REFUNDED")
    assert sorted(posted(refund)) == ["given", "out"]
    assert kinds_told(refund) == ["payment_refunded"]
    [(_, verb, reason)] = acts_about(f"payment:{refund.payment_id}")
    assert (verb, reason) == ("resolve_refund", "seen on their page")
    assert Act.objects.get().details == {"refund": refund.pk, "was": str(state), "was_given": True}
    assert find_breaks() == {}


@pytest.mark.parametrize("state", [RefundState.REQUESTED, RefundState.PENDING])
def test_it_was_not_given(state: RefundState) -> None:
    refund = waiting(state)

    row = resolve(refund, was_given=False)

    assert (row.state, row.failure_code) == ("FAILED", "not_given")
    assert row.problem == "ended by hand: seen on their page"
    assert sorted(posted(refund)) == ["given", "given_back", "out", "out_back"]
    assert (wallet(refund.payment), kinds_told(refund)) == (0, [])
    assert find_breaks() == {}


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("was_given", [True, False])
@pytest.mark.parametrize("state", [RefundState.REQUESTED, RefundState.PENDING])
def test_what_may_still_be_answered_is_left_alone(state: RefundState, was_given: bool) -> None:
    refund = waiting(state, seconds=RESOLVE_AFTER_SECONDS - 30)

    assert not may_be_resolved(refund)
    assert refusal(refund, was_given=was_given) == "too_early"


@pytest.mark.invariant("INV-2")
def test_one_that_may_be_asked_for_again_is_left_alone_while_its_call_may_be_under_way() -> None:
    """Its first call is long past; but a worker has just taken it up, and may ask a second time."""
    refund = waiting(RefundState.REQUESTED)
    due(refund)
    claim_refunds("razorpay", 1, may_send_again=True)

    assert refusal(refund, was_given=False) == "too_early"


def test_one_that_was_not_sent_can_be_called_off_at_any_time() -> None:
    refund = write(settled_payment(), 1000)

    assert may_be_resolved(refund)
    assert refusal(refund, was_given=True) == "not_sent"
    row = resolve(refund, was_given=False)

    assert (row.state, sorted(posted(row))) == ("FAILED", ["given", "given_back", "out", "out_back"])
    assert find_breaks() == {}


@pytest.mark.parametrize("was_given", [True, False])
@pytest.mark.parametrize("outcome", [RefundOutcome.DONE, RefundOutcome.FAILED])
def test_what_has_ended_stays_so(outcome: RefundOutcome, was_given: bool) -> None:
    refund = write(settled_payment(), 1000)
    take_up_refund("razorpay", says(refund, outcome))

    assert not may_be_resolved(fresh(refund))
    assert refusal(refund, was_given=was_given) == "already_ended"


@pytest.mark.invariant("INV-3")
def test_one_that_came_back_is_ended_as_not_given_when_a_person_agrees() -> None:
    refund = write(settled_payment(), 1000)
    take_up_refund("razorpay", says(refund, RefundOutcome.DONE))
    take_up_refund("razorpay", says(refund, RefundOutcome.FAILED))
    assert may_be_resolved(fresh(refund))

    row = resolve(refund, was_given=False)

    assert (row.state, sorted(posted(row))) == ("FAILED", ["given", "given_back", "out", "out_back"])
    # It had bought an order, so it is in no wallet: they are told that it did not come, and that it is owed to them.
    assert (wallet(row.payment), kinds_told(row)) == (0, ["payment_refunded", "refund_failed"])
    letter = write_letter(Notification.objects.get(about=f"refund:{row.pk}", kind="refund_failed"))
    assert letter.subject == "Remboursement non abouti"
    assert "Nous vous devons encore 10,00 ₹" in letter.text
    assert "portefeuille" not in letter.text
    assert list(find_breaks()) == ["set_aside"]


def test_one_that_came_back_stands_when_a_person_sees_that_it_did_arrive() -> None:
    """The gateway's two words came in the wrong order."""
    refund = write(settled_payment(), 1000)
    take_up_refund("razorpay", says(refund, RefundOutcome.DONE))
    take_up_refund("razorpay", says(refund, RefundOutcome.FAILED))

    row = resolve(refund, was_given=True)

    assert (row.state, row.failure_code, row.problem) == ("REFUNDED", "", "")
    assert (sorted(posted(row)), kinds_told(row)) == (["given", "out"], ["payment_refunded"])
    assert Act.objects.get().details == {"refund": row.pk, "was": "REFUNDED", "was_given": True}
    assert list(find_breaks()) == ["set_aside"]
    assert not may_be_resolved(fresh(row))


def test_without_a_reason_nothing_happens() -> None:
    refund = waiting(RefundState.REQUESTED)

    with pytest.raises(Rejected) as caught:
        resolve(refund, was_given=False, reason=" ")

    assert (caught.value.code, fresh(refund).state) == ("no_reason", "REQUESTED")


@pytest.mark.invariant("INV-2")
def test_a_payout_of_which_nothing_is_known_is_ended_by_hand_and_never_sent_again(paying: Sandbox) -> None:
    refund = asked(paying, "campay", error_rate=1)
    sent(refund)
    turn(paying, refund.payment, **PATIENCE)
    Refund.objects.filter(pk=refund.pk).update(requested_at=timezone.now() - timedelta(hours=1))

    resolve(refund, was_given=False)

    assert fresh(refund).state == "FAILED"
    assert given_there(paying, refund) == []
    assert write(refund.payment).state == "QUEUED"
