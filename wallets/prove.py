"""The books against themselves: every sum that must hold, and each place where it does not."""

from django.db import connection

# Each query returns one row for every break, as text for the reader.
_CHECKS = {
    "wallet_balance": """
        SELECT format('account %s (%s %s): stored %s, entries say %s',
                      account.id, account.name, account.currency, account.balance_minor, coalesce(sum(side.amount), 0))
        FROM wallets_account account
        LEFT JOIN (SELECT credit_id AS id, amount_minor AS amount FROM wallets_entry
                   UNION ALL SELECT debit_id, -amount_minor FROM wallets_entry) side ON side.id = account.id
        WHERE account.balance_minor IS NOT NULL
        GROUP BY account.id
        HAVING account.balance_minor <> coalesce(sum(side.amount), 0)
    """,
    "wallet_negative": """
        SELECT format('account %s (%s): %s', id, name, balance_minor) FROM wallets_account WHERE balance_minor < 0
    """,
    "entry_currency": """
        SELECT format('entry %s (%s) is in %s, its accounts in %s and %s',
                      entry.id, entry.reason, entry.currency, debit.currency, credit.currency)
        FROM wallets_entry entry
        JOIN wallets_account debit ON debit.id = entry.debit_id
        JOIN wallets_account credit ON credit.id = entry.credit_id
        WHERE entry.currency <> debit.currency OR entry.currency <> credit.currency
    """,
    "entry_amount": "SELECT format('entry %s: %s', id, amount_minor) FROM wallets_entry WHERE amount_minor <= 0",
    "entry_twice": """
        SELECT format('%s was posted %s times', reason, count(*)) FROM wallets_entry GROUP BY reason HAVING count(*) > 1
    """,
}


def find_breaks() -> dict[str, list[str]]:
    """Each kind of break that is there, with its places. Runs in the caller's transaction; reads only."""
    breaks = {}
    with connection.cursor() as cursor:
        for name, query in _CHECKS.items():
            cursor.execute(query)
            if rows := [row[0] for row in cursor.fetchall()]:
                breaks[name] = rows
    return breaks
