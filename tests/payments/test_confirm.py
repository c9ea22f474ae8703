"""Asking the gateway what is true, and what each of its answers does."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import confirm
from payments.ask import room_at
from payments.confirm import confirm_batch
from payments.expire import expire_batch
from payments.models import Payment, PaymentAttempt
from payments.second_looks import AFTER_FAILURE_SECONDS
from payments.states import PaymentState
from tests.factories import a_while_ago, fresh, make_attempt, make_payment, make_pending
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.throttle.limits import limited
from tests.payments.tricks import booked, charged, due, seconds_to_check, wait_until_booked

pytestmark = pytest.mark.django_db


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
    assert payment.attempts.get().state == "NOT_PAID"
    assert row.next_check_at == (row.finished_at or timezone.now()) + timedelta(seconds=AFTER_FAILURE_SECONDS[0])
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
def test_money_that_comes_after_the_end_takes_the_order_up_again(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    order = payment.order
    assert order is not None
    wait_until_booked(sandbox, payment, "collected")
    Payment.objects.filter(pk=payment.pk).update(expires_at=a_while_ago())
    assert expire_batch() == 1
    due(payment)

    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(order).state) == ("SETTLED", "PAID")
    assert sorted(entries_of(payment)) == ["capture", "fee", "sale"]
    assert told(payment) == ["payment_expired", "payment_settled_late"]


def test_each_gateway_is_asked_only_about_its_own_and_only_what_is_due(sandbox: Sandbox) -> None:
    other, _ = make_pending(gateway="campay")
    later, _ = make_pending(next_check_at=timezone.now() + timedelta(seconds=30))

    assert confirm_batch("fapshi") == 0

    assert (fresh(other).checks_made, fresh(later).checks_made) == (0, 0)


@override_settings(PAYMENT_BATCH_SIZE=2)
@pytest.mark.parametrize(("goes_on", "asked"), [(0.0, [2, 1, 0]), (confirm.GOES_ON_SECONDS, [3, 0, 0])])
def test_in_the_place_of_those_who_were_answered_others_are_asked_about_for_a_while(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, goes_on: float, asked: list[int]
) -> None:
    monkeypatch.setattr(confirm, "GOES_ON_SECONDS", goes_on)
    payments = [charged(sandbox) for _ in range(3)]
    wait_until_booked(sandbox, payments[-1], "collected")

    assert [confirm_batch("fapshi") for _ in range(3)] == asked

    assert {fresh(payment).state for payment in payments} == {"SETTLED"}


@pytest.mark.parametrize(
    ("batch", "at_gateway", "waiting", "room"),
    [(50, 300, 0, 50), (50, 300, 70, 0), (50, 300, 60, 15), (50, 20, 0, 5), (50, 20, 50, 0), (2, 1, 0, 1)],
)
def test_more_are_claimed_as_the_gateway_takes_them_and_not_one_by_one(
    sandbox: Sandbox, batch: int, at_gateway: int, waiting: int, room: int
) -> None:
    with limited(slots=at_gateway, PAYMENT_BATCH_SIZE=batch):
        assert room_at("fapshi", waiting) == room


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
    assert payment.attempts.get().state == "NOT_PAID"
