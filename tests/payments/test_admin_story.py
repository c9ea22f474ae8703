"""The story of a payment tells everything that happened to it, in the order of time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments import story_steps, try_story
from payments.confirm import confirm_batch
from payments.models import DeadLetter, Payment, PaymentAttempt
from payments.settle import settle_batch
from payments.states import FINAL_STATES, AttemptState, PaymentState
from payments.story import Story, read_story
from tests.factories import a_while_ago, make_attempt, make_payment, make_pending, make_topup, paid
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.staff import make_staff, one_of_each, page_of, signed_in
from tests.payments.tricks import charged, wait_until_booked

pytestmark = pytest.mark.django_db


def kinds(story: Story) -> list[str]:
    return [moment.step.kind for moment in story.moments]


def test_every_kind_of_step_is_told_in_the_order_of_time() -> None:
    story = read_story(one_of_each().pk)

    assert set(kinds(story)) == {
        "accepted", "try", "event", "answer", "verdict", "ending", "entry", "message", "dead letter", "act",
        "refund", "refund ended",
    }  # fmt: skip
    assert [moment.step.at for moment in story.moments] == sorted(moment.step.at for moment in story.moments)
    assert sum(moment.pause_seconds for moment in story.moments) == pytest.approx(
        (story.moments[-1].step.at - story.payment.queued_at).total_seconds()
    )


def test_one_query_is_asked_for_each_kind_of_thing() -> None:
    payment = one_of_each()

    with CaptureQueriesContext(connection) as few:
        read_story(payment.pk)
    make_attempt(payment, AttemptState.REFUSED)
    DeadLetter.objects.filter(payment=payment).update(replayed_at=timezone.now())
    DeadLetter.objects.create(payment=payment, reason="again")
    with CaptureQueriesContext(connection) as more:
        read_story(payment.pk)

    assert len(few) == len(more) == 11


def test_each_try_tells_how_it_went() -> None:
    payment = make_payment(state=PaymentState.FAILED, failure_code="gateway_unreachable", problem="it was down")
    for state in (AttemptState.NOT_SENT, AttemptState.ABSENT, AttemptState.REFUSED):
        make_attempt(
            payment, state, ended_at=timezone.now(), http_status=503, latency_ms=42,
            request={"amount": 2500}, response={"message": "busy"}, problem="no luck",
        )  # fmt: skip

    story = read_story(payment.pk)
    answers = [moment.step for moment in story.moments if moment.step.kind == "answer"]
    [end] = [moment.step for moment in story.moments if moment.step.kind == "ending"]

    assert [answer.state for answer in answers] == ["NOT_SENT", "ABSENT", "REFUSED"]
    assert all("HTTP 503 after 42 ms" in answer.lines and "no luck" in answer.lines for answer in answers)
    assert '"message": "busy"' in answers[0].papers[0].text
    assert end.lines[0].startswith("The customer was told that the payment service did not answer.")
    assert end.lines[1] == "it was down"


def test_every_state_of_a_try_has_its_words() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    open_tries = {AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.PAID}  # one may charge at a time
    for state in AttemptState:
        if state not in open_tries:
            make_attempt(payment, state, ended_at=timezone.now())

    story = read_story(payment.pk)

    told = [moment.step for moment in story.moments if moment.step.kind in {"answer", "verdict", "decision"}]
    assert {step.state for step in told} | open_tries == set(AttemptState)
    assert set(try_story._ANSWERS) | set(try_story._VERDICTS) == set(AttemptState)
    assert set(story_steps._ENDINGS) == set(FINAL_STATES)


def test_tells_what_was_known_when_and_whether_a_webhook_had_come() -> None:
    payment, attempt = make_pending()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(ended_at=payment.queued_at, http_status=200)
    settle_batch([paid(payment)])

    steps = {moment.step.kind: moment.step for moment in read_story(payment.pk).moments}

    assert (steps["answer"].state, steps["verdict"].state) == ("ACCEPTED", "PAID")
    assert "by ourselves: no webhook had come by then" in steps["verdict"].lines


@pytest.mark.parametrize("has_moved_to_pending", [True, False])
def test_a_decline_that_polling_found_is_told_after_the_answer_and_before_its_order_is_cancelled(
    sandbox: Sandbox, has_moved_to_pending: bool
) -> None:
    payment = charged(sandbox, knobs={"refusal_rate": 1})
    wait_until_booked(sandbox, payment, "failed")
    begun = payment.queued_at - timedelta(seconds=90)
    answered = begun + timedelta(seconds=1)
    payment.attempts.update(started_at=begun, ended_at=answered, latency_ms=1000)
    Payment.objects.filter(pk=payment.pk).update(queued_at=begun, pending_at=answered if has_moved_to_pending else None)
    confirm_batch("fapshi")

    steps = [moment.step for moment in read_story(payment.pk).moments]

    by_kind = {step.kind: step for step in steps}
    told = ["accepted", "try", "answer", "verdict", "order", "ending"]
    assert [step.kind for step in steps if step.kind in told] == told
    assert (by_kind["answer"].at, by_kind["answer"].state) == (answered, "ACCEPTED")
    assert (by_kind["verdict"].state, by_kind["verdict"].at > answered) == ("NOT_PAID", True)
    assert "The payer declined the payment" not in by_kind["answer"].lines
    assert "The payer declined the payment" in by_kind["verdict"].lines


def test_a_try_that_was_not_paid_keeps_the_time_of_its_own_verdict() -> None:
    payment = make_payment(state=PaymentState.CANCELLED, finished_at=a_while_ago(60))
    heard_at = a_while_ago(10)
    make_attempt(payment, AttemptState.NOT_PAID, started_at=a_while_ago(90), ended_at=heard_at)

    [verdict] = [moment.step for moment in read_story(payment.pk).moments if moment.step.kind == "verdict"]

    assert verdict.at == heard_at


def test_money_that_was_taken_twice_is_told_of() -> None:
    payment, attempt = make_pending()
    twice = make_attempt(payment, AttemptState.NOT_PAID)
    settle_batch([paid(payment, attempt_id=attempt.pk)])
    settle_batch([paid(payment, attempt_id=twice.pk)])

    story = read_story(payment.pk)
    titles = [moment.step.title for moment in story.moments]

    assert titles.count(f"Booked 2,500 XAF: gateway:fapshi → customer:{payment.user_id}") == 2
    assert "Will tell the customer by SMS: wallet credited twice" in titles


def test_times_are_told_as_exactly_as_they_are_of_use() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    payment.queued_at = timezone.now()

    after = {}
    for seconds in (0.4, 17, 200, 18_720, 260_000):
        payment.finished_at = payment.queued_at + timedelta(seconds=seconds)
        payment.save()
        after[seconds] = read_story(payment.pk).moments[-1].after

    assert list(after.values()) == ["+0.40 s", "+17 s", "+3 min 20 s", "+5 h 12 min", "+3 days"]


def test_the_page_shows_it() -> None:
    payment = one_of_each()

    page = signed_in(make_staff("support")).get(page_of(payment)).content.decode()

    for words in (
        "2,500 XAF", payment.phone, payment.user.get_username(), str(payment.order), "Try 1: fapshi is asked",
        "fapshi told us: SUCCESSFUL", "Settled: the money is in our books", f"payment:{payment.pk}:capture",
        "It could not be settled", "a reason of its own", "Will tell the customer by SMS", "“to see”",
        "Refund", "500 XAF into the wallet", "“cold soup”", "refunded 500 XAF of 2,500 XAF",
    ):  # fmt: skip
        assert words in page, words


def test_what_strangers_wrote_is_shown_as_text() -> None:
    payment = make_payment(state=PaymentState.REVIEW, problem="<script>alert(1)</script>")
    make_attempt(payment, AttemptState.REFUSED, ended_at=timezone.now(), response={"message": "<img src=x>"})

    page = signed_in(make_staff("support")).get(page_of(payment)).content.decode()

    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x&gt;" in page


def test_a_topup_has_a_story_without_an_order() -> None:
    topup = make_topup()

    story = read_story(topup.pk)

    assert story.order is None
    assert signed_in(make_staff("support")).get(page_of(topup)).status_code == 200


def test_a_payment_that_is_not_there_has_no_page() -> None:
    response = signed_in(make_staff()).get("/admin/payments/payment/999999999/change/")

    assert response.status_code == 302
