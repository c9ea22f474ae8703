"""What signed events say: believed where money was collected, asked about everywhere else."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from choptym.lib.money import Money
from payments.events import LOOK_AGAIN_SECONDS
from payments.gateways.base import Event, Outcome, RefundOutcome, RefundStatus
from payments.gateways.facts_json import dump_facts
from payments.match import match_batch
from payments.models import Payment, PaymentAttempt, WebhookEvent
from payments.states import AttemptState, PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_event, make_payment
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, assert_matched, calls_of, india_on, make_asked, said, take_up, tell
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def india() -> Iterator[None]:
    """Nobody listens at the gateways: whatever settles here settles without a question."""
    with india_on():
        yield


@pytest.mark.parametrize("gateway", INDIANS)
def test_what_a_signed_event_says_is_booked(gateway: str) -> None:
    payment, attempt = make_asked(gateway)
    event = tell(attempt)

    assert match_batch(gateway) == 1

    assert (fresh(payment).state, fresh(payment).fee_minor, fresh(payment).next_check_at) == ("SETTLED", 3538, None)
    assert (fresh(attempt).state, fresh(attempt).collected_minor) == ("PAID", 149_900)
    assert set(entries_of(payment)) == {"capture", "fee", "sale"}
    assert_matched(event, payment)


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_facts_of_a_gateway_that_signs_nothing_stay_a_hint(sandbox: Sandbox, gateway: str) -> None:
    payment = make_payment(gateway=gateway, state=PaymentState.PENDING, pending_at=a_while_ago(), next_check_at=None)
    attempt = make_attempt(payment)
    event = tell(attempt, said(attempt, fee=None))

    match_batch(gateway)

    assert (fresh(payment).state, entries_of(payment)) == ("PENDING", {})
    assert fresh(payment).next_check_at is not None
    assert_matched(event, payment)


@pytest.mark.parametrize("state", [AttemptState.STARTED, AttemptState.UNKNOWN])
def test_a_signature_ties_a_transaction_to_a_try_whose_answer_was_lost(state: AttemptState) -> None:
    payment, attempt = make_asked()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=state, transaction_id="")
    event = tell(attempt, said(attempt, transaction_id="order_Ab3dEf6hIj9kLm"))

    match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).transaction_id) == ("SETTLED", "order_Ab3dEf6hIj9kLm")
    assert_matched(event, payment)


def test_a_signed_hint_ties_it_too_and_asks() -> None:
    payment, attempt = make_asked()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=AttemptState.UNKNOWN, transaction_id="")
    event = make_event(
        gateway="razorpay",
        transaction_id="order_Ab3dEf6hIj9kLm",
        reference=str(attempt.reference),
        word="payment.failed",
    )

    match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).transaction_id) == ("PENDING", "order_Ab3dEf6hIj9kLm")
    assert fresh(payment).next_check_at is not None
    assert_matched(event, payment)


@pytest.mark.invariant("INV-2")
def test_money_under_another_id_than_we_know_is_not_booked_unasked() -> None:
    payment, attempt = make_asked()
    event = tell(attempt, said(attempt, transaction_id="order_Ab3dEf6hIj9kLm"))

    match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).transaction_id) == ("PENDING", attempt.transaction_id)
    assert (fresh(event).state, entries_of(payment)) == ("PARKED", {})


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("by", ["transaction_id", "reference"])
def test_what_one_gateway_says_is_not_believed_of_another(by: str) -> None:
    payment, attempt = make_asked("cashfree")
    changes: dict[str, Any] = {"reference": ""} if by == "transaction_id" else {"transaction_id": "order_Ab3dEf6hIj"}
    status = said(attempt, **changes)
    event = tell(attempt, status, gateway="razorpay")

    match_batch("razorpay")

    assert (fresh(payment).state, fresh(event).state, entries_of(payment)) == ("PENDING", "PARKED", {})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"money": Money(149_899, "INR")}, "asked for 1,499.00 INR, the gateway collected 1,498.99 INR"),
        ({"money": Money(149_900, "XAF")}, "asked for 1,499.00 INR, the gateway collected 149,900 XAF"),
        ({"money": None, "problem": "the currency is USD"}, "the currency is USD"),
        ({"problem": "paid more than once: pay_1, pay_2"}, "paid more than once: pay_1, pay_2"),
        (
            {"reference": "00000000-0000-4000-8000-000000000001"},
            "the gateway names 00000000-0000-4000-8000-000000000001",
        ),
    ],
)
def test_what_contradicts_us_is_for_a_person(changes: dict[str, Any], problem: str) -> None:
    payment, attempt = make_asked()
    event = tell(attempt, said(attempt, **changes))

    match_batch("razorpay")

    assert (fresh(payment).state, entries_of(payment)) == ("REVIEW", {})
    assert fresh(payment).problem.startswith(problem)
    assert_matched(event, payment)


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("outcome", [Outcome.NOT_PAID, Outcome.WAITING, Outcome.UNMAPPED])
def test_whatever_else_is_said_is_asked_about(outcome: Outcome) -> None:
    payment, attempt = make_asked()
    event = tell(attempt, said(attempt, outcome, word="strange"))

    with capture_logs() as logs:
        match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).state) == ("PENDING", "ACCEPTED")
    assert fresh(payment).next_check_at is not None
    assert_matched(event, payment)
    errors = [line["word"] for line in logs if line["log_level"] == "error"]
    assert errors == (["strange"] if outcome is Outcome.UNMAPPED else [])


def test_money_of_which_some_went_back_already_is_asked_about() -> None:
    payment, attempt = make_asked()
    tell(attempt, said(attempt, refunded=Money(100, "INR")))

    match_batch("razorpay")

    assert fresh(payment).state == "PENDING"
    assert fresh(payment).next_check_at is not None


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize(
    "ended", [AttemptState.ABSENT, AttemptState.NOT_PAID, AttemptState.NOT_SENT, AttemptState.REFUSED]
)
@pytest.mark.parametrize("state", [PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.CANCELLED])
def test_money_of_a_try_that_we_gave_up_is_booked(ended: AttemptState, state: PaymentState) -> None:
    payment, attempt = make_asked()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=ended)
    Payment.objects.filter(pk=payment.pk).update(state=state, finished_at=a_while_ago())

    event = tell(attempt)
    match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).state) == ("SETTLED", "PAID")
    assert_matched(event, payment)


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("is_lost", [False, True])
def test_money_that_came_twice_goes_into_the_wallet(is_lost: bool) -> None:
    payment, first = make_asked()
    PaymentAttempt.objects.filter(pk=first.pk).update(state=AttemptState.ABSENT)
    status = said(fresh(first))
    if is_lost:
        PaymentAttempt.objects.filter(pk=first.pk).update(transaction_id="")
    second = make_attempt(payment)
    tell(second)
    tell(first, status)

    take_up("razorpay")

    assert [fresh(first).state, fresh(second).state] == ["SURPLUS", "PAID"]
    assert fresh(first).transaction_id == status.transaction_id
    assert fresh(payment).state == "SETTLED"
    assert wallet_balance(payment.user_id, "INR") == payment.amount
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_payment_of_one_order_is_booked_once_and_reported(at_once: bool) -> None:
    payment, attempt = make_asked()
    events = []
    with capture_logs() as logs:
        for payment_id in ("pay_1", "pay_1", "pay_2"):
            events.append(tell(attempt, said(attempt, gateway_payment_id=payment_id)))
            if not at_once:
                match_batch("razorpay")
        match_batch("razorpay")

    for event in events:
        assert_matched(event, payment)
    assert set(entries_of(payment)) == {"capture", "fee", "sale"}
    assert [line["by"] for line in logs if line["log_level"] == "error"] == [["pay_1", "pay_2"]]


# Refunds


def refund_of(transaction_id: str, **changes: Any) -> RefundStatus:
    facts = {
        "outcome": RefundOutcome.DONE,
        "gateway_refund_id": f"rfnd_{uuid.uuid4().hex[:14]}",
        "reference": "",
        "money": Money(50_000, "INR"),
        "transaction_id": transaction_id,
        **changes,
    }
    return RefundStatus(**facts)


def tell_refund(refund: RefundStatus) -> WebhookEvent:
    event: WebhookEvent = make_event(
        gateway="razorpay",
        transaction_id=refund.transaction_id,
        facts=dump_facts(Event("", refund.transaction_id, refund=refund)),
    )
    return event


def test_a_refund_of_nothing_of_ours_is_looked_at_again_and_never_asked_about(gateway_sandbox: Sandbox) -> None:
    event = tell_refund(refund_of("order_Ab3dEf6hIj9kLm"))
    with india_on(gateway_sandbox.url):
        calls = calls_of(gateway_sandbox, "razorpay")
        match_batch("razorpay")
        assert fresh(event).state == "PARKED"
        for _ in LOOK_AGAIN_SECONDS:
            take_up("razorpay")

        assert (fresh(event).state, fresh(event).payment_id) == ("UNCLAIMED", None)
        assert calls_of(gateway_sandbox, "razorpay") == calls


def test_a_refund_tells_that_there_is_something_to_ask_about_an_open_payment() -> None:
    payment, attempt = make_asked()
    tell_refund(refund_of(attempt.transaction_id, is_automatic=True))

    match_batch("razorpay")

    assert fresh(payment).state == "PENDING"
    assert fresh(payment).next_check_at is not None
