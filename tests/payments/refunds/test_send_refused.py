"""Refunds that the gateway refuses: those that are over, and those that wait until the reason is mended."""

from dataclasses import replace

import pytest

from payments.gateways import get_gateway
from payments.gateways.base import RefundRequest
from payments.models import Payment
from payments.settle import settle_batch
from tests.factories import paid
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.refunds.world import (
    BY_PAYOUT,
    GATEWAYS,
    GIVEN,
    PART_MINOR,
    asked,
    given_there,
    order_columns,
    paid_there,
    posted,
    seconds_to_wait,
    sent,
    to_its_end,
    write,
)
from tests.payments.tricks import charged, turned

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("gateway", "too_little"), [("fapshi", 50), ("razorpay", 50), ("cashfree", 50)])
def test_a_refusal_of_the_amount_ends_it_and_books_it_back(
    paying: Sandbox, gateway: str, too_little: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a refund that was written before the gateway's least amount was known."""
    rules = get_gateway(gateway).rules
    monkeypatch.setattr(get_gateway(gateway), "rules", replace(rules, refund_minimum_minor={}))

    refund = sent(asked(paying, gateway, too_little))

    assert (refund.state, refund.failure_code) == ("FAILED", "refund_amount_refused")
    assert sorted(posted(refund)) == ["given", "given_back", "out", "out_back"]
    assert given_there(paying, refund) == []


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_nothing_goes_back_of_what_the_gateway_says_was_not_collected(paying: Sandbox, gateway: str) -> None:
    payment = charged(paying, **order_columns(gateway), knobs={"never_approve_rate": 1})
    settle_batch([paid(payment)])  # our books are wrong

    refund = sent(write(payment, PART_MINOR))

    assert (refund.state, refund.failure_code) == ("FAILED", "refund_refused")
    assert given_there(paying, refund) == []


@pytest.mark.parametrize("gateway", BY_PAYOUT)
def test_without_a_number_there_is_no_payout(paying: Sandbox, gateway: str) -> None:
    payment = paid_there(paying, gateway)
    Payment.objects.filter(pk=payment.pk).update(phone="")

    refund = sent(write(payment, PART_MINOR))

    assert (refund.state, refund.failure_code) == ("FAILED", "refund_phone_refused")
    assert given_there(paying, refund) == []


@pytest.mark.parametrize("gateway", BY_PAYOUT)
def test_a_policy_that_changed_meanwhile_ends_what_was_not_sent(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)

    with switched_on(paying.url):
        ended = sent(refund)

    assert (ended.state, ended.failure_code) == ("FAILED", "refund_unsupported")
    assert given_there(paying, refund) == []


@pytest.mark.parametrize("gateway", BY_PAYOUT)
def test_a_float_that_is_short_delays_it_until_it_is_topped_up(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)

    with turned(paying, gateway, float_short=True):
        waiting = sent(refund)
        again = sent(waiting)

    assert (waiting.state, again.state) == ("QUEUED", "QUEUED")
    assert waiting.problem
    assert seconds_to_wait(waiting) == pytest.approx(5, abs=2)
    assert seconds_to_wait(again) == pytest.approx(30, abs=2)
    assert given_there(paying, refund) == []
    assert to_its_end(again).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


@pytest.mark.parametrize(
    ("gateway", "secret"),
    [
        ("fapshi", "FAPSHI_PAYOUT_KEY"),
        ("campay", "CAMPAY_PASSWORD"),
        ("razorpay", "RAZORPAY_KEY_SECRET"),
        ("cashfree", "CASHFREE_CLIENT_SECRET"),
    ],
)
def test_with_bad_credentials_it_waits_for_hours_and_is_then_sent_once(
    paying: Sandbox, gateway: str, secret: str
) -> None:
    refund = asked(paying, gateway)
    wrong = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout", secret: "FAK_TEST_wrong"}

    with switched_on(paying.url, **wrong):
        tries = [sent(refund) for _ in range(6)]

    assert [row.state for row in tries] == ["QUEUED"] * 6
    assert [seconds_to_wait(row) for row in tries[-2:]] == pytest.approx([3600, 3600], abs=30)
    assert given_there(paying, refund) == []
    assert to_its_end(refund).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_reference_that_gave_something_else_is_not_booked_back(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)
    attempt = refund.attempt
    assert attempt is not None
    other = RefundRequest(
        reference=str(refund.reference),
        transaction_id=attempt.transaction_id,
        money=type(refund.amount)(10_000, refund.currency),
        phone=refund.payment.phone,
    )
    get_gateway(gateway).refund(other)
    wait_for(lambda: given_there(paying, refund), lambda found: found[0][1] == "paid_back")

    first = sent(refund)

    assert first.state == "REQUESTED"
    assert "given_back" not in posted(refund)
    ended = to_its_end(first)
    assert ended.state == "REFUNDED"
    assert "the gateway gave back 1" in ended.problem
    assert [amount for amount, _ in given_there(paying, refund)] == [10_000]
