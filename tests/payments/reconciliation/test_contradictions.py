"""What no machine may mend: the gateway's list contradicts our books, and a person looks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways import get_gateway
from payments.gateways.base import CollectRequest
from payments.gateways.fapshi import SEARCH_LIMIT
from payments.models import Payment, PaymentAttempt, ReconciliationBreak
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, make_order, make_pending, make_product, make_shop, paid
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import (
    CURRENCY,
    GATEWAYS,
    breaks,
    collected,
    long_ago,
    only_break,
    phone_for,
    reconcile,
    settled,
)
from tests.payments.tricks import turned

pytestmark = pytest.mark.django_db
COMPLETE = ("fapshi", "campay", "razorpay")


@pytest.mark.parametrize("gateway", COMPLETE)
def test_a_payment_that_the_gateway_does_not_list_is_missing_there(sandbox: Sandbox, gateway: str) -> None:
    payment = settled_here_only(gateway)

    result = reconcile(gateway)

    assert breaks(gateway) == [("MISSING_THERE", "OPEN", "SETTLED", "")]
    row = only_break(gateway)
    assert (row.attempt, row.our_minor, row.their_minor) == (payment.attempts.get(), payment.amount_minor, None)
    assert (result.mended, fresh(payment).state) == (0, PaymentState.SETTLED)


def test_a_list_that_is_never_complete_proves_nothing_absent(sandbox: Sandbox) -> None:
    settled_here_only("cashfree")

    result = reconcile("cashfree")

    assert (result.breaks, breaks("cashfree")) == (0, [])


def test_a_list_of_which_a_part_did_not_come_proves_nothing_absent(sandbox: Sandbox) -> None:
    """Fapshi's search has no pages: when it is full, what falls through is not known."""
    settled_here_only("fapshi")
    fill_the_search(sandbox)

    reconcile("fapshi")

    assert "MISSING_THERE" not in [row[0] for row in breaks("fapshi")]


def test_a_payment_of_this_very_minute_may_not_be_listed_yet(sandbox: Sandbox) -> None:
    payment = settled_here_only("campay")
    Payment.objects.filter(pk=payment.pk).update(settled_at=timezone.now() - timedelta(minutes=9))

    reconcile("campay")

    assert breaks("campay") == []


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_settled_payment_is_never_changed_by_another_amount(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    other = collected(sandbox, gateway)
    # Booked with what was asked for, though the gateway collected the other one's amount.
    Payment.objects.filter(pk=other.pk).update(amount_minor=other.amount_minor + 500)
    settle_batch([paid(fresh(other))])
    before = entries_of(other)

    reconcile(gateway)

    row = only_break(gateway)
    assert (row.kind, row.state, row.our_minor - (row.their_minor or 0)) == ("AMOUNT", "OPEN", 500)  # type: ignore[operator]
    told = entries_of(other)
    assert {name: told[name] for name in before} == before
    assert (told.keys() - before.keys(), fresh(other).state) == ({"fee"}, PaymentState.SETTLED)
    assert fresh(payment).state == PaymentState.SETTLED


@pytest.mark.parametrize(("gateway", "word"), [("fapshi", "FAILED"), ("campay", "FAILED"), ("razorpay", "failed")])
def test_a_payment_that_they_call_failed_and_we_settled_is_a_break(sandbox: Sandbox, gateway: str, word: str) -> None:
    payment = collected(sandbox, gateway, state="failed", knobs={"refusal_rate": 1})
    settle_batch([paid(payment)])
    long_ago(payment)

    reconcile(gateway)

    assert breaks(gateway) == [("STATE", "OPEN", "SETTLED", word)]
    assert fresh(payment).state == PaymentState.SETTLED


@pytest.mark.parametrize("gateway", COMPLETE)
def test_a_break_that_is_no_more_is_mended_by_the_next_run(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    long_ago(payment)
    attempt = payment.attempts.get()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(transaction_id="lost", reference="0" * 32)
    reconcile(gateway)
    assert {row[:2] for row in breaks(gateway)} == {("MISSING_THERE", "OPEN"), ("MISSING_HERE", "OPEN")}

    attempt.save()
    reconcile(gateway)
    assert {row[1] for row in breaks(gateway)} == {"MENDED"}

    PaymentAttempt.objects.filter(pk=attempt.pk).update(transaction_id="lost", reference="0" * 32)
    reconcile(gateway)
    assert {row[1] for row in breaks(gateway)} == {"OPEN"}
    assert not ReconciliationBreak.objects.filter(closed_at__isnull=False).exists()


def test_a_list_that_is_not_complete_closes_no_break_by_what_it_leaves_out(sandbox: Sandbox) -> None:
    payment = settled_here_only("fapshi")
    reconcile("fapshi")
    fill_the_search(sandbox)

    reconcile("fapshi")

    row = ReconciliationBreak.objects.get(attempt__payment=payment)
    assert (row.kind, row.state) == ("MISSING_THERE", "OPEN")


def fill_the_search(sandbox: Sandbox) -> None:
    with turned(sandbox, "fapshi", approval_delay_ms=3_600_000):
        for _ in range(SEARCH_LIMIT):
            reference = str(uuid4())
            get_gateway("fapshi").collect(CollectRequest(reference, Money(500, "XAF"), phone_for("fapshi"), "waits"))


def settled_here_only(gateway: str) -> Payment:
    product = make_product(shop=make_shop(currency=CURRENCY[gateway]))
    payment, _ = make_pending(order=make_order(lines=[(product, 1)]), gateway=gateway)
    settle_batch([paid(payment)])
    assert payment.attempts.get().state == AttemptState.PAID
    long_ago(payment)
    return fresh(payment)
