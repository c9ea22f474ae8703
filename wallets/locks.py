"""The only place of this app that locks rows: wallet accounts come last in the order of locks, by ascending id."""

from collections.abc import Sequence

from wallets.models import Account


def lock_accounts(account_ids: Sequence[int]) -> list[Account]:
    return list(Account.objects.select_for_update(no_key=True).filter(pk__in=account_ids).order_by("pk"))
