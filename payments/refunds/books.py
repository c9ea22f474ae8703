"""What is booked for a refund, and booked back when it fails.

Money that had bought an order comes back to the customer first (`refund:<id>:given`, from the account of refunds);
money that lies in the wallet is there already. What goes out through a gateway then leaves the customer's account
(`refund:<id>:out`). Both are posted with the row, so money that is on its way out cannot be spent meanwhile.
"""

from django.db import connection

from choptym.lib.money import Money
from payments.models import Payment, Refund, RefundWay
from wallets import accounts
from wallets.models import Entry
from wallets.post import Posting, post_entries


def post_refund(refund: Refund, *, given_minor: int) -> None:
    """Book a refund of which `given_minor` had gone to sales. In the caller's transaction, after the payment's lock.

    Locks:   the customer's account.
    Raises:  NotAllowed (insufficient_balance: money that lay in the wallet was spent).
    """
    customer = accounts.customer(refund.payment.user_id)
    postings = []
    if given_minor:
        given = Money(given_minor, refund.currency)
        postings.append(Posting(accounts.REFUNDS, customer, given, f"refund:{refund.pk}:given"))
    if refund.way == RefundWay.GATEWAY:
        postings.append(Posting(customer, accounts.gateway(refund.gateway), refund.amount, f"refund:{refund.pk}:out"))
    post_entries(postings)


def post_back(refund: Refund) -> Money:
    """Undo what was booked for a refund that failed: each entry once, the other way round.

    Returns what of it is in the wallet now. The rest had bought an order: it is with us, and nowhere in the wallet.
    """
    customer = accounts.customer(refund.payment.user_id)
    postings, in_wallet = [], 0
    for entry in Entry.objects.filter(reason__in=[f"refund:{refund.pk}:out", f"refund:{refund.pk}:given"]):
        reason = f"{entry.reason}_back"
        if entry.reason.endswith(":out"):
            postings.append(Posting(accounts.gateway(refund.gateway), customer, entry.amount, reason))
            in_wallet += entry.amount_minor
        else:
            postings.append(Posting(customer, accounts.REFUNDS, entry.amount, reason))
            in_wallet -= entry.amount_minor
    post_entries(postings)
    return Money(in_wallet, refund.currency)


def left_in_sales(payment: Payment) -> int:
    """How much of what this payment brought to sales was not given back yet, in minor units."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(CASE WHEN reason LIKE '%%:sale' THEN amount_minor ELSE -amount_minor END), 0)
            FROM wallets_entry WHERE reason IN (%(payment)s || ':sale', %(payment)s || ':allowance')
            """,
            {"payment": f"payment:{payment.pk}"},
        )
        sold = int(cursor.fetchone()[0])
        cursor.execute(
            """
            SELECT coalesce(sum(CASE WHEN entry.reason LIKE '%%_back' THEN -entry.amount_minor
                                     ELSE entry.amount_minor END), 0)
            FROM payments_refund refund
            JOIN wallets_entry entry ON entry.reason IN ('refund:' || refund.id || ':given',
                                                         'refund:' || refund.id || ':given_back')
            WHERE refund.payment_id = %s
            """,
            [payment.pk],
        )
        return sold - int(cursor.fetchone()[0])
