"""The proof of refunds: every kind of break that it names, planted and found.

What the database refuses is planted with its constraint or trigger dropped, in the test's own transaction.
"""
# ruff: noqa: S608 - the numbers in these statements are primary keys

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from notifications.models import Notification, Preference
from payments.models import Refund
from payments.prove import find_breaks
from payments.prove_refunds import CHECKS
from payments.refunds.take_up import fail, finish
from payments.states import RefundState
from tests.payments.refunds.world import (
    PART_MINOR,
    settled,
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
        "refund_came_back",
        "out",
        lambda r: [f"UPDATE payments_refund SET failure_code = 'came_back' WHERE id = {r.pk}"],
    ),
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


@pytest.mark.parametrize("state", [RefundState.QUEUED, RefundState.REQUESTED, RefundState.PENDING])
def test_names_what_waits_and_is_never_due(refunds: dict[str, Refund], state: RefundState) -> None:
    run(
        "ALTER TABLE payments_refund DROP CONSTRAINT refund_waits_or_has_ended",
        f"UPDATE payments_refund SET state = '{state}', requested_at = now(), next_attempt_at = NULL "
        f"WHERE id = {refunds['waiting'].pk}",
    )

    assert list(find_breaks()) == ["refund_overdue"]


def test_names_what_is_asked_about_for_ever(refunds: dict[str, Refund]) -> None:
    """CamPay shows no payout whose answer was lost, and its silence proves nothing."""
    waiting, now = Refund.objects.filter(pk=refunds["waiting"].pk), timezone.now()
    within = timedelta(seconds=settings.PAYMENT_OUTCOME_WITHIN_SECONDS)
    soon = now + timedelta(minutes=10)
    waiting.update(state=RefundState.REQUESTED, requested_at=now - within + timedelta(minutes=1), next_attempt_at=soon)
    assert find_breaks() == {}

    waiting.update(requested_at=now - within - timedelta(minutes=1))

    assert list(find_breaks()) == ["refund_overdue"]


def test_names_what_is_sent_again_for_ever(refunds: dict[str, Refund]) -> None:
    waiting, now = Refund.objects.filter(pk=refunds["waiting"].pk), timezone.now()
    before = now - timedelta(seconds=settings.PAYMENT_OUTCOME_WITHIN_SECONDS + 60)
    waiting.update(state=RefundState.REQUESTED, requested_at=now, next_attempt_at=now + timedelta(minutes=10))
    waiting.update(created_at=before, asks_made=5)
    assert find_breaks() == {}

    waiting.update(asks_made=6)

    assert list(find_breaks()) == ["refund_overdue"]


def test_who_wants_no_text_messages_need_not_have_had_one(refunds: dict[str, Refund]) -> None:
    refund = refunds["out"]
    Preference.objects.create(user=refund.payment.user, by_sms=False)
    run(f"DELETE FROM notifications_notification WHERE about = 'refund:{refund.pk}'")

    assert find_breaks() == {}


def test_every_kind_of_break_has_a_test() -> None:
    assert set(CHECKS) == {name for name, _, _ in BREAKS} | {"refund_overdue"}


def test_a_message_that_was_kept_for_long_enough_may_be_gone(refunds: dict[str, Refund]) -> None:
    Notification.objects.filter(about=f"refund:{refunds['out'].pk}").delete()

    given_at = timezone.now() - timedelta(days=settings.NOTIFICATIONS_KEPT_FOR_DAYS)
    Refund.objects.filter(pk=refunds["out"].pk).update(finished_at=given_at)

    assert find_breaks() == {}
