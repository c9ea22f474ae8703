"""Asking the gateway after an answer that was lost, and when it does not answer."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone

from payments.confirm import confirm_batch
from payments.models import Payment, PaymentAttempt
from payments.states import AttemptState, PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_order, make_payment, make_pending
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import booked, charged, due, seconds_to_check, turned, wait_until_booked

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-5")
def test_an_answer_that_was_lost_is_found_by_our_reference_and_settled(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"error_after_capture_rate": 1})
    assert (payment.state, payment.attempts.get().transaction_id) == ("REQUESTED", "")
    wait_until_booked(sandbox, payment, "collected")

    confirm_batch("fapshi")

    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state) == ("SETTLED", "PAID")
    assert attempt.transaction_id == booked(sandbox, payment)[0]["gateway_id"]


@pytest.mark.invariant("INV-5")
def test_a_lost_answer_that_is_found_waiting_becomes_pending(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"error_after_capture_rate": 1, "never_approve_rate": 1})

    confirm_batch("fapshi")

    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state) == ("PENDING", "ACCEPTED")
    assert attempt.transaction_id != ""
    assert fresh(payment).pending_at is not None


@pytest.mark.invariant("INV-5")
def test_absence_proves_nothing_before_its_time_so_nothing_is_sent_again(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"error_rate": 1})
    PaymentAttempt.objects.filter(payment=payment).update(started_at=timezone.now() - timedelta(seconds=110))

    confirm_batch("fapshi")

    assert (fresh(payment).state, payment.attempts.get().state) == ("REQUESTED", "UNKNOWN")
    assert round(seconds_to_check(payment)) == 2


def test_absence_after_its_time_is_proof_and_the_payment_is_queued_again(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"error_rate": 1})
    PaymentAttempt.objects.filter(payment=payment).update(started_at=timezone.now() - timedelta(seconds=121))

    confirm_batch("fapshi")

    row = fresh(payment)
    assert (row.state, row.attempts_made, row.next_check_at) == ("QUEUED", 1, None)
    assert 4 < (row.next_attempt_at - timezone.now()).total_seconds() <= 5
    assert payment.attempts.get().state == "ABSENT"


def test_absence_of_the_last_try_fails_the_payment(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"error_rate": 1})
    Payment.objects.filter(pk=payment.pk).update(attempts_made=3)
    PaymentAttempt.objects.filter(payment=payment).update(started_at=timezone.now() - timedelta(seconds=121))

    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(payment).failure_code) == ("FAILED", "gateway_unreachable")


@pytest.mark.invariant("INV-5")
def test_a_gateway_whose_list_leaves_out_what_waits_proves_nothing_by_absence(sandbox: Sandbox) -> None:
    payment = charged(sandbox, gateway="campay", knobs={"error_rate": 1})
    PaymentAttempt.objects.filter(payment=payment).update(started_at=timezone.now() - timedelta(days=1))

    confirm_batch("campay")

    assert (fresh(payment).state, payment.attempts.get().state) == ("REQUESTED", "UNKNOWN")


@pytest.mark.invariant("INV-5")
def test_an_id_that_the_gateway_denies_proves_nothing(sandbox: Sandbox) -> None:
    payment, attempt = make_pending()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(
        transaction_id="Zz00Zz00Zz", started_at=timezone.now() - timedelta(days=1)
    )

    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(attempt).state) == ("PENDING", "ACCEPTED")
    assert fresh(payment).next_check_at is not None


@pytest.mark.invariant("INV-5")
def test_a_gateway_that_is_away_changes_nothing() -> None:
    payment, attempt = make_pending()

    with switched_on():
        assert confirm_batch("fapshi") == 1

    assert (fresh(payment).state, fresh(attempt).state) == ("PENDING", "ACCEPTED")
    assert round(seconds_to_check(payment)) == 10


def test_a_gateway_that_is_busy_is_asked_when_it_said(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"never_approve_rate": 1})
    for _ in range(6):
        due(payment)
        confirm_batch("fapshi")
    due(payment)

    confirm_batch("fapshi")

    assert round(seconds_to_check(payment)) == 60


def test_a_payment_that_a_crash_left_half_way_is_queued_again(sandbox: Sandbox) -> None:
    payment = make_payment(state=PaymentState.REQUESTED)
    make_attempt(payment, AttemptState.NOT_SENT)

    assert confirm_batch("fapshi") == 1

    assert (fresh(payment).state, fresh(payment).next_check_at) == ("QUEUED", None)


@pytest.mark.parametrize("state", [PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.CANCELLED])
def test_with_nothing_open_at_the_gateway_an_ended_payment_is_let_go(sandbox: Sandbox, state: PaymentState) -> None:
    payment = make_payment(state=state, next_check_at=a_while_ago())

    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(payment).next_check_at) == (state, None)


@pytest.mark.invariant("INV-1")
def test_a_lock_that_is_not_to_be_had_gives_the_checks_back(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    wait_until_booked(sandbox, payment, "collected")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = '55P03'; END$$;
            CREATE TRIGGER go_away BEFORE INSERT ON wallets_entry EXECUTE FUNCTION go_away();
            """
        )

    with pytest.raises(OperationalError):
        confirm_batch("fapshi")

    assert fresh(payment).state == "PENDING"
    assert seconds_to_check(payment) <= 1


def test_an_outage_of_the_gateway_leaves_all_open(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    order = make_order()

    with turned(sandbox, "fapshi", outage=True):
        confirm_batch("fapshi")

    assert fresh(payment).state == "PENDING"
    assert fresh(order).state == "PLACED"


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("hours", [1, -1])
def test_absence_is_proved_by_the_databases_time_whatever_this_machine_says(sandbox: Sandbox, hours: int) -> None:
    early, late = (charged(sandbox, knobs={"error_rate": 1}) for _ in range(2))
    for payment, seconds in ((early, 110), (late, 121)):
        PaymentAttempt.objects.filter(payment=payment).update(started_at=timezone.now() - timedelta(seconds=seconds))

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        confirm_batch("fapshi")

    assert [fresh(payment).state for payment in (early, late)] == ["REQUESTED", "QUEUED"]
    assert round(seconds_to_check(early)) == 2
