"""The file for a spreadsheet."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from payments.models import ReconciliationBreak
from payments.reconciliation.export import COLUMNS, export_breaks, harmless
from tests.factories import make_attempt, make_payment
from tests.payments.reconciliation.world import asked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]
AT = datetime(2026, 11, 5, 8, 30, tzinfo=UTC)


def test_its_content_to_the_letter() -> None:
    row = asked("razorpay")
    attempt = make_attempt(make_payment())
    known = ReconciliationBreak.objects.create(
        reconciliation=row, kind="AMOUNT", transaction_id="order_1", reference=str(attempt.reference), attempt=attempt,
        our_minor=50_005, our_currency="INR", our_word="SETTLED", their_minor=50_000, their_currency="INR",
        their_word="captured", note='of "two" plates, cold',
    )  # fmt: skip
    unknown = ReconciliationBreak.objects.create(
        reconciliation=row, kind="MISSING_HERE", state="CLOSED", transaction_id="T2", their_minor=2500,
        their_currency="XAF", their_word="SUCCESSFUL", closed_at=AT, note="=HYPERLINK(1)",
    )  # fmt: skip
    ReconciliationBreak.objects.filter(pk__in=[known.pk, unknown.pk]).update(found_at=AT, seen_at=AT)

    day = row.day.isoformat()
    assert "".join(export_breaks(row)) == (
        "gateway,day,kind,state,transaction,reference,payment,refund,our_state,our_amount,our_currency,their_state,"
        "their_amount,their_currency,note,found_at,seen_at,closed_at\r\n"
        f"razorpay,{day},AMOUNT,OPEN,order_1,{attempt.reference},{attempt.payment_id},,SETTLED,500.05,INR,captured,"
        '500.00,INR,"of ""two"" plates, cold",2026-11-05T08:30:00+00:00,2026-11-05T08:30:00+00:00,\r\n'
        f"razorpay,{day},MISSING_HERE,CLOSED,T2,,,,,,,SUCCESSFUL,2500,XAF,'=HYPERLINK(1),2026-11-05T08:30:00+00:00,"
        "2026-11-05T08:30:00+00:00,2026-11-05T08:30:00+00:00\r\n"
    )


def test_a_day_without_breaks_is_a_head_only() -> None:
    assert list(csv.reader(StringIO("".join(export_breaks(asked("campay")))))) == [list(COLUMNS)]


@pytest.mark.parametrize("cell", ["=1+1", "+237677", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "\n=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "500.00", "T1-2", "order_1", "a = b"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell
