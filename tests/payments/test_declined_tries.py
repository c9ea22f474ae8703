"""A payer who says no where a payment outlives its tries: the customer is told, and nothing is decided."""

from collections.abc import Iterator

import pytest

from notifications.models import Notification
from payments.charge import charge_payment
from payments.close import close_unpaid
from payments.confirm import confirm_batch
from payments.models import Payment
from payments.serializers import show_payment
from payments.settle import settle_batch
from payments.states import PaymentState
from tests.factories import fresh, make_attempt, make_event, make_payment, make_pending, paid
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, deliver, heard, india_on, make_indian, take_up, wait_for_words
from tests.payments.tricks import due, turn, wait_until_booked

pytestmark = pytest.mark.django_db

FAILED = {"razorpay": "payment.failed", "cashfree": "PAYMENT_FAILED_WEBHOOK"}
SENTENCE = "The last try was declined. Please approve again in your app or on the payment page, or cancel."


@pytest.fixture
def india(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    with india_on(gateway_sandbox.url):
        yield gateway_sandbox


def declined(sandbox: Sandbox, gateway: str) -> Payment:
    """The sandbox has asked, and the payer said no. We have not been told."""
    payment = make_indian(gateway)
    turn(sandbox, payment, approval_delay_ms=0, refusal_rate=1)
    charge_payment(payment.pk)
    return payment


def shown(payment: Payment) -> tuple[str, str, str]:
    body = show_payment(fresh(payment))
    return body["status"], body["failure_code"], body["message"]


@pytest.mark.parametrize("gateway", INDIANS)
def test_a_signed_event_tells_the_customer_and_ends_nothing(india: Sandbox, gateway: str) -> None:
    with heard(india, gateway) as receiver:
        payment = declined(india, gateway)
        delivery = wait_for_words(receiver, FAILED[gateway])[FAILED[gateway]]
    before = fresh(payment)

    deliver(gateway, delivery)
    take_up(gateway)

    assert shown(payment) == ("PENDING", "try_declined", SENTENCE)
    assert show_payment(fresh(payment), "fr")["message"].startswith("Le dernier essai a été refusé. Veuillez")
    row = fresh(payment)
    assert (row.expires_at, row.attempts_made, row.finished_at) == (before.expires_at, before.attempts_made, None)
    assert payment.attempts.get().state == "ACCEPTED"
    assert (entries_of(payment), told(payment)) == ({}, [])


def test_razorpays_own_answer_tells_it_when_the_event_was_lost(india: Sandbox) -> None:
    with heard(india, "razorpay"):
        payment = declined(india, "razorpay")
        wait_until_booked(india, payment, "failed")
    due(payment)

    confirm_batch("razorpay")

    assert shown(payment) == ("PENDING", "try_declined", SENTENCE)
    assert fresh(payment).next_check_at is not None


def test_an_answer_that_says_nothing_of_a_refusal_tells_none(india: Sandbox) -> None:
    payment = make_indian("razorpay")
    turn(india, payment, never_approve_rate=1)
    charge_payment(payment.pk)
    due(payment)

    confirm_batch("razorpay")

    assert shown(payment) == ("PENDING", "", "")


def declined_row() -> Payment:
    payment, _ = make_pending(failure_code="try_declined")
    return payment


def test_money_that_comes_after_all_takes_it_back() -> None:
    payment = declined_row()

    settle_batch([paid(payment)])

    assert shown(payment) == ("SETTLED", "", "")
    assert told(payment) == ["payment_settled"]
    message = Notification.objects.get(about=f"payment:{payment.pk}")
    assert set(message.context) == {"amount_en", "amount_fr", "order", "shop"}  # no reason why it failed


@pytest.mark.parametrize(("state", "code"), [("EXPIRED", "expired"), ("CANCELLED", "cancelled")])
def test_another_end_takes_its_place(state: str, code: str) -> None:
    payment = declined_row()

    close_unpaid(payment, PaymentState(state), code=code)

    assert shown(payment)[:2] == (state, code)


@pytest.mark.parametrize("state", ["SETTLED", "EXPIRED", "CANCELLED"])
def test_an_event_that_comes_too_late_changes_nothing(india: Sandbox, state: str) -> None:
    payment = make_payment(state=PaymentState(state), gateway="razorpay", failure_code="")
    attempt = make_attempt(payment)
    make_event(gateway="razorpay", transaction_id=attempt.transaction_id, word="payment.failed")

    take_up("razorpay")

    assert shown(payment)[:2] == (state, "")


def test_the_words_of_a_gateway_that_signs_nothing_are_not_repeated(silent_gateways: None) -> None:
    payment, attempt = make_pending()
    make_event(gateway="fapshi", transaction_id=attempt.transaction_id, word="payment.failed")

    take_up("fapshi")

    assert shown(payment) == ("PENDING", "", "")
