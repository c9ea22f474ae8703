"""Sending refunds: at most one at the gateway, whatever happens to the call, and our books say what went."""

import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from choptym.lib.deadline import moment
from payments.gateways import get_gateway
from payments.gateways.base import RefundRequest
from payments.models import Payment, Refund
from payments.prove import find_breaks
from payments.refunds import send
from payments.refunds.locks import claim_refunds
from payments.refunds.send import send_refunds
from payments.refunds.write import left_to_refund
from payments.settle import settle_batch
from payments.states import RefundState
from tests.factories import fresh, paid
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox, canned, wait_for
from tests.payments.refunds.world import (
    BY_PAYOUT,
    GATEWAYS,
    PAID_MINOR,
    PART_MINOR,
    PATIENCE,
    REPEATABLE,
    asked,
    due,
    given_there,
    kinds_told,
    order_columns,
    paid_there,
    posted,
    sent,
    settled,
    to_its_end,
    wallet,
    write,
)
from tests.payments.tricks import charged, turn, turned

pytestmark = pytest.mark.django_db

GIVEN = [(PART_MINOR, "paid_back")]


def seconds_to_wait(refund: Refund) -> float:
    assert refund.next_attempt_at is not None
    return (refund.next_attempt_at - timezone.now()).total_seconds()


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


# Refusals.


@pytest.mark.parametrize(("gateway", "too_little"), [("fapshi", 50), ("razorpay", 50), ("cashfree", 50)])
def test_a_refusal_of_the_amount_ends_it_and_books_it_back(paying: Sandbox, gateway: str, too_little: int) -> None:
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
    assert (round(seconds_to_wait(waiting)), round(seconds_to_wait(again))) == (5, 30)
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
    assert [round(seconds_to_wait(row)) for row in tries[-2:]] == [3600, 3600]
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


# Lost answers.


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
    paying: Sandbox, gateway: str, knobs: dict[str, object]
) -> None:
    refund = asked(paying, gateway, **knobs)
    lost = sent(refund)
    turn(paying, refund.payment, **PATIENCE)

    assert (lost.state, given_there(paying, refund)) == ("REQUESTED", [])
    assert to_its_end(lost).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


def long_ago(refund: Refund) -> Refund:
    """So long that the gateway's silence is a proof."""
    Refund.objects.filter(pk=refund.pk).update(requested_at=timezone.now() - timedelta(seconds=901))
    return due(refund)


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
    assert round(seconds_to_wait(later[-1])) == 3600
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


# Gateways that are busy, down, or switched off.


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("was_sent", [False, True])
def test_a_busy_gateway_is_left_alone_for_as_long_as_it_asks(
    silent: None, gateway: str, was_sent: bool, settings_of_payouts: dict[str, str]
) -> None:
    refund = write(settled(gateway), PART_MINOR)
    if was_sent:
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.REQUESTED, requested_at=timezone.now())

    with canned((429, {"message": "slow down"})) as peer:
        peer.headers = {"Retry-After": "77", "x-ratelimit-retry": "77"}
        with switched_on(peer.url, **settings_of_payouts):
            busy = sent(refund)

    assert busy.state == ("REQUESTED" if was_sent else "QUEUED")
    assert round(seconds_to_wait(busy)) == 77


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_outage_delays_it_and_it_is_given_once(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)

    with turned(paying, gateway, outage=True):
        tries = [sent(refund) for _ in range(3)]

    assert {row.state for row in tries} <= {"QUEUED", "REQUESTED"}
    assert given_there(paying, refund) == []
    assert sorted(posted(refund)) == ["given", "out"]
    if gateway == "fapshi" and tries[-1].state == "REQUESTED":
        long_ago(refund)
    assert to_its_end(refund).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


def test_what_takes_days_is_asked_about_ever_less_often(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay", never_approve_rate=1)

    waits = [round(seconds_to_wait(sent(refund))) for _ in range(7)]

    assert waits == [10, 60, 600, 3600, 21600, 21600, 21600]
    assert fresh(refund).state == "PENDING"
    assert (fresh(refund).attempts_made, fresh(refund).asks_made) == (1, 6)


def test_a_gateway_that_is_switched_off_is_not_called_and_its_refund_waits_in_sight(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay")
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=timezone.now() - timedelta(minutes=6))
    others = {name: entry for name, entry in settings.GATEWAYS.items() if name != "razorpay"}

    with override_settings(GATEWAYS=others):
        assert send_refunds("razorpay") == 0

    assert (fresh(refund).state, fresh(refund).attempts_made) == ("QUEUED", 0)
    assert list(find_breaks()) == ["refund_overdue"]


# Workers that die, and workers that are slow.


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


def test_an_answer_that_comes_after_somebody_else_took_it_up_fails_nothing(paying: Sandbox) -> None:
    """A refusal under a lease that has passed: another worker may be asking again."""
    refund = asked(paying, "razorpay", 50)
    [claimed] = claim_refunds("razorpay", 10, may_send_again=True)
    word = send._call("razorpay", claimed, moment())
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=claimed.leased_until + timedelta(seconds=45))

    send._record(word)

    assert fresh(refund).state == "REQUESTED"
    assert sorted(posted(refund)) == ["given", "out"]


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
