"""Sending refunds: at most one at the gateway, whatever happens to the call, and our books say what went."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Refund
from payments.prove import find_breaks
from payments.refunds.send import send_refunds
from payments.refunds.write import left_to_refund
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    GATEWAYS,
    GIVEN,
    PAID_MINOR,
    PART_MINOR,
    asked,
    due,
    given_there,
    kinds_told,
    paid_there,
    posted,
    sent,
    to_its_end,
    wallet,
    write,
)

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_it_is_given_back_once_booked_and_told(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)

    first = sent(refund)
    ended = to_its_end(first) if first.state != "REFUNDED" else first

    assert (ended.state, ended.problem, ended.failure_code) == ("REFUNDED", "", "")
    assert ended.gateway_refund_id
    assert ended.bank_reference
    assert ended.finished_at is not None
    assert str(refund.reference) in str(ended.request) + str(ended.response) or ended.http_status == 200
    assert given_there(paying, refund) == GIVEN
    customer = f"customer:{refund.payment.user_id}"
    assert posted(refund) == {
        "given": ("refunds", customer, PART_MINOR),
        "out": (customer, f"gateway:{gateway}", PART_MINOR),
    }
    assert wallet(refund.payment) == 0
    assert kinds_told(refund) == ["payment_refunded"]
    assert find_breaks() == {}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_two_parts_and_then_nothing_is_left(paying: Sandbox, gateway: str) -> None:
    payment = paid_there(paying, gateway)
    part, rest = write(payment, PART_MINOR), write(payment)

    for refund in (part, rest):
        due(refund)
    assert send_refunds(gateway) == 2
    ended = [row if row.state == "REFUNDED" else to_its_end(row) for row in (fresh(part), fresh(rest))]

    assert [row.state for row in ended] == ["REFUNDED", "REFUNDED"]
    assert (given_there(paying, part), given_there(paying, rest)) == (GIVEN, [(PAID_MINOR - PART_MINOR, "paid_back")])
    assert left_to_refund(payment, part.attempt).amount_minor == 0


def test_nothing_is_sent_before_its_time_nor_for_another_gateway(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay")
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=timezone.now() + timedelta(seconds=30))

    assert (send_refunds("razorpay"), send_refunds("cashfree")) == (0, 0)

    assert given_there(paying, refund) == []
    assert fresh(refund).state == "QUEUED"


@pytest.mark.invariant("INV-3")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_refund_that_fails_is_booked_back_to_the_last_franc(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway, payout_failure_rate=1)

    first = sent(refund)
    ended = to_its_end(first) if first.state != "FAILED" else first

    assert (ended.state, ended.failure_code) == ("FAILED", "refund_refused")
    assert [state for _, state in given_there(paying, refund)] == ["failed"]
    customer = f"customer:{refund.payment.user_id}"
    assert posted(refund) == {
        "given": ("refunds", customer, PART_MINOR),
        "out": (customer, f"gateway:{gateway}", PART_MINOR),
        "out_back": (f"gateway:{gateway}", customer, PART_MINOR),
        "given_back": (customer, "refunds", PART_MINOR),
    }
    assert wallet(refund.payment) == 0
    assert kinds_told(refund) == []
    assert left_to_refund(refund.payment, refund.attempt).amount_minor == PAID_MINOR
    assert find_breaks() == {}
