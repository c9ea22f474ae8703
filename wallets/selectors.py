"""Reads that several callers need."""

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Replace

from choptym.lib.money import Money
from wallets import accounts
from wallets.models import Account, Entry

# Money that comes in and goes on at the same moment: how the reasons of the two entries end.
_PASSING = ((":capture", ":sale"), (":given", ":out"), (":given_back", ":out_back"))


def wallet_accounts(user_id: int) -> QuerySet[Account]:
    return Account.objects.filter(user_id=user_id).order_by("currency")


def wallet_balance(user_id: int, currency: str) -> Money:
    """What the customer has; zero before their first entry."""
    account = Account.objects.filter(name=accounts.customer(user_id), currency=currency).first()
    return account.balance if account else Money(0, currency)


def statement_entries(user_id: int) -> QuerySet[Entry]:
    """The entries that changed what the customer has; their sum is the balance.

    An order paid at a gateway passes through the customer's account: its capture comes in and its sale goes on, the
    same amount at the same moment. So does its refund through the gateway: it is given and goes out, and when that
    failed both are booked back. Such pairs are left out; an entry that stands alone is not.
    """
    mine = list(Account.objects.filter(user_id=user_id).values_list("pk", flat=True))
    counterpart = Entry.objects.filter(
        Q(debit=OuterRef("credit")) | Q(credit=OuterRef("debit")),
        reason=OuterRef("counterpart"),
        amount_minor=OuterRef("amount_minor"),
    )
    return (
        Entry.objects.filter(Q(debit__in=mine) | Q(credit__in=mine))
        .annotate(
            counterpart=Case(
                *(
                    When(reason__endswith=one, then=Replace(F("reason"), Value(one), Value(other)))
                    for pair in _PASSING
                    for one, other in (pair, pair[::-1])
                ),
                default=Value(""),
            )
        )
        .filter(~Exists(counterpart))
        .select_related("debit", "credit")
    )


def signed_amount(entry: Entry, user_id: int) -> int:
    """The amount from the customer's side: positive is money in."""
    return entry.amount_minor if entry.credit.user_id == user_id else -entry.amount_minor
