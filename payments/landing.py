"""What came for a payment, and where it went: what the API shows beside what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from payments.models import WALLET, Payment
from payments.states import AttemptState, PaymentState

LANDED = {
    "": "nothing is booked (yet)",
    "order": "it paid its order; what came beyond the price is in the wallet",
    "wallet": "all of it went into the customer's wallet: a top-up, or money for an order that was gone",
}

_HAS_MONEY = frozenset({PaymentState.SETTLED, PaymentState.REVIEW})


@dataclass(frozen=True, slots=True)
class Landing:
    """What the gateway says it collected for the try that was paid, and where that was booked."""

    collected_minor: int | None = None
    collected_currency: str = ""
    landed: str = ""


def landings_of(payments: Sequence[Payment]) -> dict[int, Landing]:
    """By the payment's id, of those for which money came. One query for all, none for those that wait."""
    paid = {payment.pk: payment for payment in payments if payment.state in _HAS_MONEY}
    if not paid:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT paid.id, attempt.collected_minor, coalesce(attempt.collected_currency, ''),
                   EXISTS (SELECT FROM wallets_entry WHERE reason = 'payment:' || paid.id || ':sale')
            FROM unnest(%s::bigint[]) AS paid(id)
            LEFT JOIN payments_paymentattempt attempt ON attempt.payment_id = paid.id AND attempt.state = %s
            """,
            [list(paid), AttemptState.PAID],
        )
        return {row[0]: _landing(paid[row[0]], *row[1:]) for row in cursor.fetchall()}


def _landing(payment: Payment, collected_minor: int | None, currency: str, is_sold: bool) -> Landing:
    landed = ""
    if payment.state == PaymentState.SETTLED:
        landed = "order" if is_sold else "wallet"
    if payment.gateway == WALLET:
        return Landing(payment.amount_minor, payment.currency, landed)
    return Landing(collected_minor, currency if collected_minor is not None else "", landed)
