"""Money that a gateway took for a payment which another try pays already: it goes into the customer's wallet.

We never ask twice while a first try may still take the money. But a gateway may say that it knows nothing of a try,
or that it failed, and find the money afterwards; its word wins then too.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.db import connection

from choptym.lib.errors import Mismatch
from notifications.notify import notify
from payments.attempts import record_attempt
from payments.facts import Paid
from payments.messages import messages_about
from payments.models import Payment
from payments.states import MAY_CHARGE, AttemptState, PaymentState
from wallets import accounts
from wallets.post import Posting, post_entries

log = structlog.get_logger(__name__)


def find_surplus(batch: Sequence[Paid]) -> set[int]:
    """The payments of this batch for which another try than the one that is told of took the money, or may take it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT attempt.payment_id FROM payments_paymentattempt attempt
            JOIN unnest(%s::bigint[], %s::bigint[]) AS told(payment, attempt) ON attempt.payment_id = told.payment
            WHERE attempt.state = ANY(%s) AND attempt.id <> told.attempt
            """,
            [[paid.payment_id for paid in batch], [paid.attempt_id for paid in batch], list(MAY_CHARGE)],
        )
        return {row[0] for row in cursor.fetchall()}


def book_surplus(payment: Payment, paid: Paid) -> None:
    """Credit the wallet with what this try collected, once, and tell the customer.

    Runs in the caller's transaction, after the payment's lock.
    Locks:   the customer's account.
    Raises:  Mismatch (an amount that cannot be read: a person looks).
    """
    if paid.money is None:
        raise Mismatch(f"{payment}: a second try took an amount that we cannot read: {paid.problem}")
    collected = {"collected_minor": paid.money.amount_minor, "collected_currency": paid.money.currency}
    if not record_attempt(paid.attempt_id, AttemptState.SURPLUS, None, **collected):
        return
    log.error("the gateway took the money of a payment twice", payment=payment.pk, attempt=paid.attempt_id)
    gateway, reason = accounts.gateway(payment.gateway), f"attempt:{paid.attempt_id}"
    postings = [Posting(gateway, accounts.customer(payment.user_id), paid.money, f"{reason}:surplus")]
    if paid.fee is not None and paid.fee.amount_minor > 0:
        postings.append(Posting(accounts.fees(payment.gateway), gateway, paid.fee, f"{reason}:fee"))
    post_entries(postings)
    # While the other try is open it is not twice yet: the money is simply in the wallet.
    kind = "wallet_credited_twice" if payment.state == PaymentState.SETTLED else "wallet_credited"
    notify([replace(message, about=reason) for message in messages_about([(payment, kind)])])
