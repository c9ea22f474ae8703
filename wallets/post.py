"""Posting entries: the only way money moves in the books."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from wallets.accounts import CUSTOMER
from wallets.locks import lock_accounts
from wallets.models import Account

AccountIds = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount that goes from `debit` to `credit` (names of wallets/accounts.py), once for its `reason`."""

    debit: str
    credit: str
    money: Money
    reason: str


def open_accounts(postings: Iterable[Posting]) -> AccountIds:
    """The accounts of these postings; those that are not there yet are opened.

    Runs in the caller's transaction, before it locks what others may hold who open the same accounts: a name that is
    not committed yet is waited for like a lock.
    """
    return _account_ids({(name, one.money.currency) for one in postings for name in (one.debit, one.credit)})


def post_entries(postings: Sequence[Posting], ids: AccountIds | None = None) -> None:
    """Write these entries and the balances that they change. All or none. `ids`: of open_accounts(), if it was called.

    Runs in the caller's transaction. A customer's account that ends where it began (money came in and went on to
    sales) is neither locked nor written, so settlements of one customer do not wait for each other.
    Locks:   the customers' accounts whose balance changes.
    Raises:  NotAllowed (insufficient_balance), IntegrityError (a reason was posted before).
    """
    if not postings:
        return
    if ids is None:
        ids = open_accounts(postings)
    _change_balances(postings, ids)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at)
            SELECT debit, credit, amount, currency, reason, now()
            FROM json_to_recordset(%s::json) AS posting(
                debit bigint, credit bigint, amount bigint, currency text, reason text)
            """,
            [json.dumps([_entry(posting, ids) for posting in postings])],
        )


def _entry(posting: Posting, ids: AccountIds) -> dict[str, object]:
    currency = posting.money.currency
    return {
        "debit": ids[posting.debit, currency],
        "credit": ids[posting.credit, currency],
        "amount": posting.money.amount_minor,
        "currency": currency,
        "reason": posting.reason,
    }


def _account_ids(wanted: set[tuple[str, str]]) -> AccountIds:
    known = _known(wanted)
    missing = sorted(wanted - known.keys())
    if missing:
        _open_accounts(missing)
        known = _known(wanted)
    return known


def _known(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    names = list({name for name, _ in wanted})
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, currency, id FROM wallets_account WHERE name = ANY(%s)", [names])
        return {(name, currency): pk for name, currency, pk in cursor.fetchall() if (name, currency) in wanted}


def _open_accounts(missing: Sequence[tuple[str, str]]) -> None:
    """Open accounts at their first use; another transaction may be opening the same ones."""
    accounts = []
    for name, currency in missing:
        kind, _, number = name.partition(":")
        if kind == CUSTOMER:
            accounts.append(Account(name=name, currency=currency, user_id=int(number), balance_minor=0))
        else:
            accounts.append(Account(name=name, currency=currency))
    Account.objects.bulk_create(accounts, ignore_conflicts=True)


def _change_balances(postings: Sequence[Posting], ids: AccountIds) -> None:
    changes: dict[int, int] = defaultdict(int)
    for posting in postings:
        for name, sign in ((posting.debit, -1), (posting.credit, 1)):
            if name.startswith(f"{CUSTOMER}:"):
                changes[ids[name, posting.money.currency]] += sign * posting.money.amount_minor
    changing = [account_id for account_id, change in changes.items() if change]
    if not changing:
        return
    changed = lock_accounts(changing)
    for account in changed:
        if account.balance.amount_minor + changes[account.pk] < 0:
            raise NotAllowed("The wallet does not hold enough.", code="insufficient_balance")
        account.balance_minor = account.balance.amount_minor + changes[account.pk]
    Account.objects.bulk_update(changed, ["balance_minor"])
