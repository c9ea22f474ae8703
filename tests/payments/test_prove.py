"""The proof of the books: every kind of break that it names, planted and found.

What the database refuses is planted with its constraint or trigger dropped, in the test's own transaction.
"""
# ruff: noqa: S608 - the numbers in these statements are primary keys

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from notifications.models import Preference
from payments import prove, prove_refunds
from payments.models import DeadLetter, Payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, give_money, make_attempt, make_order, make_payment, make_pending, paid
from wallets import prove as wallets_prove

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-3")]


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


DROP_APPEND_ONLY = "DROP TRIGGER entry_append_only ON wallets_entry"


@pytest.fixture
def settled() -> Payment:
    """A payment with its order, as settlement leaves them. Nothing is wrong yet."""
    payment, _ = make_pending()
    give_money(payment.user, 900)
    settle_batch([paid(payment)])
    assert prove.find_breaks() == {}
    return fresh(payment)


def capture(payment: Payment) -> str:
    return f"reason = 'payment:{payment.pk}:capture'"


# Each plants one break around a settled payment.
BREAKS: dict[str, Callable[[Payment], list[str]]] = {
    "wallet_balance": lambda payment: [
        f"UPDATE wallets_account SET balance_minor = balance_minor + 1 WHERE user_id = {payment.user_id}"
    ],
    "wallet_negative": lambda payment: [
        "ALTER TABLE wallets_account DROP CONSTRAINT account_customer_never_negative",
        f"UPDATE wallets_account SET balance_minor = -1 WHERE user_id = {payment.user_id}",
    ],
    "entry_currency": lambda payment: [
        DROP_APPEND_ONLY,
        (
            "ALTER TABLE wallets_entry DROP CONSTRAINT entry_debit_same_currency, "
            "DROP CONSTRAINT entry_credit_same_currency"
        ),
        f"UPDATE wallets_entry SET currency = 'INR' WHERE {capture(payment)}",
    ],
    "entry_amount": lambda payment: [
        DROP_APPEND_ONLY,
        "ALTER TABLE wallets_entry DROP CONSTRAINT entry_amount_positive",
        f"UPDATE wallets_entry SET amount_minor = 0 WHERE {capture(payment)}",
    ],
    "entry_twice": lambda payment: [
        "ALTER TABLE wallets_entry DROP CONSTRAINT wallets_entry_reason_key",
        (
            f"INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) "
            "SELECT debit_id, credit_id, amount_minor, currency, reason, now() FROM wallets_entry "
            f"WHERE {capture(payment)}"
        ),
    ],
    "settled_without_capture": lambda payment: [
        DROP_APPEND_ONLY,
        f"DELETE FROM wallets_entry WHERE {capture(payment)}",
    ],
    "capture_at_another_gateway": lambda payment: [
        f"UPDATE payments_paymentattempt SET gateway = 'campay' WHERE payment_id = {payment.pk}"
    ],
    "settled_otherwise_undecided": lambda payment: [
        DROP_APPEND_ONLY,
        f"UPDATE payments_paymentattempt SET collected_minor = 2600 WHERE payment_id = {payment.pk}",
        f"UPDATE wallets_entry SET amount_minor = 2600 WHERE {capture(payment)}",
    ],
    "sale_not_covered": lambda payment: [
        DROP_APPEND_ONLY,
        f"UPDATE wallets_entry SET amount_minor = 2400 WHERE {capture(payment)}",
    ],
    "allowance_unfounded": lambda payment: [
        (
            "INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) "
            f"SELECT credit_id, debit_id, 100, currency, 'payment:{payment.pk}:allowance', now() FROM wallets_entry "
            f"WHERE reason = 'payment:{payment.pk}:sale'"
        )
    ],
    "capture_without_settled": lambda payment: [
        f"UPDATE payments_payment SET state = 'REVIEW', settled_at = NULL WHERE id = {payment.pk}"
    ],
    "tally": lambda payment: [f"UPDATE payments_tallystep SET change = 2 WHERE gateway = '{payment.gateway}'"],
    "paid_order_without_sale": lambda payment: [
        DROP_APPEND_ONLY,
        f"DELETE FROM wallets_entry WHERE reason = 'payment:{payment.pk}:sale'",
    ],
    "sale_without_paid_order": lambda payment: [
        (
            "UPDATE orders_order SET state = 'CANCELLED', cancelled_at = now(), paid_at = NULL "
            f"WHERE id = {payment.order_id}"
        )
    ],
    "order_total": lambda payment: [
        f"UPDATE orders_orderitem SET unit_price_minor = unit_price_minor - 1 WHERE order_id = {payment.order_id}"
    ],
    "payment_amount": lambda payment: [
        f"UPDATE payments_payment SET amount_minor = amount_minor - 1 WHERE id = {payment.pk}"
    ],
    "order_items": lambda payment: [
        f"UPDATE orders_orderitem SET state = 'RESERVED' WHERE order_id = {payment.order_id}"
    ],
    "stock": lambda payment: [
        (
            "UPDATE orders_product SET stock_sold = 0, stock_on_hand = 10 WHERE id = "
            f"(SELECT product_id FROM orders_orderitem WHERE order_id = {payment.order_id})"
        )
    ],
    "surplus_not_booked": lambda payment: [
        (
            "INSERT INTO payments_paymentattempt (payment_id, number, reference, gateway, state, transaction_id, "
            "link, instructions, collected_minor, collected_currency, started_at, request, response, problem) "
            "SELECT payment_id, 2, gen_random_uuid(), gateway, 'SURPLUS', '', '', '', 2500, 'XAF', now(), "
            f"'{{}}', '{{}}', '' FROM payments_paymentattempt WHERE payment_id = {payment.pk}"
        )
    ],
    "two_captures": lambda payment: [
        "DROP INDEX attempt_one_may_charge",
        (
            "INSERT INTO payments_paymentattempt (payment_id, number, reference, gateway, state, transaction_id, "
            "link, instructions, collected_currency, started_at, request, response, problem) "
            "SELECT payment_id, 2, gen_random_uuid(), gateway, state, '', '', '', '', now(), '{}', '{}', '' "
            f"FROM payments_paymentattempt WHERE payment_id = {payment.pk}"
        ),
    ],
    "credit_unfounded": lambda payment: [
        (
            "INSERT INTO wallets_account (name, currency, opened_at) VALUES ('refunds', 'XAF', now()) "
            "ON CONFLICT DO NOTHING"
        ),
        (
            "INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) SELECT "
            "(SELECT id FROM wallets_account WHERE name = 'refunds' AND currency = 'XAF'), id, 100, 'XAF', "
            f"'credit:' || gen_random_uuid(), now() FROM wallets_account WHERE user_id = {payment.user_id}"
        ),
    ],
    "fee_not_as_told": lambda payment: [f"UPDATE payments_payment SET fee_minor = 75 WHERE id = {payment.pk}"],
    "bulk_line_without_refund": lambda payment: [
        (
            "WITH upload AS (INSERT INTO payments_bulkupload (kind, digest, file_name, reason, state, uploaded_by_id, "
            "lines_count, created_at) VALUES ('REFUNDS', 'd', 'f', 'r', 'FINISHED', "
            f"{payment.user_id}, 1, now()) RETURNING id) "
            "INSERT INTO payments_bulkline (upload_id, number, state, payment_id, currency, reason, code, message) "
            f"SELECT id, 2, 'DONE', {payment.pk}, 'XAF', 'r', '', '' FROM upload"
        )
    ],
    "settled_without_message": lambda payment: [
        f"DELETE FROM notifications_notification WHERE about = 'payment:{payment.pk}'"
    ],
}


@pytest.mark.parametrize("name", BREAKS)
def test_names_the_break_and_its_place(settled: Payment, name: str) -> None:
    run(*BREAKS[name](settled))

    breaks = prove.find_breaks()

    assert name in breaks
    assert len(breaks[name]) == 1


def test_names_a_payment_of_which_money_was_collected_and_not_booked() -> None:
    payment = make_payment(state=PaymentState.EXPIRED)
    make_attempt(payment, AttemptState.PAID, collected_minor=2500, collected_currency="XAF")

    assert prove.find_breaks()["capture_not_booked"] == [
        f"attempt {payment.attempts.get().pk} of payment {payment.pk} collected 2500 XAF, but the payment is EXPIRED"
    ]


def test_names_an_order_that_nothing_can_pay_any_more() -> None:
    order = make_order()
    make_payment(order=order, state=PaymentState.FAILED)

    assert prove.find_breaks() == {
        "placed_without_payment": [f"order {order.pk} is PLACED, but none of its payments can still pay it"]
    }


LATE = timezone.now() - timedelta(minutes=6)


@pytest.mark.parametrize(
    ("state", "columns", "is_overdue"),
    [
        ("QUEUED", {"expires_at": LATE}, True),
        ("QUEUED", {"next_attempt_at": LATE}, False),
        ("REQUESTED", {"expires_at": LATE}, True),
        ("PENDING", {"expires_at": LATE}, True),
        ("PENDING", {"next_check_at": LATE}, True),
        ("PENDING", {"next_check_at": None}, True),
        ("REQUESTED", {"next_check_at": None}, True),
        ("PENDING", {}, False),
    ],
)
def test_names_what_is_overdue(state: str, columns: dict[str, Any], is_overdue: bool) -> None:
    make_payment(state=PaymentState(state), **columns)

    assert ("overdue" in prove.find_breaks()) is is_overdue


def test_names_what_was_set_aside_until_it_is_replayed() -> None:
    payment, _ = make_pending()
    letter = DeadLetter.objects.create(payment=payment, reason="IntegrityError: no")

    assert prove.find_breaks()["set_aside"] == [f"payment {payment.pk}: IntegrityError: no"]
    DeadLetter.objects.filter(pk=letter.pk).update(replayed_at=timezone.now())
    assert "set_aside" not in prove.find_breaks()


def test_who_wants_no_text_messages_need_not_have_had_one(settled: Payment) -> None:
    Preference.objects.create(user=settled.user, by_sms=False)
    run(*BREAKS["settled_without_message"](settled))

    assert prove.find_breaks() == {}


def test_every_kind_of_break_has_a_test() -> None:
    named = {*prove._CHECKS, *wallets_prove._CHECKS} - set(prove_refunds.CHECKS)  # test_prove_refunds.py

    assert named - set(BREAKS) == {"capture_not_booked", "placed_without_payment", "overdue", "set_aside"}


def test_counts_what_has_not_come_to_an_end() -> None:
    for state in PaymentState:
        make_payment(state=state)

    assert prove.unfinished() == 3
