"""The story of a payment tells what became of its refunds."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.models import Payment, Refund, RefundSource
from payments.refunds.outside import write_outside_refund
from payments.refunds.take_up import fail, finish
from payments.states import RefundState
from payments.story import read_story
from payments.story_steps import Step
from tests.factories import fresh
from tests.payments.refund_rows import asked_long_ago, make_refund, make_settled, make_twice_paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


@pytest.fixture
def payment() -> Payment:
    return make_settled()


def steps_of(payment: Payment, *kinds: str) -> list[Step]:
    return [moment.step for moment in read_story(payment.pk).moments if moment.step.kind in kinds]


def asked_of_gateway(payment: Payment, amount_minor: int = 1000) -> Refund:
    refund = make_refund(payment, amount_minor)
    exchange = {"http_status": 200, "request": {"amount": amount_minor}, "response": {"status": "pending"}}
    Refund.objects.filter(pk=refund.pk).update(
        state="PENDING", requested_at=timezone.now(), attempts_made=1, gateway_refund_id="rfnd_1", **exchange
    )
    return fresh(refund)


def test_who_asked_and_why_when_it_was_sent_and_how_it_ended(payment: Payment) -> None:
    refund = asked_of_gateway(payment)
    finish(refund, bank_reference="UTR42")

    asked, sent, ended = steps_of(payment, "refund", "refund sent", "refund ended")

    assert asked.title == f"Refund {refund.pk}: 10.00 INR through razorpay"
    assert asked.lines == (f"asked for by {refund.asked_by}: “cold soup”",)
    assert sent.title == f"Refund {refund.pk}: razorpay is asked to give back"
    assert f"our reference {refund.reference}, try 1" in sent.lines
    assert "the gateway's id rfnd_1" in sent.lines
    assert [paper.title for paper in sent.papers] == ["What we sent", "What came back"]
    assert (ended.title, ended.state, ended.tone) == (f"Refund {refund.pk}: given back", "REFUNDED", "good")
    assert ended.lines == ("the bank's reference UTR42",)


def test_what_was_booked_and_what_the_customer_was_told_stand_among_the_steps(payment: Payment) -> None:
    refund = asked_of_gateway(payment)
    finish(refund)

    reasons = [line for step in steps_of(payment, "entry") for line in step.lines]
    told = [step.title for step in steps_of(payment, "message")]

    assert reasons[-2:] == [f"refund:{refund.pk}:given", f"refund:{refund.pk}:out"]
    assert [title for title in told if title.endswith("payment refunded")]


def test_a_step_is_told_before_what_was_booked_for_it(payment: Payment) -> None:
    refund = make_refund(payment, 1000)
    fail(refund, code="refund_refused", problem="no")

    told = [step for step in steps_of(payment, "refund", "refund ended", "entry") if step.at >= payment.settled_at]  # type: ignore[operator]
    kinds = [step.kind for step in told if step.kind != "entry" or "refund:" in step.lines[0]]

    # One transaction around the test: all that was booked bears one time.
    assert kinds == ["refund", "refund ended", *["entry"] * 4]


def test_a_failure_tells_why_and_what_was_booked_back(payment: Payment) -> None:
    refund = asked_of_gateway(payment)
    fail(refund, code="refund_refused", problem="the account is closed")

    [ended] = steps_of(payment, "refund ended")
    reasons = [line for step in steps_of(payment, "entry") for line in step.lines]

    assert (ended.state, ended.tone) == ("FAILED", "bad")
    assert ended.lines == ("refund_refused", "the account is closed")
    assert {f"refund:{refund.pk}:given_back", f"refund:{refund.pk}:out_back"} <= set(reasons)


def test_one_that_waits_tells_what_is_the_matter(payment: Payment) -> None:
    queued = make_refund(payment, 100)
    Refund.objects.filter(pk=queued.pk).update(problem="the float is short")
    asked_long_ago(make_refund(payment, 100), problem="no answer")

    _, asked = steps_of(payment, "refund")  # the older one first
    [sent] = steps_of(payment, "refund sent")

    assert (asked.state, asked.lines[-1]) == ("QUEUED", "not sent yet: the float is short")
    assert (sent.state, sent.tone, sent.lines[-1]) == ("REQUESTED", "warning", "no answer")


def test_one_that_was_begun_at_the_gateway_says_so(payment: Payment) -> None:
    said = RefundStatus(
        outcome=RefundOutcome.DONE, money=Money(300, "INR"), gateway_refund_id="rfnd_9", reference="",
        transaction_id=payment.attempts.get().transaction_id,
    )  # fmt: skip
    write_outside_refund("razorpay", said)

    asked, ended = steps_of(payment, "refund", "refund sent", "refund ended")

    assert asked.lines == ("begun at the gateway: we only heard of it",)
    assert ended.state == "REFUNDED"


def test_the_head_tells_how_much_of_what_was_collected_went_back() -> None:
    payment, surplus = make_twice_paid()
    make_refund(payment, 700, to_wallet=True)
    make_refund(payment, 2500, attempt_id=surplus.pk)
    fail(make_refund(payment, 100), code="refund_refused", problem="no")

    story = read_story(payment.pk)

    assert (str(story.refunded), str(story.on_its_way_back), str(story.collected)) == (
        "7.00 INR", "25.00 INR", "50.00 INR",
    )  # fmt: skip


def test_the_act_is_told_once_by_the_step_of_its_refund(payment: Payment) -> None:
    make_refund(payment, 100)

    assert steps_of(payment, "act") == []


def test_every_source_and_every_state_has_its_words(payment: Payment) -> None:
    refund = make_refund(payment, 100)
    for source in RefundSource:
        for state in RefundState:
            ended = state in {RefundState.REFUNDED, RefundState.FAILED}
            Refund.objects.filter(pk=refund.pk).update(
                source=source, state=state, requested_at=timezone.now(),
                finished_at=timezone.now() if ended else None, next_attempt_at=None if ended else timezone.now(),
            )  # fmt: skip
            assert steps_of(payment, "refund")


def test_more_refunds_are_no_more_queries(payment: Payment) -> None:
    make_refund(payment, 100)
    with CaptureQueriesContext(connection) as few:
        read_story(payment.pk)
    for _ in range(3):
        make_refund(payment, 100)
    with CaptureQueriesContext(connection) as more:
        read_story(payment.pk)

    assert len(few) == len(more)
