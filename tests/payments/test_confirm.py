"""Asking the gateway what is true, and what each of its answers does."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test import override_settings
from django.utils import timezone

from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.expire import expire_batch
from payments.models import Payment, PaymentAttempt
from payments.states import AttemptState, PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_order, make_payment, make_pending
from tests.gateways import switched_on
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.tricks import booked, turn, turned

pytestmark = pytest.mark.django_db


def due(payment: Payment) -> None:
    """Let it be due again."""
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())


def charged(sandbox: Sandbox, **columns: object) -> Payment:
    """A payment that the sandbox has, after the payer has decided."""
    knobs = columns.pop("knobs", {})
    payment = make_payment(**columns)  # type: ignore[arg-type]
    if payment.phone:
        turn(sandbox, payment, **{"approval_delay_ms": 0, **knobs})  # type: ignore[dict-item]
    charge_payment(payment.pk)
    due(payment)
    return fresh(payment)


def wait_until_booked(sandbox: Sandbox, payment: Payment, state: str) -> None:
    entries = wait_for(lambda: booked(sandbox, payment), lambda found: [one["state"] for one in found] == [state])
    assert [entry["state"] for entry in entries] == [state]


def seconds_to_check(payment: Payment) -> float:
    at = fresh(payment).next_check_at
    assert at is not None
    return (at - timezone.now()).total_seconds()


@pytest.mark.parametrize(("gateway", "fee"), [("fapshi", 75), ("campay", 50)])
def test_what_the_gateway_calls_paid_is_settled(sandbox: Sandbox, gateway: str, fee: int) -> None:
    payment = charged(sandbox, gateway=gateway)
    wait_until_booked(sandbox, payment, "collected")

    assert confirm_batch(gateway) == 1

    assert (fresh(payment).state, fresh(payment).fee_minor) == ("SETTLED", fee)
    assert entries_of(payment)["capture"] == (f"gateway:{gateway}", f"customer:{payment.user_id}", 2500)
    assert told(payment) == ["payment_settled"]
    assert confirm_batch(gateway) == 0


def test_what_the_customer_refused_has_failed(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"refusal_rate": 1})
    wait_until_booked(sandbox, payment, "failed")

    confirm_batch("fapshi")

    row = fresh(payment)
    assert (row.state, row.failure_code, row.problem) == ("FAILED", "declined", "The payer declined the payment")
    assert (row.next_check_at, payment.attempts.get().state) == (None, "NOT_PAID")
    assert payment.order is not None
    assert fresh(payment.order).state == "CANCELLED"
    assert told(payment) == ["payment_failed"]


@pytest.mark.invariant("INV-2")
def test_another_amount_is_for_a_person(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"wrong_amount_rate": 1})
    wait_until_booked(sandbox, payment, "collected")

    confirm_batch("fapshi")

    row = fresh(payment)
    assert (row.state, row.problem) == ("REVIEW", "asked for 2,500 XAF, the gateway collected 2,499 XAF")
    assert entries_of(payment) == {}


@pytest.mark.invariant("INV-2")
def test_the_payment_of_somebody_else_does_not_settle_this_one(sandbox: Sandbox) -> None:
    theirs = charged(sandbox)
    wait_until_booked(sandbox, theirs, "collected")
    transaction_id = theirs.attempts.get().transaction_id
    PaymentAttempt.objects.filter(payment=theirs).update(transaction_id="")
    Payment.objects.filter(pk=theirs.pk).update(next_check_at=None)
    ours = make_payment(state=PaymentState.PENDING)
    make_attempt(ours, transaction_id=transaction_id)

    confirm_batch("fapshi")

    assert fresh(ours).state == "REVIEW"
    assert "the gateway answered about" in fresh(ours).problem
    assert entries_of(ours) == {}


def test_while_the_customer_thinks_it_is_asked_about_again_and_ever_less_often(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"never_approve_rate": 1})
    waits = []

    for _ in range(4):
        due(payment)
        confirm_batch("fapshi")
        waits.append(round(seconds_to_check(payment)))

    assert waits == [10, 15, 30, 60]
    assert (fresh(payment).state, fresh(payment).checks_made) == ("PENDING", 4)


def test_after_its_end_it_is_watched_and_then_let_go(sandbox: Sandbox) -> None:
    payment = charged(sandbox, knobs={"never_approve_rate": 1})
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.EXPIRED, finished_at=timezone.now())

    confirm_batch("fapshi")
    watched = fresh(payment).next_check_at
    Payment.objects.filter(pk=payment.pk).update(queued_at=timezone.now() - timedelta(hours=49))
    due(payment)
    confirm_batch("fapshi")

    assert watched is not None
    assert fresh(payment).next_check_at is None


@pytest.mark.invariant("INV-6")
def test_money_that_comes_after_the_end_is_in_the_wallet(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    order = payment.order
    assert order is not None
    wait_until_booked(sandbox, payment, "collected")
    Payment.objects.filter(pk=payment.pk).update(expires_at=a_while_ago())
    assert expire_batch() == 1
    due(payment)

    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(order).state) == ("SETTLED", "CANCELLED")
    assert sorted(entries_of(payment)) == ["capture", "fee"]
    assert told(payment) == ["payment_expired", "wallet_credited"]


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


def test_each_gateway_is_asked_only_about_its_own_and_only_what_is_due(sandbox: Sandbox) -> None:
    other, _ = make_pending(gateway="campay")
    later, _ = make_pending(next_check_at=timezone.now() + timedelta(seconds=30))

    assert confirm_batch("fapshi") == 0

    assert (fresh(other).checks_made, fresh(later).checks_made) == (0, 0)


@override_settings(PAYMENT_BATCH_SIZE=2)
def test_a_batch_holds_so_many_and_no_more(sandbox: Sandbox) -> None:
    payments = [charged(sandbox) for _ in range(3)]
    wait_until_booked(sandbox, payments[-1], "collected")

    assert [confirm_batch("fapshi") for _ in range(3)] == [2, 1, 0]

    assert {fresh(payment).state for payment in payments} == {"SETTLED"}


def test_a_mixed_batch_ends_each_as_it_should(sandbox: Sandbox) -> None:
    good = charged(sandbox)
    refused = charged(sandbox, knobs={"refusal_rate": 1})
    waiting = charged(sandbox, knobs={"never_approve_rate": 1})
    lost = charged(sandbox, knobs={"error_rate": 1})
    wait_until_booked(sandbox, refused, "failed")

    assert confirm_batch("fapshi") == 4

    assert [fresh(payment).state for payment in (good, refused, waiting, lost)] == [
        "SETTLED",
        "FAILED",
        "PENDING",
        "REQUESTED",
    ]


def test_a_page_that_nobody_waits_for_is_closed(sandbox: Sandbox) -> None:
    payment = charged(sandbox, by_link=True, phone="")
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.EXPIRED, finished_at=timezone.now())

    confirm_batch("fapshi")

    assert [entry["state"] for entry in booked(sandbox, payment)] == ["expired"]
    assert (payment.attempts.get().state, fresh(payment).next_check_at) == ("NOT_PAID", None)


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
