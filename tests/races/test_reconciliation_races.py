"""Two workers at one day, and two reports of one fee."""

from functools import partial

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.models import Reconciliation
from payments.reconciliation.ask import ask_for_day, ask_for_due_days
from payments.reconciliation.facts import Fee
from payments.reconciliation.fees import book_fees
from payments.reconciliation.run import Result, reconcile_day
from payments.settle import settle_batch
from tests.factories import fresh, make_pending, paid
from tests.payments.gateways.sandbox import Sandbox
from tests.races.track import at_once, slowed
from wallets.models import Entry


def test_of_workers_that_take_up_one_day_at_once_one_does_it(sandbox: Sandbox) -> None:
    row = ask_for_day("campay", timezone.now().date())
    runs = row.runs

    with slowed("payments_reconciliation", "UPDATE", seconds=0.05):
        results = at_once(*[partial(reconcile_day, row.pk)] * 5)

    assert [type(one) for one in results].count(Result) == 1
    assert results.count(None) == 4
    assert fresh(row).runs == runs + 1


def test_a_day_that_several_ask_for_at_once_is_one_row(sandbox: Sandbox) -> None:
    Reconciliation.objects.filter(breaks=None).delete()

    with slowed("payments_reconciliation", "INSERT", seconds=0.05):
        results = at_once(*[ask_for_due_days] * 4)

    assert [one for one in results if isinstance(one, Exception)] == []
    rows = list(Reconciliation.objects.values_list("gateway", "day"))
    assert len(rows) == len(set(rows))
    assert {gateway for gateway, _ in rows} == {"fapshi", "campay", "razorpay", "cashfree"}


@pytest.mark.invariant("INV-2")
def test_a_fee_that_two_reports_tell_at_once_is_booked_once(sandbox: Sandbox) -> None:
    payment, _ = make_pending()
    settle_batch([paid(payment)])
    fee = Fee(f"payment:{payment.pk}", payment.pk, Money(50, "XAF"), is_of_payment=True)

    with slowed("wallets_entry", "INSERT"):
        results = at_once(*[partial(book_fees, "fapshi", [fee])] * 4)

    assert sorted(results) == [0, 0, 0, 1]
    assert Entry.objects.filter(reason=f"payment:{payment.pk}:fee").count() == 1
    assert fresh(payment).fee_minor == 50
