"""Posting entries: balances follow, once for each reason, all or none."""

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from tests.constraints import refused_by
from tests.factories import give_money, make_user
from wallets import accounts
from wallets.models import Account, Entry
from wallets.post import Posting, post_entries
from wallets.prove import find_breaks
from wallets.selectors import signed_amount, statement_entries, wallet_balance

pytestmark = pytest.mark.django_db

GATEWAY = accounts.gateway("fapshi")


def francs(amount: int) -> Money:
    return Money(amount, "XAF")


def post(*postings: Posting) -> None:
    with transaction.atomic():
        post_entries(postings)


@pytest.mark.invariant("INV-3")
def test_money_in_raises_the_balance_of_the_customer() -> None:
    user = make_user()

    post(Posting(GATEWAY, accounts.customer(user.pk), francs(700), "a:capture"))

    account = Account.objects.get(user=user)
    assert (account.name, account.currency, account.balance_minor) == (f"customer:{user.pk}", "XAF", 700)
    entry = Entry.objects.get(reason="a:capture")
    assert (entry.debit.name, entry.credit.name, entry.amount) == (GATEWAY, account.name, francs(700))


@pytest.mark.invariant("INV-3")
def test_many_postings_of_many_customers_add_up() -> None:
    users = [make_user() for _ in range(5)]
    postings = []
    for number, user in enumerate(users, start=1):
        customer = accounts.customer(user.pk)
        postings += [
            Posting(GATEWAY, customer, francs(1000), f"{number}:capture"),
            Posting(customer, accounts.SALES, francs(100 * number), f"{number}:sale"),
        ]

    post(*postings)

    assert [wallet_balance(user.pk, "XAF") for user in users] == [francs(1000 - 100 * n) for n in range(1, 6)]
    sales = Entry.objects.filter(credit__name=accounts.SALES, reason__endswith=":sale")
    assert sales.aggregate(Sum("amount_minor"))["amount_minor__sum"] == 1500
    assert find_breaks() == {}


def test_only_customers_have_a_stored_balance() -> None:
    user = make_user()

    post(Posting(GATEWAY, accounts.customer(user.pk), francs(5), "a:capture"))

    assert Account.objects.get(name=GATEWAY, currency="XAF").balance_minor is None


def test_money_that_goes_straight_on_locks_and_writes_no_balance() -> None:
    user = make_user()
    give_money(user, 50)
    customer = accounts.customer(user.pk)

    with CaptureQueriesContext(connection) as queries:
        post(
            Posting(GATEWAY, customer, francs(900), "b:capture"),
            Posting(customer, accounts.SALES, francs(900), "b:sale"),
        )

    assert wallet_balance(user.pk, "XAF") == francs(50)
    assert not [query for query in queries if 'UPDATE "wallets_account"' in query["sql"]]


@pytest.mark.invariant("INV-3")
def test_a_wallet_is_spent_to_the_last_franc_and_not_below() -> None:
    user = make_user()
    give_money(user, 500)
    customer = accounts.customer(user.pk)

    post(Posting(customer, accounts.SALES, francs(500), "c:sale"))
    with pytest.raises(NotAllowed) as caught:
        post(Posting(customer, accounts.SALES, francs(1), "d:sale"))

    assert caught.value.code == "insufficient_balance"
    assert wallet_balance(user.pk, "XAF") == francs(0)
    assert not Entry.objects.filter(reason="d:sale").exists()


@pytest.mark.invariant("INV-4")
def test_one_that_does_not_hold_enough_stops_them_all() -> None:
    rich, poor = make_user(), make_user()

    with pytest.raises(NotAllowed):
        post(
            Posting(GATEWAY, accounts.customer(rich.pk), francs(10), "e:capture"),
            Posting(accounts.customer(poor.pk), accounts.SALES, francs(10), "e:sale"),
        )

    assert wallet_balance(rich.pk, "XAF") == francs(0)
    assert not Entry.objects.filter(reason__startswith="e:").exists()


@pytest.mark.invariant("INV-2")
def test_a_reason_is_posted_once() -> None:
    user = make_user()
    posting = Posting(GATEWAY, accounts.customer(user.pk), francs(700), "payment:f:capture")
    post(posting)

    with refused_by("wallets_entry_reason_key"):
        post_entries([posting])

    assert wallet_balance(user.pk, "XAF") == francs(700)
    assert Entry.objects.filter(reason="payment:f:capture").count() == 1


def test_a_customer_has_one_account_per_currency() -> None:
    user = make_user()

    give_money(user, 700)
    give_money(user, 900, "INR")

    assert wallet_balance(user.pk, "XAF") == francs(700)
    assert wallet_balance(user.pk, "INR") == Money(900, "INR")
    assert Account.objects.filter(user=user).count() == 2


def test_money_of_one_currency_does_not_pay_in_another() -> None:
    user = make_user()
    give_money(user, 700)

    with pytest.raises(NotAllowed):
        post(Posting(accounts.customer(user.pk), accounts.SALES, Money(1, "INR"), "g:sale"))

    assert wallet_balance(user.pk, "XAF") == francs(700)


def test_nothing_to_post_is_no_error() -> None:
    with CaptureQueriesContext(connection) as queries:
        post_entries([])

    assert len(queries) == 0


def test_a_statement_shows_the_customers_side() -> None:
    user = make_user()
    customer = accounts.customer(user.pk)
    post(
        Posting(GATEWAY, customer, francs(900), "payment:h:capture"),
        Posting(customer, accounts.SALES, francs(400), "payment:h:sale"),
    )

    lines = [(entry.reason, signed_amount(entry, user.pk)) for entry in statement_entries(user.pk).order_by("pk")]

    assert lines == [("payment:h:capture", 900), ("payment:h:sale", -400)]


def test_what_only_passes_through_is_not_in_the_statement() -> None:
    user, other = make_user(), make_user()
    customer = accounts.customer(user.pk)
    give_money(user, 50)
    post(
        Posting(GATEWAY, customer, francs(900), "payment:1:capture"),
        Posting(customer, accounts.SALES, francs(900), "payment:1:sale"),
        Posting(GATEWAY, customer, francs(800), "payment:2:capture"),  # a top-up, or too late
        Posting(customer, accounts.SALES, francs(700), "payment:3:sale"),  # from the wallet
        Posting(GATEWAY, accounts.customer(other.pk), francs(700), "payment:3:capture"),  # somebody else's: no pair
    )

    entries = list(statement_entries(user.pk).order_by("pk"))

    assert [entry.reason for entry in entries][1:] == ["payment:2:capture", "payment:3:sale"]
    assert sum(signed_amount(entry, user.pk) for entry in entries) == 150 == wallet_balance(user.pk, "XAF").amount_minor
