"""What gateways kept: booked once, when they tell it, and never changed without a person."""

from datetime import timedelta

import pytest
from django.db import transaction

from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from payments.models import Payment, ReconciliationBreak
from payments.prove import find_breaks
from payments.reconciliation.correct import correct_fee
from payments.reconciliation.facts import Fee
from payments.reconciliation.fees import book_fees, fee_posting
from payments.settle import settle_batch
from payments.states import AttemptState
from tests.factories import fresh, paid
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import GATEWAYS, breaks, collected, only_break, reconcile, settled, today
from tests.payments.staff import acts_about, make_staff
from tests.payments.tricks import booked, turned
from wallets.models import Entry
from wallets.post import post_entries

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-3")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_every_gateway_s_fee_is_in_the_books_after_its_day_was_compared(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)

    reconcile(gateway)

    [entry] = booked(sandbox, payment)
    assert entry["fee_minor"] > 0
    assert entries_of(payment)["fee"] == (f"fees:{gateway}", f"gateway:{gateway}", entry["fee_minor"])
    assert fresh(payment).fee_minor == entry["fee_minor"]
    assert breaks(gateway) == []
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_a_fee_that_only_settlements_tell_is_booked_once(sandbox: Sandbox) -> None:
    payment = settled(sandbox, "cashfree")
    assert "fee" not in entries_of(payment)

    results = [reconcile("cashfree") for _ in range(3)]

    assert [result.fees for result in results] == [1, 0, 0]
    assert Entry.objects.filter(reason__startswith=f"payment:{payment.pk}:fee").count() == 1


def test_a_fee_booked_at_the_settlement_is_not_booked_again(sandbox: Sandbox) -> None:
    payment = settled(sandbox, "cashfree")
    fee = Fee(f"payment:{payment.pk}", payment.pk, Money(1000, "INR"), is_of_payment=True)

    assert [book_fees("cashfree", [fee]), book_fees("cashfree", [fee])] == [1, 0]
    assert entries_of(payment)["fee"][2] == 1000


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("prefix", ["refund:7", "attempt:7"])
def test_nor_is_one_that_its_payment_does_not_tell_of(sandbox: Sandbox, prefix: str) -> None:
    payment = settled(sandbox, "razorpay")
    fee = Fee(prefix, payment.pk, Money(1000, "INR"), is_of_payment=False)

    assert [book_fees("razorpay", [fee]), book_fees("razorpay", [fee])] == [1, 0]


def test_a_fee_of_which_two_days_tell_is_one_break(sandbox: Sandbox) -> None:
    with_another_fee(sandbox, "cashfree")
    reconcile("cashfree")

    reconcile("cashfree", today() - timedelta(days=1))
    reconcile("cashfree")

    row = only_break("cashfree")
    assert (row.kind, row.state, row.reconciliation.day) == ("FEE", "OPEN", today())


def test_no_fee_of_a_payment_that_is_not_settled_is_booked(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "cashfree")
    fee = Fee(f"payment:{payment.pk}", payment.pk, Money(1000, "INR"), is_of_payment=True)

    assert book_fees("cashfree", [fee]) == 0
    assert (entries_of(payment), fresh(payment).fee_minor) == ({}, None)


def test_no_fee_at_all_is_noted_without_an_entry(sandbox: Sandbox) -> None:
    with turned(sandbox, "cashfree", fee_basis_points=0):
        payment = settled(sandbox, "cashfree")
        reconcile("cashfree")
        again = reconcile("cashfree")

    assert (fresh(payment).fee_minor, again.fees) == (0, 0)
    assert "fee" not in entries_of(payment)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_another_fee_than_is_booked_is_a_break_and_changes_nothing(sandbox: Sandbox, gateway: str) -> None:
    payment = with_another_fee(sandbox, gateway)
    [entry] = booked(sandbox, payment)

    reconcile(gateway)
    reconcile(gateway)

    row = only_break(gateway)
    assert (row.kind, row.state, row.our_minor, row.their_minor) == ("FEE", "OPEN", 3, entry["fee_minor"])
    assert (entries_of(payment)["fee"][2], fresh(payment).fee_minor) == (3, 3)


@pytest.mark.parametrize("gateway", ["fapshi", "razorpay", "cashfree"])
@pytest.mark.invariant("INV-10")
def test_staff_book_the_difference_as_a_new_entry(sandbox: Sandbox, gateway: str) -> None:
    payment = with_another_fee(sandbox, gateway)
    [told] = booked(sandbox, payment)
    reconcile(gateway)
    actor = make_staff("finance")

    correct_fee(only_break(gateway).pk, actor_id=actor.pk, reason="the contract says so")
    with pytest.raises(NotAllowed):
        correct_fee(only_break(gateway).pk, actor_id=actor.pk, reason="again")
    reconcile(gateway)

    corrections = Entry.objects.filter(reason__startswith=f"payment:{payment.pk}:fee_correction")
    assert [entry.amount_minor for entry in corrections] == [told["fee_minor"] - 3]
    assert entries_of(payment)["fee"][2] == 3
    assert fresh(payment).fee_minor == told["fee_minor"]
    assert only_break(gateway).state == "MENDED"
    assert acts_about(f"payment:{payment.pk}") == [(actor.username, "correct_fee", "the contract says so")]


def test_a_fee_that_was_booked_too_high_goes_back(sandbox: Sandbox) -> None:
    payment = with_another_fee(sandbox, "campay", fee_minor=900)
    [told] = booked(sandbox, payment)
    reconcile("campay")

    correct_fee(only_break("campay").pk, actor_id=make_staff().pk, reason="the bill is right")
    reconcile("campay")

    correction = Entry.objects.get(reason=f"payment:{payment.pk}:fee_correction:1")
    assert (correction.debit.name, correction.credit.name) == ("gateway:campay", "fees:campay")
    assert correction.amount_minor == 900 - told["fee_minor"]
    assert only_break("campay").state == "MENDED"


def test_an_entry_made_meanwhile_counts_when_the_difference_is_booked(sandbox: Sandbox) -> None:
    payment = with_another_fee(sandbox, "fapshi")
    [told] = booked(sandbox, payment)
    reconcile("fapshi")
    with transaction.atomic():
        post_entries([fee_posting("fapshi", Money(10, "XAF"), f"payment:{payment.pk}:fee_correction:1")])
    correct_fee(only_break("fapshi").pk, actor_id=make_staff().pk, reason="the rest")

    parts = Entry.objects.filter(reason__startswith=f"payment:{payment.pk}:fee")
    assert sum(entry.amount_minor for entry in parts) == told["fee_minor"]


def test_a_break_about_something_else_is_no_fee_to_book(sandbox: Sandbox) -> None:
    collected(sandbox, "fapshi")
    reconcile("fapshi")

    with pytest.raises(NotAllowed):
        correct_fee(ReconciliationBreak.objects.get().pk, actor_id=make_staff().pk, reason="no")


def test_a_surplus_has_a_fee_too(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "cashfree")
    first = payment.attempts.get()
    type(first).objects.filter(pk=first.pk).update(state=AttemptState.NOT_PAID)
    other = type(first).objects.create(payment=payment, number=2, gateway="cashfree", transaction_id="before")
    settle_batch([paid(payment, attempt_id=other.pk)])

    reconcile("cashfree")
    reconcile("cashfree")

    [told] = booked(sandbox, payment)
    assert Entry.objects.get(reason=f"attempt:{first.pk}:fee").amount_minor == told["fee_minor"]
    assert "fee" not in entries_of(payment)


def with_another_fee(sandbox: Sandbox, gateway: str, *, fee_minor: int = 3) -> Payment:
    payment = collected(sandbox, gateway)
    settle_batch([paid(payment, fee=Money(fee_minor, payment.currency))])
    return payment
