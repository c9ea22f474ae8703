"""Asking the gateway to collect: what becomes of the payment for each way in which the call may end."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from notifications.models import Notification
from payments.charge import charge_payment
from payments.locks import claim_charge
from payments.models import Payment, PaymentAttempt
from payments.states import MAY_CHARGE, AttemptState, PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_order, make_payment, make_product, make_topup
from tests.gateways import forget_throttle, switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import booked, turn, turned

pytestmark = pytest.mark.django_db


def seconds_until(at: object) -> float:
    assert isinstance(at, type(timezone.now()))
    return (at - timezone.now()).total_seconds()


def the_attempt(payment: Payment) -> PaymentAttempt:
    return payment.attempts.get()


@pytest.mark.parametrize(("gateway", "instructions"), [("fapshi", "*126#"), ("campay", "*126#")])
def test_a_payment_that_is_taken_awaits_the_customer(sandbox: Sandbox, gateway: str, instructions: str) -> None:
    payment = make_payment(gateway=gateway)

    charge_payment(payment.pk)

    row, attempt = fresh(payment), the_attempt(payment)
    assert (row.state, row.attempts_made) == ("PENDING", 1)
    assert row.requested_at is not None
    assert row.pending_at is not None
    assert 0 < seconds_until(row.next_check_at) <= 10
    assert (attempt.state, attempt.number, attempt.gateway) == ("ACCEPTED", 1, gateway)
    assert (attempt.instructions, attempt.http_status, attempt.link) == (instructions, 200, "")
    assert attempt.latency_ms is not None
    assert attempt.ended_at is not None
    [entry] = booked(sandbox, payment)
    assert (entry["gateway_id"], entry["amount_minor"], entry["currency"]) == (attempt.transaction_id, 2500, "XAF")
    assert entry["phone"] == payment.phone


def test_what_was_said_is_kept_with_the_number_masked(sandbox: Sandbox) -> None:
    payment = make_payment()

    charge_payment(payment.pk)

    attempt = the_attempt(payment)
    assert attempt.request["path"] == "/direct-pay"
    assert payment.phone not in str(attempt.request) + str(attempt.response)
    assert "FAK_TEST" not in str(attempt.request)


def test_a_payment_by_link_has_its_page(sandbox: Sandbox) -> None:
    payment = make_payment(by_link=True, phone="")

    charge_payment(payment.pk)

    assert fresh(payment).state == "PENDING"
    assert the_attempt(payment).link.startswith(sandbox.url)


def test_a_topup_is_charged_as_an_order_is(sandbox: Sandbox) -> None:
    payment = make_topup(amount_minor=700)

    charge_payment(payment.pk)

    assert [entry["amount_minor"] for entry in booked(sandbox, payment)] == [700]


@pytest.mark.invariant("INV-2")
def test_a_payment_is_charged_once_however_often_its_message_comes(sandbox: Sandbox) -> None:
    payment = make_payment()

    for _ in range(3):
        charge_payment(payment.pk)

    assert len(booked(sandbox, payment)) == 1
    assert fresh(payment).attempts_made == 1


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize(
    "knobs",
    [
        {"error_rate": 1},
        {"html_error_rate": 1},
        {"reset_rate": 1},
        {"error_after_capture_rate": 1},
        {"timeout_after_capture_rate": 1, "timeout_hold_ms": 50},
    ],
)
@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_an_answer_that_never_came_leaves_it_requested(
    sandbox: Sandbox, gateway: str, knobs: dict[str, object]
) -> None:
    payment = make_payment(gateway=gateway)
    turn(sandbox, payment, **knobs)

    charge_payment(payment.pk)

    row, attempt = fresh(payment), the_attempt(payment)
    assert (row.state, row.finished_at) == ("REQUESTED", None)
    assert 0 < seconds_until(row.next_check_at) <= 2
    assert (attempt.state, attempt.transaction_id) == ("UNKNOWN", "")
    assert attempt.problem != ""
    assert not Notification.objects.exists()


@pytest.mark.invariant("INV-5")
def test_a_gateway_that_is_silent_is_not_waited_for_too_long(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, timeout_rate=1, timeout_hold_ms=3000)

    with switched_on(sandbox.url, FAPSHI_READ_TIMEOUT_SECONDS="0.2", FAPSHI_TOTAL_TIMEOUT_SECONDS="0.5"):
        charge_payment(payment.pk)

    assert (fresh(payment).state, the_attempt(payment).state) == ("REQUESTED", "UNKNOWN")


@pytest.mark.invariant("INV-5")
def test_what_is_unknown_is_not_tried_again(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, error_after_capture_rate=1)
    charge_payment(payment.pk)

    charge_payment(payment.pk)

    assert len(booked(sandbox, payment)) == 1
    assert payment.attempts.count() == 1


def test_a_gateway_that_cannot_be_reached_is_tried_again_after_5_and_10_seconds_then_it_failed() -> None:
    payment = make_payment()
    waits = []

    with switched_on():
        for _ in range(3):
            charge_payment(payment.pk)
            row = fresh(payment)
            waits.append((row.state, round(seconds_until(row.next_attempt_at))))
            Payment.objects.filter(pk=payment.pk).update(next_attempt_at=a_while_ago())

    assert waits[:2] == [("QUEUED", 5), ("QUEUED", 10)]
    row = fresh(payment)
    assert (row.state, row.failure_code, row.attempts_made) == ("FAILED", "gateway_unreachable", 3)
    assert list(payment.attempts.values_list("number", "state").order_by("number")) == [
        (1, "NOT_SENT"),
        (2, "NOT_SENT"),
        (3, "NOT_SENT"),
    ]
    assert payment.order is not None
    assert fresh(payment.order).state == "CANCELLED"
    assert Notification.objects.get(about=f"payment:{payment.pk}").kind == "payment_failed"


def test_before_its_next_try_is_due_it_is_left_alone() -> None:
    payment = make_payment()

    with switched_on():
        for _ in range(3):
            charge_payment(payment.pk)

    assert fresh(payment).attempts_made == 1


def test_a_gateway_that_is_busy_costs_no_attempt(sandbox: Sandbox) -> None:
    payment = make_payment(gateway="campay")
    with turned(sandbox, "campay", rate_limit_per_second=1, retry_after_header=True):
        charge_payment(make_payment(gateway="campay").pk)
        forget_throttle()  # what the 429 before has taught us
        charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.attempts_made, row.published_at, row.next_check_at) == ("QUEUED", 0, None, None)
    assert 0 < seconds_until(row.next_attempt_at) <= 10
    assert the_attempt(payment).state == "POSTPONED"


def test_after_a_postponement_it_is_charged(sandbox: Sandbox) -> None:
    payment = make_payment()
    with turned(sandbox, "fapshi", rate_limit_per_second=1):
        charge_payment(make_payment().pk)
        charge_payment(payment.pk)
    assert fresh(payment).state == "QUEUED"
    Payment.objects.filter(pk=payment.pk).update(next_attempt_at=a_while_ago())

    charge_payment(payment.pk)

    assert (fresh(payment).state, fresh(payment).attempts_made) == ("PENDING", 1)
    assert list(payment.attempts.order_by("number").values_list("state", flat=True)) == ["POSTPONED", "ACCEPTED"]


def test_a_refusal_about_us_is_tried_again(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, ip_refused=True)

    charge_payment(payment.pk)

    row, attempt = fresh(payment), the_attempt(payment)
    assert (row.state, row.attempts_made, attempt.state, attempt.http_status) == ("QUEUED", 1, "NOT_SENT", 403)


@pytest.mark.parametrize(
    ("gateway", "phone", "code"),
    [("campay", "620000001", "operator_unsupported"), ("fapshi", "12", "invalid_phone")],
)
def test_a_refusal_about_the_customer_ends_it(sandbox: Sandbox, gateway: str, phone: str, code: str) -> None:
    product = make_product(stock=4)
    payment = make_payment(order=make_order(lines=[(product, 4)]), gateway=gateway, phone=phone)

    charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.failure_code, the_attempt(payment).state) == ("FAILED", code, "REFUSED")
    assert row.finished_at is not None
    assert fresh(product).stock_on_hand == 4
    message = Notification.objects.get(about=f"payment:{payment.pk}")
    assert message.kind == "payment_failed"
    assert {"why_en", "why_fr"} <= set(message.context)


@pytest.mark.parametrize("state", [state for state in PaymentState if state != "QUEUED"])
def test_only_what_is_queued_is_charged(sandbox: Sandbox, state: PaymentState) -> None:
    payment = make_payment(state=state)

    charge_payment(payment.pk)

    assert (fresh(payment).state, payment.attempts.count()) == (state, 0)


def test_what_is_not_due_or_too_late_or_not_there_is_left_alone(sandbox: Sandbox) -> None:
    later = make_payment(next_attempt_at=timezone.now() + timedelta(seconds=30))
    late = make_payment(expires_at=a_while_ago())

    for payment_id in (later.pk, late.pk, 2**62):
        charge_payment(payment_id)

    assert not PaymentAttempt.objects.exists()


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("state", MAY_CHARGE)
def test_while_one_try_may_take_the_money_there_is_no_second(sandbox: Sandbox, state: AttemptState) -> None:
    payment = make_payment()
    make_attempt(payment, state)

    charge_payment(payment.pk)

    assert (fresh(payment).state, payment.attempts.count()) == ("QUEUED", 1)
    assert booked(sandbox, payment) == []


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("state", [state for state in PaymentState if state != PaymentState.QUEUED])
def test_only_a_payment_that_waits_is_claimed(state: PaymentState) -> None:
    """As it stands when it is claimed: whoever handed it out may have read it long before."""
    payment = make_payment(state=state)

    assert claim_charge(payment.pk, payment.gateway) is None

    assert (fresh(payment).state, payment.attempts.count()) == (state, 0)


@override_settings(PAYMENT_RETRY_ATTEMPTS=1)
def test_the_number_of_attempts_is_a_setting() -> None:
    payment = make_payment()

    with switched_on():
        charge_payment(payment.pk)

    assert fresh(payment).state == "FAILED"
