"""Reads that several callers need."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from choptym.lib.money import Money
from wallets import accounts
from wallets.models import Account, Entry


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry, seen from the customer's side: positive is money in."""

    id: int
    amount_minor: int
    currency: str
    reason: str
    kind: str
    posted_at: datetime


def wallet_accounts(user_id: int) -> QuerySet[Account]:
    return Account.objects.filter(user_id=user_id).order_by("currency")


def wallet_balance(user_id: int, currency: str) -> Money:
    """What the customer has; zero before their first entry."""
    account = Account.objects.filter(name=accounts.customer(user_id), currency=currency).first()
    return account.balance if account else Money(0, currency)


def customer_entries(user_id: int) -> QuerySet[Entry]:
    """Every entry of the customer's accounts."""
    mine = list(Account.objects.filter(user_id=user_id).values_list("pk", flat=True))
    return Entry.objects.filter(Q(debit__in=mine) | Q(credit__in=mine)).select_related("debit", "credit")


def statement_line(entry: Entry, user_id: int) -> StatementLine:
    """`entry` as the customer reads it. `kind` is the last part of the reason: capture, sale, topup, credit …"""
    is_mine = entry.credit.user_id == user_id
    return StatementLine(
        id=entry.pk,
        amount_minor=entry.amount_minor if is_mine else -entry.amount_minor,
        currency=entry.currency,
        reason=entry.reason,
        kind=entry.reason.rsplit(":", 1)[-1],
        posted_at=entry.posted_at,
    )
