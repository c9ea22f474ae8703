"""Money that a gateway took for a payment which another try pays already: it goes into the customer's wallet.

We never ask twice while a first try may still take the money. But a gateway may say that it knows nothing of a try,
or that it failed, and find the money afterwards; its word wins then too.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.conf import settings
from django.db import connection

from choptym.lib.errors import Mismatch, Rejected
from choptym.lib.money import Money
from choptym.lib.states import sources_of
from notifications.notify import notify
from payments.attempts import record_attempt
from payments.facts import Paid
from payments.history import call_tries_back
from payments.messages import messages_about
from payments.models import Payment, PaymentAttempt
from payments.states import ATTEMPT_MOVES, MAY_CHARGE, AttemptState, PaymentState
from wallets import accounts
from wallets.post import AccountIds, Posting, post_entries

log = structlog.get_logger(__name__)

_SURPLUS = AttemptState.SURPLUS
# Another try of such a payment has taken the money.
_TAKEN = frozenset({PaymentState.SETTLED, PaymentState.REVIEW})


def find_surplus(batch: Sequence[Paid]) -> set[int]:
    """The payments of this batch for which another try than the one that is told of took the money, or may take it.

    A try whose money was credited once as surplus stays that, whatever becomes of the others.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT attempt.payment_id FROM payments_paymentattempt attempt
            JOIN unnest(%s::bigint[], %s::bigint[]) AS told(payment, attempt) ON attempt.payment_id = told.payment
            WHERE (attempt.state = ANY(%s) AND attempt.id <> told.attempt)
               OR (attempt.state = %s AND attempt.id = told.attempt)
            """,
            [
                [paid.payment_id for paid in batch],
                [paid.attempt_id for paid in batch],
                list(MAY_CHARGE),
                AttemptState.SURPLUS,
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def book_surplus(payment: Payment, paid: Paid, ids: AccountIds | None = None) -> bool:
    """Credit the wallet with what this try collected, once, and tell the customer. False: that was done before.

    `ids`: of open_accounts() with surplus_postings(), if it was called.
    Runs in the caller's transaction, after the payment's lock.
    Locks:   the customer's account.
    Raises:  Mismatch (an amount that cannot be read: a person looks, see credit_surplus.py).
    """
    call_tries_back(payments=[payment.pk])  # this try, should it have been archived since it was looked at
    open_to_it = PaymentAttempt.objects.filter(pk=paid.attempt_id, state__in=sources_of(_SURPLUS, ATTEMPT_MOVES))
    if paid.money is None:
        if attempt := open_to_it.first():
            raise Mismatch(f"try {attempt.number} took money too many that we cannot read: {paid.problem}")
        return False
    collected = {"collected_minor": paid.money.amount_minor, "collected_currency": paid.money.currency}
    if paid.gateway_payment_id:
        collected["gateway_payment_id"] = paid.gateway_payment_id[:100]
    if not record_attempt(paid.attempt_id, _SURPLUS, None, **collected):
        return False
    log.error("the gateway took the money of a payment twice", payment=payment.pk, attempt=paid.attempt_id)
    post_entries(surplus_postings(payment, paid), ids)
    # While the other try is open it is not twice yet: the money is simply in the wallet.
    kind = "wallet_credited_twice" if payment.state in _TAKEN else "wallet_credited"
    messages = messages_about([(payment, kind)], credited=paid.money)
    notify([replace(message, about=_reason(paid)) for message in messages])
    return True


def surplus_postings(payment: Payment, paid: Paid) -> list[Posting]:
    """All that this try collected goes to the customer: what the gateway kept of it is ours to bear."""
    if paid.money is None:
        return []
    gateway, customer = accounts.gateway(paid.gateway), accounts.customer(payment.user_id)
    capture = Posting(gateway, customer, paid.money, f"{_reason(paid)}:surplus")
    return [capture, *fee_postings(paid.gateway, paid.fee, _reason(paid))]


def _reason(paid: Paid) -> str:
    return f"attempt:{paid.attempt_id}"


def fee_postings(gateway: str, fee: Money | None, reason: str) -> list[Posting]:
    """What the gateway kept of what it collected for `reason`, if anything."""
    if fee is None or fee.amount_minor <= 0:
        return []
    return [Posting(accounts.fees(gateway), accounts.gateway(gateway), fee, f"{reason}:fee")]


def check_typed_amount(money: Money) -> None:
    """What a person read on a gateway's pages may have a digit too many. Raises Rejected (amount_too_large)."""
    if money.amount_minor > settings.ORDER_MAX_AMOUNT_MINOR:
        message = f"At most {Money(settings.ORDER_MAX_AMOUNT_MINOR, money.currency)}."
        raise Rejected(message, code="amount_too_large", fields={"amount": message})
