"""Refunds whose worker died, or was slow."""

import logging
from dataclasses import replace

import pytest
from django.test import override_settings
from django.utils import timezone

from choptym.lib.deadline import moment
from choptym.lib.errors import NotFound
from payments.gateways import get_gateway
from payments.models import Payment, Refund
from payments.refunds import send
from payments.refunds.locks import claim_refunds
from payments.refunds.send import send_refunds
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    GATEWAYS,
    GIVEN,
    PART_MINOR,
    PATIENCE,
    REPEATABLE,
    asked,
    due,
    given_there,
    long_ago,
    paid_there,
    posted,
    sent,
    to_its_end,
    write,
)
from tests.payments.tricks import turn

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("gateway", ["fapshi", *REPEATABLE])
def test_a_worker_that_died_after_its_claim_loses_nothing_and_doubles_nothing(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)
    claim_refunds(gateway, 10, may_send_again=gateway in REPEATABLE)
    assert (fresh(refund).state, send_refunds(gateway)) == ("REQUESTED", 0)

    if gateway == "fapshi":
        long_ago(refund)

    assert to_its_end(refund).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


def test_a_call_that_waited_past_its_lease_is_not_made(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay")

    with override_settings(PAYMENT_LEASE_SECONDS=0):
        row = sent(refund)

    assert (row.state, row.problem, given_there(paying, refund)) == ("REQUESTED", "", [])


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_worker_that_was_paused_after_its_claim_sends_nothing(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)
    [claimed] = claim_refunds(gateway, 10, may_send_again=False)

    word = send._call(gateway, claimed, moment() - 31)

    assert word.status is None
    assert word.error is not None
    assert given_there(paying, refund) == []


def test_a_refusal_that_comes_after_somebody_else_claimed_it_fails_nothing(
    paying: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker may be asking again."""
    rules = get_gateway("razorpay").rules
    monkeypatch.setattr(get_gateway("razorpay"), "rules", replace(rules, refund_minimum_minor={}))
    refund = asked(paying, "razorpay", 50)
    [claimed] = claim_refunds("razorpay", 10, may_send_again=True)
    word = send._call("razorpay", claimed, moment())
    due(refund)
    claim_refunds("razorpay", 10, may_send_again=True)

    send._record(word)

    assert fresh(refund).state == "REQUESTED"
    assert sorted(posted(refund)) == ["given", "out"]


def hinted_during_its_call(paying: Sandbox, refund: Refund) -> Refund:
    """An event, perhaps of a stranger, asks for it to be looked at while its first call is under way."""
    [claimed] = claim_refunds(refund.gateway, 10, may_send_again=False)
    word = send._call(refund.gateway, claimed, moment())
    due(refund)
    send._record(word)
    return fresh(refund)


def test_a_hint_during_the_call_does_not_make_us_forget_a_refusal(paying: Sandbox) -> None:
    payment = paid_there(paying, "campay")
    Payment.objects.filter(pk=payment.pk).update(phone="")

    row = hinted_during_its_call(paying, due(write(payment, PART_MINOR)))

    assert (row.state, row.failure_code) == ("FAILED", "refund_phone_refused")


def test_a_hint_during_a_call_whose_answer_was_lost_is_not_forgotten(paying: Sandbox) -> None:
    row = hinted_during_its_call(paying, asked(paying, "campay", error_after_capture_rate=1))

    assert row.state == "REQUESTED"
    assert row.next_attempt_at is not None
    assert row.next_attempt_at < timezone.now()


@pytest.mark.invariant("INV-2")
def test_silence_is_no_proof_once_an_event_was_heard(paying: Sandbox) -> None:
    refund = asked(paying, "fapshi", error_rate=1)
    sent(refund)
    turn(paying, refund.payment, **PATIENCE)
    long_ago(refund)
    [claimed] = claim_refunds("fapshi", 10, may_send_again=False)
    word = send._call("fapshi", claimed, moment())
    assert isinstance(word.error, NotFound)
    heard_at = due(refund).next_attempt_at

    send._record(word)

    assert (fresh(refund).state, fresh(refund).next_attempt_at) == ("REQUESTED", heard_at)


def test_one_answer_that_cannot_be_read_keeps_back_no_other(paying: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = asked(paying, "razorpay"), asked(paying, "razorpay")
    Refund.objects.filter(pk=bad.pk).update(currency="INR", amount_minor=PART_MINOR)
    attempt = bad.attempt
    assert attempt is not None
    type(attempt).objects.filter(pk=attempt.pk).update(transaction_id="\x7f not an id")

    with caplog.at_level(logging.CRITICAL):
        assert send_refunds("razorpay") == 2

    assert fresh(good).state in {"PENDING", "REFUNDED"}
    assert fresh(bad).state in {"REQUESTED", "FAILED"}
    assert given_there(paying, bad) == []
