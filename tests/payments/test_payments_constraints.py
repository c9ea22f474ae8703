"""What the tables of payments refuse, whatever the code does."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from payments.models import DeadLetter, IdempotencyKey, Payment, PaymentAttempt, WebhookEvent
from payments.states import FINAL_STATES, MAY_CHARGE, WAITING_STATES, AttemptState, PaymentState
from tests.constraints import refused_by
from tests.factories import make_attempt, make_event, make_payment, make_pending, make_topup, make_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("payment_amount_positive", {"amount_minor": 0}),
        ("payment_amount_positive", {"amount_minor": -2500}),
        ("payment_currency_known", {"currency": "USD"}),
        ("payment_state_known", {"state": "LOST"}),
        ("payment_priority_known", {"priority": 4}),
        ("payment_kind_fits", {"order": None}),
        ("payment_kind_fits", {"kind": "TOPUP"}),
        ("payment_kind_fits", {"kind": "GIFT"}),
        ("payment_settled_has_time", {"state": "SETTLED", "finished_at": NOW}),
        ("payment_settled_has_time", {"settled_at": NOW}),
        ("payment_finished_has_time", {"finished_at": NOW}),
    ],
)
def test_a_payment_is_sound(name: str, columns: dict[str, Any]) -> None:
    payment = make_payment()

    with refused_by(name):
        Payment.objects.filter(pk=payment.pk).update(**columns)


@pytest.mark.parametrize("state", [state for state in FINAL_STATES if state != PaymentState.SETTLED])
def test_what_has_ended_has_the_time_of_its_end(state: PaymentState) -> None:
    payment = make_payment()

    with refused_by("payment_finished_has_time"):
        Payment.objects.filter(pk=payment.pk).update(state=state)


@pytest.mark.parametrize("state", WAITING_STATES)
def test_what_waits_has_no_time_of_an_end(state: PaymentState) -> None:
    payment = make_payment(state=state)

    with refused_by("payment_finished_has_time"):
        Payment.objects.filter(pk=payment.pk).update(finished_at=NOW)


def test_a_wallet_is_not_topped_up_from_a_wallet() -> None:
    payment = make_topup()

    with refused_by("payment_kind_fits"):
        Payment.objects.filter(pk=payment.pk).update(gateway="wallet")


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("first", MAY_CHARGE)
@pytest.mark.parametrize("second", MAY_CHARGE)
def test_while_one_try_may_charge_there_is_no_other(first: AttemptState, second: AttemptState) -> None:
    payment = make_payment(state=PaymentState.REQUESTED)
    make_attempt(payment, first)

    with refused_by("attempt_one_may_charge"):
        make_attempt(payment, second)


@pytest.mark.parametrize("first", [state for state in AttemptState if state not in MAY_CHARGE])
def test_after_a_try_that_did_not_charge_there_may_be_another(first: AttemptState) -> None:
    payment = make_payment()
    make_attempt(payment, first)

    assert make_attempt(payment, AttemptState.STARTED).number == 2


def test_a_try_is_sound() -> None:
    payment, attempt = make_pending()
    other, _ = make_pending()
    with refused_by("attempt_number_once"):
        make_attempt(payment, AttemptState.ABSENT, number=1)
    with refused_by("attempt_transaction_once"):
        make_attempt(payment, AttemptState.ABSENT, transaction_id=attempt.transaction_id)
    with refused_by("payments_paymentattempt_reference_key"):
        make_attempt(payment, AttemptState.ABSENT, reference=attempt.reference)
    with refused_by("attempt_state_known"):
        PaymentAttempt.objects.filter(payment=other).update(state="LOST")


def test_two_gateways_may_use_the_same_id() -> None:
    _, attempt = make_pending()

    make_attempt(make_payment(gateway="campay"), transaction_id=attempt.transaction_id)


@pytest.mark.invariant("INV-2")
def test_an_event_is_stored_once() -> None:
    event = make_event(key="the same")

    with refused_by("event_stored_once"):
        make_event(key="the same")
    make_event(key="the same", gateway="campay")
    with refused_by("event_state_known"):
        WebhookEvent.objects.filter(pk=event.pk).update(state="LOST")


def test_a_payment_has_one_open_dead_letter() -> None:
    payment = make_payment()
    DeadLetter.objects.create(payment=payment, reason="a", replayed_at=NOW)
    DeadLetter.objects.create(payment=payment, reason="b")

    with refused_by("dead_letter_one_open"):
        DeadLetter.objects.create(payment=payment, reason="c")


@pytest.mark.invariant("INV-2")
def test_a_customer_has_a_key_once() -> None:
    user = make_user()
    columns = {"key": "k", "fingerprint": "f", "status": 202, "body": {}}
    IdempotencyKey.objects.create(user=user, **columns)

    with refused_by("idempotency_key_once"):
        IdempotencyKey.objects.create(user=user, **columns)
    IdempotencyKey.objects.create(user=make_user(), **columns)


def test_a_payment_with_tries_cannot_be_deleted() -> None:
    payment, _ = make_pending()

    with refused_by(_foreign_key("payments_paymentattempt", "payment_id")):
        Payment.objects.filter(pk=payment.pk)._raw_delete(using="default")


def _foreign_key(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return next(str(name) for name, one in constraints.items() if one["foreign_key"] and one["columns"] == [column])
