"""The proof of refunds against the sandbox's own books: every kind of break that it names, planted and found."""
# ruff: noqa: S608 - the numbers in these statements are primary keys

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payments.models import Refund
from payments.prove_gateways import Comparison, compare_sandbox
from payments.refunds.take_up import fail, finish, take_up_refund
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    BY_PAYOUT,
    GATEWAYS,
    asked,
    says_outside,
    sent,
    to_its_end,
)

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-3")]


KEEP = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_keep"
RULE = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_capture"


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


def compare(sandbox: Sandbox) -> Comparison:
    """Only what is said of refunds: other tests' payments are gone with their transactions, and still in its books."""
    return compare_sandbox(sandbox.url)


@pytest.fixture
def fresh_books(paying: Sandbox) -> Sandbox:
    paying.ask("POST", "/control/reset", {"seed": 1})
    return paying


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_agrees_when_each_refund_was_given_once(fresh_books: Sandbox, gateway: str) -> None:
    refund = asked(fresh_books, gateway)
    row = sent(refund)
    assert (row if row.finished_at else to_its_end(row)).state == "REFUNDED"
    asked(fresh_books, gateway)

    comparison = compare(fresh_books)

    assert (comparison.breaks, comparison.lost, comparison.doubled) == ({}, 0, 0)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_money_on_its_way_is_not_lost(fresh_books: Sandbox, gateway: str) -> None:
    """Given there; we have not heard of it, but are going to ask."""
    refund = sent(asked(fresh_books, gateway, error_after_capture_rate=1))
    assert refund.state == "REQUESTED"

    assert compare(fresh_books).breaks == {}


def given(sandbox: Sandbox, gateway: str) -> Refund:
    row = sent(asked(sandbox, gateway))
    row = row if row.finished_at else to_its_end(row)
    assert row.state == "REFUNDED"
    return row


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_names_what_was_given_there_and_not_here(fresh_books: Sandbox, gateway: str) -> None:
    refund = given(fresh_books, gateway)
    run(KEEP, f"DELETE FROM payments_refund WHERE id = {refund.pk}")

    comparison = compare(fresh_books)

    assert list(comparison.breaks) == [f"{gateway}_refunded_not_booked"]
    assert (comparison.lost, comparison.doubled) == (1, 0)


def test_names_what_was_given_there_and_booked_back_here(fresh_books: Sandbox) -> None:
    refund = given(fresh_books, "razorpay")
    fail(refund, code="not_given", problem="a person was wrong")

    comparison = compare(fresh_books)

    [[place]] = comparison.breaks.values()
    assert place.endswith(f"refund {refund.pk} is FAILED, and booked back")
    assert comparison.lost == 1


def test_names_another_amount(fresh_books: Sandbox) -> None:
    refund = given(fresh_books, "campay")
    run(RULE, f"UPDATE payments_refund SET amount_minor = 1 WHERE id = {refund.pk}")

    comparison = compare(fresh_books)

    [[place]] = comparison.breaks.values()
    assert place.endswith(f"refund {refund.pk} has booked 1 XAF")
    assert comparison.lost == 1


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", BY_PAYOUT)
def test_names_what_went_out_twice(fresh_books: Sandbox, gateway: str) -> None:
    """By a payout each, as if we had asked twice for one row."""
    first, second = given(fresh_books, gateway), given(fresh_books, gateway)
    run(
        KEEP,
        f"DELETE FROM payments_refund WHERE id = {second.pk}",
        f"UPDATE payments_refund SET reference = '{second.reference}' WHERE id = {first.pk}",
    )

    comparison = compare(fresh_books)

    assert comparison.breaks[f"{gateway}_refunded_twice"] == [f"refund {first.pk} was given 2 times"]
    assert comparison.doubled == 1


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_names_what_was_given_here_and_not_there(fresh_books: Sandbox, gateway: str) -> None:
    refund = asked(fresh_books, gateway)
    finish(refund)

    comparison = compare(fresh_books)

    assert list(comparison.breaks) == [f"{gateway}_booked_not_refunded"]
    assert (comparison.lost, comparison.doubled) == (0, 0)


def test_what_was_given_before_the_sandbox_began_is_not_compared(fresh_books: Sandbox) -> None:
    refund = asked(fresh_books, "razorpay")
    finish(refund)
    Refund.objects.filter(pk=refund.pk).update(created_at=timezone.now() - timedelta(hours=1))

    assert compare(fresh_books).breaks == {}


def test_one_that_was_given_after_it_had_failed_counts_once(fresh_books: Sandbox) -> None:
    refund = given(fresh_books, "razorpay")
    fail(refund, code="not_given", problem="a person was wrong")
    said = says_outside(refund.payment, gateway_refund_id=refund.gateway_refund_id, reference=str(refund.reference))
    take_up_refund("razorpay", said)

    assert Refund.objects.filter(payment=refund.payment).count() == 2
    assert compare(fresh_books).breaks == {}
    assert fresh(refund).state == "FAILED"
