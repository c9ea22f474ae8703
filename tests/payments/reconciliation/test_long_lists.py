"""A day of thousands of lines: seconds, and as many questions to the database as a day of a hundred."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from choptym.lib.money import Money
from payments.facts import Paid
from payments.models import Payment, PaymentAttempt, ReconciliationBreak
from payments.settle import settle_batch
from tests.factories import make_user
from tests.payments.gateways.sandbox import canned
from tests.payments.reconciliation.world import all_switched_on, reconcile, today

LINES = 2000
BROKEN = 200  # of them another amount
STRANGE = 100
MISSING = 50

pytestmark = pytest.mark.django_db


def test_two_thousand_lines_in_a_few_seconds() -> None:
    day = today() - timedelta(days=2)
    tries = settled_topups(LINES, datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12))
    rows = [row_of(one, day, amount=501 if number < BROKEN else 500) for number, one in enumerate(tries[MISSING:])]
    rows += [{**rows[0], "amount": "900", "reference_uuid": str(uuid4()), "external_user": ""} for _ in range(STRANGE)]
    answers = (200, {"data": rows})

    with canned(answers) as server, all_switched_on(server.url, CAMPAY_TOKEN="t"):
        began = time.process_time()
        with CaptureQueriesContext(connection) as asked:
            result = reconcile("campay", day)
        seconds = time.process_time() - began

    assert (result.lines, result.breaks) == (LINES + STRANGE, BROKEN + STRANGE + MISSING)
    assert result.matched == LINES - BROKEN - MISSING
    kinds = list(ReconciliationBreak.objects.order_by("kind").values_list("kind", flat=True))
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "AMOUNT": BROKEN, "MISSING_HERE": STRANGE, "MISSING_THERE": MISSING,
    }  # fmt: skip
    assert result.fees == LINES - MISSING
    assert len(asked) < 120, len(asked)
    # Of our own processor: others may have the machine. 2 as a rule.
    assert seconds < 15, seconds


def settled_topups(count: int, at: datetime) -> list[PaymentAttempt]:
    user = make_user()
    columns: dict[str, Any] = {
        "user": user, "kind": "TOPUP", "gateway": "campay", "amount_minor": 500, "currency": "XAF", "priority": 1,
        "state": "PENDING", "next_attempt_at": at, "requested_at": at, "expires_at": timezone.now(), "phone": "",
    }  # fmt: skip
    payments = Payment.objects.bulk_create([Payment(**columns) for _ in range(count)])
    tries = PaymentAttempt.objects.bulk_create(
        [
            PaymentAttempt(payment=one, number=1, gateway="campay", state="ACCEPTED", transaction_id=str(uuid4()))
            for one in payments
        ]
    )
    settle_batch([Paid(one.payment_id, one.pk, Money(500, "XAF")) for one in tries])
    PaymentAttempt.objects.filter(payment__in=payments).update(started_at=at)
    Payment.objects.filter(user=user).update(settled_at=at)
    return tries


def row_of(attempt: PaymentAttempt, day: object, *, amount: int) -> dict[str, Any]:
    return {
        "datetime": f"{day}T12:00:00Z", "amount": str(amount), "status": "SUCCESSFUL", "debit": 0,
        "credit": f"{amount - 10}.00", "external_user": str(attempt.reference),
        "reference_uuid": attempt.transaction_id,
    }  # fmt: skip
