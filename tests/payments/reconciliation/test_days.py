"""Days: ours are universal time; a gateway's may be India's or Cameroon's, and a payment may end after midnight."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways.base import Line, Outcome, SettlementLine, Status
from payments.models import Payment, PaymentAttempt, Reconciliation, ReconciliationBreak
from payments.reconciliation.compare import compare
from payments.reconciliation.facts import Comparison, Ours, Reading, Try
from payments.settle import settle_batch
from tests.factories import fresh, make_pending, paid
from tests.payments.gateways.sandbox import canned
from tests.payments.reconciliation.world import all_switched_on, breaks, reconcile, today

DAY = date(2026, 11, 5)
NOON = datetime(2026, 11, 7, 12, tzinfo=UTC)
LAST_SECOND = datetime(2026, 11, 5, 23, 59, 59, tzinfo=UTC)


def a_line(reference: str, outcome: Outcome = Outcome.PAID, **columns: Any) -> Line:
    status = Status(outcome, f"T-{reference[:8]}", reference, Money(2500, "XAF"), word=outcome.value)
    return Line(replace(status, **columns), is_collection=True)


def a_try(**columns: Any) -> Try:
    reference = str(uuid4())
    ours = Try(
        attempt_id=1, payment_id=1, reference=reference, transaction_id=f"T-{reference[:8]}", state="PAID",
        payment_state="SETTLED", by_link=False, started_at=LAST_SECOND, ended_at=LAST_SECOND,
        asked=Money(2500, "XAF"), booked=Money(2500, "XAF"), fee_minor=50, refunded_minor=0, is_set_aside=False,
        gateway_payment_id="",
    )  # fmt: skip
    return replace(ours, **columns)


def look(*tries: Try, lines: list[Line], around: list[Line] | None = None, **columns: Any) -> Comparison:
    reading = Reading(day=DAY, lines=lines, around=around or [], settled=[], is_complete=True, read_at=NOON)
    return compare(replace(reading, **columns), Ours(tries, []))


def test_a_payment_of_the_last_second_may_be_listed_on_the_next_day() -> None:
    ours = a_try()
    line = a_line(ours.reference)

    of_its_day = look(ours, lines=[], around=[line])
    of_the_next = look(ours, lines=[line], day=DAY + timedelta(days=1))

    assert (of_its_day.breaks, of_its_day.lines) == ([], 0)
    assert (of_the_next.breaks, of_the_next.lines, of_the_next.matched) == ([], 1, 1)


def test_without_the_next_day_s_list_it_would_be_missing() -> None:
    assert [one.kind for one in look(a_try(), lines=[]).breaks] == ["MISSING_THERE"]


def test_one_of_the_next_day_is_not_missed_on_this_one() -> None:
    after_midnight = a_try(started_at=LAST_SECOND + timedelta(seconds=2))

    assert look(after_midnight, lines=[]).breaks == []


def test_a_break_belongs_to_the_day_of_the_line_that_counts() -> None:
    """The payer failed before midnight and paid after it, and we had given up in between."""
    ours = a_try(state="NOT_PAID", payment_state="FAILED", booked=None)
    failed, paid_after = a_line(ours.reference, Outcome.WAITING), a_line(ours.reference)

    of_its_day = look(ours, lines=[failed], around=[paid_after])
    of_the_next = look(ours, lines=[paid_after], around=[failed], day=DAY + timedelta(days=1))

    assert of_its_day.breaks == []
    assert [one.kind for one in of_the_next.breaks] == ["MISSING_HERE"]
    assert of_the_next.ended_tries == {1: paid_after.status.transaction_id}


def test_several_tries_of_one_payer_speak_together() -> None:
    ours = a_try()

    result = look(ours, lines=[a_line(ours.reference, Outcome.NOT_PAID), a_line(ours.reference)])

    assert (result.breaks, result.lines, result.matched) == ([], 1, 1)


def test_the_settlement_is_the_bill_and_the_history_only_tells_of_it() -> None:
    ours = a_try(fee_minor=None)
    line = a_line(ours.reference, fee=Money(50, "XAF"))
    bill = SettlementLine(
        "payment", "pay_1", line.status.transaction_id, ours.reference, Money(2500, "XAF"), Money(52, "XAF"), True
    )

    result = look(ours, lines=[line], settled=[bill])

    assert [fee.money.amount_minor for fee in result.fees] == [52]


def test_what_was_given_back_by_no_refund_of_ours_is_a_break() -> None:
    ours = a_try()
    line = a_line(ours.reference, refunded=Money(700, "XAF"), gateway_payment_id="pay_1")

    assert [one.kind for one in look(ours, lines=[line]).breaks] == ["REFUND"]
    assert look(replace(ours, refunded_minor=700), lines=[line]).breaks == []


def test_a_refund_of_a_payment_of_long_ago_is_known_by_its_settlement() -> None:
    ours = a_try(started_at=LAST_SECOND - timedelta(days=20))
    back = replace(a_line("", transaction_id="rfnd_1", gateway_payment_id="pay_1"), is_collection=False)
    told = SettlementLine("refund", "rfnd_1", ours.transaction_id, "", Money(2500, "XAF"), None, False)

    result = look(ours, lines=[back], settled=[told])

    assert [(one.kind, one.attempt_id) for one in result.breaks] == [("REFUND", 1)]
    assert result.strange_refunds == [(back, ours)]


def test_a_transaction_that_was_paid_twice_is_a_break_while_the_gateway_has_both() -> None:
    ours = a_try(gateway_payment_id="pay_1")
    first, second = (a_line(ours.reference, gateway_payment_id=name) for name in ("pay_1", "pay_2"))
    back = replace(a_line("", transaction_id="rfnd_1", gateway_payment_id="pay_2"), is_collection=False)
    failed = replace(back, status=replace(back.status, outcome=Outcome.NOT_PAID))
    ours_back = replace(back, status=replace(back.status, gateway_payment_id="pay_1"))

    [found] = look(ours, lines=[first, second]).breaks
    assert (found.kind, found.attempt_id, found.note) == ("MISSING_HERE", 1, "paid more than once: pay_1, pay_2")
    assert look(ours, lines=[first, second], around=[back]).breaks == []
    assert look(ours, lines=[first, first]).breaks == []
    assert [one.kind for one in look(ours, lines=[first, second, failed]).breaks] == ["MISSING_HERE"]
    # One of the two went back by itself, whichever: what is left is what we booked.
    assert "MISSING_HERE" not in {one.kind for one in look(ours, lines=[first, second, ours_back]).breaks}
    # Ours was given back by us: the other one is nobody's.
    given = replace(ours, refunded_minor=2500)
    assert "MISSING_HERE" in {one.kind for one in look(given, lines=[first, second, ours_back]).breaks}


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        ({"payment_state": "FAILED", "booked": None}, {}, ["STATE"]),
        ({"payment_state": "FAILED", "booked": None, "refunded_minor": 2500}, {}, []),
        ({"payment_state": "REVIEW", "booked": None}, {"money": None, "problem": "1.5"}, ["AMOUNT"]),
        ({"state": "SURPLUS", "booked": Money(2500, "XAF")}, {}, []),
        ({"state": "SURPLUS", "booked": Money(2400, "XAF")}, {}, ["AMOUNT"]),
        ({}, {"outcome": Outcome.UNMAPPED, "word": "HELD"}, ["STATE"]),
        ({}, {"money": Money(2500, "INR")}, ["AMOUNT"]),
    ],
)
def test_how_a_line_and_a_try_fit_together(ours: dict[str, Any], theirs: dict[str, Any], kinds: list[str]) -> None:
    one = a_try(**ours)

    assert [found.kind for found in look(one, lines=[a_line(one.reference, **theirs)]).breaks] == kinds


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("gateway", "at", "offset"),
    [
        ("campay", "T00:30:00+01:00", -1),  # half past midnight in Douala is still the day before
        ("campay", "T23:59:59Z", 0),
        ("campay", "T00:00:01+00:00", 0),
        ("cashfree", "T04:00:00+05:30", -1),  # four in the morning in India as well
        ("cashfree", "T05:30:00+05:30", 0),
    ],
)
def test_a_gateway_s_zone_says_on_which_of_our_days_a_line_is(gateway: str, at: str, offset: int) -> None:
    written = today() - timedelta(days=10)
    days = [written + timedelta(days=number) for number in (-2, -1, 0, 1)]
    row = {
        "campay": {"datetime": f"{written}{at}", "amount": "500", "status": "SUCCESSFUL", "credit": "490",
                   "reference_uuid": str(uuid4()), "debit": 0},
        "cashfree": {"event_type": "PAYMENT", "event_status": "SUCCESS", "event_time": f"{written}{at}",
                     "event_amount": 5, "event_currency": "INR", "order_id": "some-order", "order_amount": 5},
    }[gateway]  # fmt: skip

    with canned((200, {"cursor": None, "data": [row]})) as server, all_switched_on(server.url, CAMPAY_TOKEN="t"):
        for day in days:
            reconcile(gateway, day)

    found = ReconciliationBreak.objects.select_related("reconciliation")
    assert [one.reconciliation.day - written for one in found] == [timedelta(days=offset)]
    assert Reconciliation.objects.count() == 4


@pytest.mark.django_db
def test_ours_begins_before_midnight_and_theirs_after_it() -> None:
    day = today() - timedelta(days=10)
    before = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1, seconds=-1)
    payment, attempt = make_pending(gateway="campay")
    settle_batch([paid(payment)])
    Payment.objects.filter(pk=payment.pk).update(requested_at=before, settled_at=timezone.now() - timedelta(days=9))
    PaymentAttempt.objects.filter(pk=attempt.pk).update(started_at=before, transaction_id=str(uuid4()))
    row = {"datetime": f"{day + timedelta(days=1)}T00:00:01Z", "amount": "2500", "status": "SUCCESSFUL",
           "external_user": str(attempt.reference), "credit": "2450", "debit": 0,
           "reference_uuid": fresh(attempt).transaction_id}  # fmt: skip

    with canned((200, {"data": [row]})) as server, all_switched_on(server.url, CAMPAY_TOKEN="t"):
        results = [reconcile("campay", day + timedelta(days=number)) for number in (-1, 0, 1, 2)]

    assert [result.lines for result in results] == [0, 0, 1, 0]
    assert [breaks("campay", day + timedelta(days=number)) for number in (-1, 0, 1, 2)] == [[], [], [], []]
