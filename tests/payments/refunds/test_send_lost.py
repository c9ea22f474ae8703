"""Refunds whose answer was lost: asked about, and sent again only where that is one refund."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.gateways import get_gateway
from payments.gateways.base import RefundRequest
from payments.models import Refund
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    GATEWAYS,
    GIVEN,
    PAID_MINOR,
    PATIENCE,
    REPEATABLE,
    asked,
    given_there,
    kinds_told,
    long_ago,
    posted,
    seconds_to_wait,
    sent,
    to_its_end,
)
from tests.payments.tricks import turn

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_answer_lost_after_it_was_given_is_found_and_not_given_again(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway, error_after_capture_rate=1)

    lost = sent(refund)

    assert lost.state == "REQUESTED"
    assert lost.problem
    assert seconds_to_wait(lost) <= 2
    assert "out_back" not in posted(refund)
    assert to_its_end(lost).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN
    assert kinds_told(refund) == ["payment_refunded"]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", REPEATABLE)
@pytest.mark.parametrize("knobs", [{"error_rate": 1}, {"reset_rate": 1}, {"html_error_rate": 1}], ids=str)
def test_an_answer_lost_before_it_was_given_is_asked_for_again_under_the_same_reference(
    paying: Sandbox, gateway: str, knobs: dict[str, Any]
) -> None:
    refund = asked(paying, gateway, **knobs)
    lost = sent(refund)
    turn(paying, refund.payment, **PATIENCE)

    assert (lost.state, given_there(paying, refund)) == ("REQUESTED", [])
    assert to_its_end(lost).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-5")
def test_a_payout_whose_answer_was_lost_is_sent_again_only_when_silence_has_proved_that_it_never_was(
    paying: Sandbox,
) -> None:
    refund = asked(paying, "fapshi", error_rate=1)
    lost = sent(refund)
    turn(paying, refund.payment, **PATIENCE)

    early = sent(lost)
    assert (early.state, given_there(paying, refund)) == ("REQUESTED", [])
    long_ago(refund)
    proved = sent(refund)
    assert (proved.state, given_there(paying, refund)) == ("QUEUED", [])
    assert to_its_end(proved).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


@pytest.mark.invariant("INV-2")
def test_when_the_second_payouts_answer_is_lost_too_the_proof_begins_anew(paying: Sandbox) -> None:
    refund = asked(paying, "fapshi", error_rate=1)
    sent(refund)
    long_ago(refund)
    assert sent(refund).state == "QUEUED"

    lost_again = sent(refund)
    turn(paying, refund.payment, **PATIENCE)

    assert lost_again.state == "REQUESTED"
    assert [sent(refund).state for _ in range(3)] == ["REQUESTED"] * 3
    assert given_there(paying, refund) == []


@pytest.mark.invariant("INV-2")
def test_a_gateway_whose_silence_proves_nothing_is_never_asked_to_pay_out_again(paying: Sandbox) -> None:
    refund = asked(paying, "campay", error_rate=1)
    sent(refund)
    turn(paying, refund.payment, **PATIENCE)
    Refund.objects.filter(pk=refund.pk).update(requested_at=timezone.now() - timedelta(days=2))

    later = [sent(refund) for _ in range(6)]

    assert {row.state for row in later} == {"REQUESTED"}
    assert seconds_to_wait(later[-1]) == pytest.approx(3600, abs=30)
    assert given_there(paying, refund) == []
    assert sorted(posted(refund)) == ["given", "out"]


@pytest.mark.invariant("INV-5")
def test_a_refusal_of_the_second_call_leaves_open_what_became_of_the_first(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay", error_rate=1)
    lost = sent(refund)
    turn(paying, refund.payment, **PATIENCE)
    # Meanwhile another refund takes what is left, so that ours is refused.
    attempt = refund.attempt
    assert attempt is not None
    others = RefundRequest(
        reference="0b8f7f6e-0000-4000-8000-000000000001",
        transaction_id=attempt.transaction_id,
        money=type(refund.amount)(PAID_MINOR, "INR"),
    )
    get_gateway("razorpay").refund(others)

    again = sent(lost)

    assert again.state == "REQUESTED"
    assert sorted(posted(refund)) == ["given", "out"]
