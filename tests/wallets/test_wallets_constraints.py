"""What the ledger's tables refuse, whatever the code does. Each holds a part of INV-3."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from tests.constraints import refused_by
from tests.factories import give_money, make_user
from wallets.models import Account, Entry

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-3")]


@pytest.fixture
def entry() -> Entry:
    user = make_user()
    give_money(user, 700)
    return Entry.objects.get(credit__user=user)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets_entry SET amount_minor = 1 WHERE id = %s",
        "UPDATE wallets_entry SET reason = 'other' WHERE id = %s",
        "DELETE FROM wallets_entry WHERE id = %s",
    ],
)
def test_an_entry_is_never_changed_or_deleted(entry: Entry, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [entry.pk])

    entry.refresh_from_db()
    assert entry.amount_minor == 700


@pytest.mark.parametrize("statement", ["TRUNCATE wallets_entry", "TRUNCATE wallets_account CASCADE"])
def test_the_ledger_is_never_truncated(entry: Entry, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        # Without the first PostgreSQL refuses earlier, for the foreign keys that this transaction has still to check.
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")

    assert Entry.objects.filter(pk=entry.pk).exists()


def an_entry_like(entry: Entry, **columns: object) -> None:
    Entry.objects.create(
        **{
            "debit_id": entry.debit_id,
            "credit_id": entry.credit_id,
            "amount_minor": 1,
            "currency": "XAF",
            "reason": f"{entry.reason}:again",
            **columns,
        }
    )


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_is_positive(entry: Entry, amount: int) -> None:
    with refused_by("entry_amount_positive"):
        an_entry_like(entry, amount_minor=amount)


def test_an_entry_goes_between_two_accounts(entry: Entry) -> None:
    with refused_by("entry_between_two_accounts"):
        an_entry_like(entry, debit_id=entry.credit_id)


def test_a_reason_is_there_once(entry: Entry) -> None:
    with refused_by("wallets_entry_reason_key"):
        an_entry_like(entry, reason=entry.reason)


@pytest.mark.parametrize("side", ["debit", "credit"])
def test_an_entry_has_the_currency_of_both_its_accounts(entry: Entry, side: str) -> None:
    rupees = Account.objects.create(name=f"fees:{side}", currency="INR")

    with refused_by(f"entry_{side}_same_currency"):
        an_entry_like(entry, **{f"{side}_id": rupees.pk})


def test_an_account_with_entries_keeps_its_currency(entry: Entry) -> None:
    with refused_by("entry_credit_same_currency"):
        Account.objects.filter(pk=entry.credit_id).update(currency="INR")


def test_a_customers_balance_is_never_negative(entry: Entry) -> None:
    with refused_by("account_customer_never_negative"):
        Account.objects.filter(pk=entry.credit_id).update(balance_minor=F("balance_minor") - 701)


def test_a_customers_account_has_its_customer_and_a_balance(entry: Entry) -> None:
    for columns in ({"user": None}, {"balance_minor": None}, {"name": "sales"}):
        with refused_by("account_customer_never_negative"):
            Account.objects.filter(pk=entry.credit_id).update(**columns)


def test_no_other_account_stores_a_balance(entry: Entry) -> None:
    with refused_by("account_customer_never_negative"):
        Account.objects.filter(pk=entry.debit_id).update(balance_minor=0)


def test_an_account_is_there_once_per_currency(entry: Entry) -> None:
    with refused_by("account_once"):
        Account.objects.create(name=entry.debit.name, currency="XAF")


def test_an_account_has_a_currency_that_we_know() -> None:
    with refused_by("account_currency_known"):
        Account.objects.create(name="fees:nobody", currency="USD")
