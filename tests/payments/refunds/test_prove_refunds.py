"""The proof of refunds: every kind of break that it names, planted and found.

What the database refuses is planted with its constraint or trigger dropped, in the test's own transaction.
"""
# ruff: noqa: S608 - the numbers in these statements are primary keys

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications.models import Preference
from payments.models import Refund
from payments.prove import find_breaks
from payments.prove_gateways import Comparison, compare_sandbox
from payments.prove_refunds import CHECKS
from payments.refunds.take_up import fail, finish, take_up_refund
from payments.states import RefundState
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    BY_PAYOUT,
    GATEWAYS,
    PART_MINOR,
    asked,
    says_outside,
    sent,
    settled,
    to_its_end,
    write,
)

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-3")]

APPEND = "ALTER TABLE wallets_entry DISABLE TRIGGER entry_append_only"
KEEP = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_keep"
RULE = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_capture"


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


def entry(refund: Refund, name: str) -> str:
    return f"reason = 'refund:{refund.pk}:{name}'"


def swap(refund: Refund, name: str) -> str:
    return f"UPDATE wallets_entry SET debit_id = credit_id, credit_id = debit_id WHERE {entry(refund, name)}"


# Each plants one break around a refund that was given, through a gateway ("out"), into the wallet, or that failed.
BREAKS: list[tuple[str, str, Callable[[Refund], list[str]]]] = [
    ("refund_without_entries", "out", lambda r: [APPEND, f"DELETE FROM wallets_entry WHERE {entry(r, 'out')}"]),
    (
        "refund_without_entries",
        "out",
        lambda r: [APPEND, f"UPDATE wallets_entry SET amount_minor = amount_minor - 1 WHERE {entry(r, 'out')}"],
    ),
    ("refund_without_entries", "out", lambda r: [APPEND, swap(r, "out")]),
    ("refund_without_entries", "out", lambda r: [APPEND, swap(r, "given")]),
    (
        "refund_without_entries",
        "out",
        lambda r: [APPEND, f"UPDATE wallets_entry SET amount_minor = amount_minor + 1 WHERE {entry(r, 'given')}"],
    ),
    ("refund_without_entries", "wallet", lambda r: [APPEND, f"DELETE FROM wallets_entry WHERE {entry(r, 'given')}"]),
    (
        "refund_without_entries",
        "wallet",
        lambda r: [f"UPDATE payments_refund SET way = 'GATEWAY', gateway = 'razorpay' WHERE id = {r.pk}"],
    ),
    (
        "refund_without_entries",
        "out",
        lambda r: [f"UPDATE payments_refund SET way = 'WALLET', gateway = '' WHERE id = {r.pk}"],
    ),
    ("refund_given_wrong", "out", lambda r: [APPEND, f"DELETE FROM wallets_entry WHERE {entry(r, 'given')}"]),
    (
        "refund_given_wrong",
        "out",
        lambda r: [
            APPEND,
            f"UPDATE wallets_entry SET amount_minor = 1 WHERE reason = 'payment:{r.payment_id}:sale'",
        ],
    ),
    (
        "refund_entry_without_row",
        "out",
        lambda r: [APPEND, f"UPDATE wallets_entry SET reason = 'refund:0:out' WHERE {entry(r, 'out')}"],
    ),
    ("refund_entry_without_row", "out", lambda r: [KEEP, f"DELETE FROM payments_refund WHERE id = {r.pk}"]),
    (
        "failed_refund_not_booked_back",
        "failed",
        lambda r: [APPEND, f"DELETE FROM wallets_entry WHERE {entry(r, 'out_back')}"],
    ),
    (
        "failed_refund_not_booked_back",
        "failed",
        lambda r: [APPEND, f"UPDATE wallets_entry SET amount_minor = 1 WHERE {entry(r, 'given_back')}"],
    ),
    ("failed_refund_not_booked_back", "failed", lambda r: [APPEND, swap(r, "out_back")]),
    (
        "failed_refund_not_booked_back",
        "failed",
        lambda r: [f"UPDATE payments_refund SET state = 'REFUNDED' WHERE id = {r.pk}"],
    ),
    (
        "failed_refund_not_booked_back",
        "out",
        lambda r: [f"UPDATE payments_refund SET state = 'FAILED' WHERE id = {r.pk}"],
    ),
    (
        "refund_above_capture",
        "out",
        lambda r: [RULE, f"UPDATE payments_refund SET amount_minor = 50001 WHERE id = {r.pk}"],
    ),
    (
        "refund_above_capture",
        "out",
        lambda r: [f"UPDATE payments_paymentattempt SET state = 'NOT_PAID' WHERE id = {r.attempt_id}"],
    ),
    ("refund_above_capture", "out", lambda r: [RULE, f"UPDATE payments_refund SET currency = 'XAF' WHERE id = {r.pk}"]),
    (
        "refunded_without_message",
        "out",
        lambda r: [f"DELETE FROM notifications_notification WHERE about = 'refund:{r.pk}'"],
    ),
    (
        "refunded_without_message",
        "wallet",
        lambda r: [f"UPDATE notifications_notification SET kind = 'payment_refunded' WHERE about = 'refund:{r.pk}'"],
    ),
]


@pytest.fixture
def refunds(silent: None) -> dict[str, Refund]:
    """One of each kind. Nothing is wrong yet."""
    made = {
        "out": write(settled(), PART_MINOR),
        "wallet": write(settled(), PART_MINOR, to_wallet=True),
        "failed": write(settled(), PART_MINOR),
        "waiting": write(settled(), PART_MINOR),
    }
    finish(made["out"])
    fail(made["failed"], code="refund_refused", problem="")
    assert find_breaks() == {}
    return made


@pytest.mark.parametrize(("name", "kind", "plant"), BREAKS, ids=[f"{name}-{kind}" for name, kind, _ in BREAKS])
def test_names_the_break_and_its_place(
    refunds: dict[str, Refund], name: str, kind: str, plant: Callable[[Refund], list[str]]
) -> None:
    run(*plant(refunds[kind]))

    breaks = find_breaks()

    assert name in breaks
    assert 1 <= len(breaks[name]) <= 2  # a refund has up to two entries


@pytest.mark.parametrize("state", [RefundState.QUEUED, RefundState.REQUESTED, RefundState.PENDING])
def test_names_what_is_overdue(refunds: dict[str, Refund], state: RefundState) -> None:
    waiting = Refund.objects.filter(pk=refunds["waiting"].pk)
    waiting.update(state=state, requested_at=timezone.now())
    waiting.update(next_attempt_at=timezone.now() - timedelta(minutes=4))
    assert find_breaks() == {}

    waiting.update(next_attempt_at=timezone.now() - timedelta(minutes=6))

    assert list(find_breaks()) == ["refund_overdue"]


def test_who_wants_no_text_messages_need_not_have_had_one(refunds: dict[str, Refund]) -> None:
    refund = refunds["out"]
    Preference.objects.create(user=refund.payment.user, by_sms=False)
    run(f"DELETE FROM notifications_notification WHERE about = 'refund:{refund.pk}'")

    assert find_breaks() == {}


def test_every_kind_of_break_has_a_test() -> None:
    assert set(CHECKS) == {name for name, _, _ in BREAKS} | {"refund_overdue"}


# Against the sandbox's own books.


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
