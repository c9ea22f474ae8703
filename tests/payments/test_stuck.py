"""Captured money without an outcome: every kind is found, counted, named and told of, and nothing else is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from choptym.lib.snapshot import Snapshot
from payments import stuck
from payments.metrics import QUEUE_REGISTRY
from payments.models import DeadLetter, Payment, Refund, WebhookEvent
from payments.overview import read_overview
from payments.settle import settle_batch
from payments.states import AttemptState, EventState, PaymentState, RefundState
from payments.stuck import KINDS, NAMED, read_stuck, report_stuck
from payments.tasks import prove_outcomes
from tests.factories import a_while_ago, make_attempt, make_event, make_payment, make_pending, paid
from tests.payments.staff import make_staff, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]

LATE, SOON = 3700, 3500


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Snapshot, "get", lambda self: self._read())


def under_review(age: float) -> object:
    payment, _ = make_pending()
    settle_batch([paid(payment, amount_minor=1)])
    Payment.objects.filter(pk=payment.pk).update(finished_at=a_while_ago(age))
    return payment


def set_aside(age: float) -> object:
    payment, _ = make_pending()
    letter = DeadLetter.objects.create(payment=payment, reason="IntegrityError: no")
    DeadLetter.objects.filter(pk=letter.pk).update(created_at=a_while_ago(age))
    return payment


def not_booked(age: float, state: PaymentState = PaymentState.EXPIRED) -> object:
    payment = make_payment(state=state)
    make_attempt(payment, AttemptState.PAID, collected_minor=2500, collected_currency="XAF")
    times = {"queued_at": a_while_ago(age)} if state == PaymentState.PENDING else {"finished_at": a_while_ago(age)}
    Payment.objects.filter(pk=payment.pk).update(**times)
    return payment


def not_booked_and_waiting(age: float) -> object:
    return not_booked(age, PaymentState.PENDING)


def unclaimed(age: float, **columns: Any) -> object:
    event = make_event(**{"state": EventState.UNCLAIMED, "word": "SUCCESSFUL", "next_look_at": None, **columns})
    WebhookEvent.objects.filter(pk=event.pk).update(received_at=a_while_ago(age))
    return event


def unclaimed_and_signed(age: float) -> object:
    return unclaimed(age, word="order.changed", facts={"status": {"outcome": "paid"}})


def refund(age: float, state: RefundState = RefundState.QUEUED) -> object:
    payment, attempt = make_pending()
    settle_batch([paid(payment)])
    row = Refund.objects.create(
        payment=payment,
        attempt=attempt,
        way="WALLET",
        source="STAFF",
        state=state,
        amount_minor=100,
        currency="XAF",
        reason="cold",
        next_attempt_at=timezone.now(),
    )
    Refund.objects.filter(pk=row.pk).update(created_at=a_while_ago(age))
    return payment


def refund_and_asked(age: float) -> object:
    return refund(age, RefundState.REQUESTED)


CASES: list[tuple[str, Callable[[float], object]]] = [
    ("under_review", under_review),
    ("set_aside", set_aside),
    ("not_booked", not_booked),
    ("not_booked", not_booked_and_waiting),
    ("unclaimed", unclaimed),
    ("unclaimed", unclaimed_and_signed),
    ("refund_waiting", refund),
    ("refund_waiting", refund_and_asked),
]


def counts() -> dict[str, int]:
    return {kind: found.count for kind, found in read_stuck().items() if found.count}


@pytest.mark.parametrize(("kind", "make"), CASES)
def test_it_is_counted_once_its_time_is_over(kind: str, make: Callable[[float], object]) -> None:
    make(SOON)
    assert counts() == {}

    make(LATE)

    assert counts() == {kind: 1}


def test_every_kind_has_a_test() -> None:
    assert set(KINDS) == {kind for kind, _ in CASES}


@override_settings(PAYMENT_OUTCOME_WITHIN_SECONDS=60)
def test_how_long_is_too_long_is_a_setting() -> None:
    under_review(SOON)

    assert counts() == {"under_review": 1}


def test_what_ended_well_or_is_nobodys_money_is_not_counted() -> None:
    payment, _ = make_pending()
    settle_batch([paid(payment)])
    Payment.objects.filter(pk=payment.pk).update(finished_at=a_while_ago(LATE))
    DeadLetter.objects.create(payment=payment, reason="done", replayed_at=timezone.now())
    DeadLetter.objects.update(created_at=a_while_ago(LATE))
    unclaimed(LATE, word="FAILED")
    unclaimed(LATE, state=EventState.PARKED)
    unclaimed(timedelta(days=8).total_seconds())
    refund(LATE, RefundState.PENDING)

    assert counts() == {}


def test_a_refund_that_its_gateway_has_held_for_too_long_is_counted() -> None:
    refund(timedelta(days=11).total_seconds(), RefundState.PENDING)

    assert counts() == {"refund_waiting": 1}


def test_many_are_all_counted_and_the_oldest_are_named() -> None:
    first = under_review(LATE)
    for _ in range(NAMED + 1):
        under_review(LATE)

    found = read_stuck()["under_review"]

    assert (found.count, len(found.places)) == (NAMED + 2, NAMED)
    assert found.places[0].startswith(f"payment {first.pk}: asked for")  # type: ignore[attr-defined]


def test_the_log_the_metric_and_the_first_page_tell() -> None:
    payment = under_review(LATE)

    with capture_logs() as lines:
        prove_outcomes()
        assert report_stuck() == 1
    text = generate_latest(QUEUE_REGISTRY).decode()

    [line, _] = [line for line in lines if line["event"] == "captured money has no outcome"]
    assert (line["log_level"], line["kind"], line["count"]) == ("error", "under_review", 1)
    assert f"payment {payment.pk}" in line["places"][0]  # type: ignore[attr-defined]
    assert 'choptym_captured_without_outcome{kind="under_review"} 1.0' in text
    assert 'choptym_captured_without_outcome{kind="refund_waiting"} 0.0' in text
    assert read_overview().without_outcome == 1


def test_staff_see_which_by_name() -> None:
    payment = under_review(LATE)
    client = signed_in(make_staff("support"))

    first_page = client.get("/admin/").content.decode()
    page = client.get("/admin/payments/payment/without-outcome/").content.decode()

    assert "/admin/payments/payment/without-outcome/" in first_page
    assert f"payment {payment.pk}: asked for" in page  # type: ignore[attr-defined]


def test_whoever_sees_no_payments_sees_none_of_it() -> None:
    nobody = make_staff("support")
    nobody.groups.clear()

    assert signed_in(nobody).get("/admin/payments/payment/without-outcome/").status_code == 403


@pytest.mark.parametrize("kind", KINDS)
def test_no_question_reads_a_whole_table(kind: str) -> None:
    """What has ended well is most of every table: there is a way around it, through a partial index."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {stuck._QUESTIONS[kind]}", stuck._values())
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Index" in plan
    assert "Seq Scan" not in plan
