"""What a customer is to do now: the gateway's words for the phone, or the page where they pay."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from choptym.lib.plain_rows import PlainRows
from payments.models import Payment
from payments.states import OPEN_ATTEMPTS, PaymentState

_ASKED = frozenset({PaymentState.REQUESTED, PaymentState.PENDING})
_PAYMENTS = PlainRows(Payment)
# The states stand in the text, so that the planner sees that the index of the tries that may charge holds them.
_OPEN = ", ".join(f"'{state.value}'" for state in OPEN_ATTEMPTS)
_READ = f"""
    SELECT coalesce(attempt.instructions, ''), coalesce(attempt.link, ''), {_PAYMENTS.columns}
    FROM payments_payment
    LEFT JOIN payments_paymentattempt attempt ON attempt.payment_id = payments_payment.id AND attempt.state IN ({_OPEN})
    WHERE payments_payment.id = %s AND user_id = %s
"""  # noqa: S608
_READ_OF_TOKEN = f"""
    SELECT coalesce(attempt.instructions, ''), coalesce(attempt.link, ''), {_PAYMENTS.columns}
    FROM authtoken_token token
    JOIN auth_user ON auth_user.id = token.user_id AND is_active
    JOIN payments_payment ON payments_payment.user_id = token.user_id
    LEFT JOIN payments_paymentattempt attempt ON attempt.payment_id = payments_payment.id AND attempt.state IN ({_OPEN})
    WHERE token.key = %s AND payments_payment.id = %s
"""  # noqa: S608
_READ_PROMPTS = f"""
    SELECT payment_id, instructions, link FROM payments_paymentattempt
    WHERE payment_id = ANY(%s) AND state IN ({_OPEN})
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Prompt:
    """Empty while nobody is asked to do anything."""

    instructions: str = ""
    link: str = ""


def read_payment(payment_id: int, *, user_id: int) -> tuple[Payment, Prompt] | None:
    """This customer's payment with its prompt, in one statement: a crowd polls it. None: they have no such payment."""
    return _read(_READ, payment_id, user_id)


def read_payment_of_token(payment_id: int, *, token: str) -> tuple[Payment, Prompt] | None:
    """The same for whoever holds this token. None also where it is nobody's, or of a customer who is switched off."""
    return _read(_READ_OF_TOKEN, token, payment_id)


def _read(query: str, *values: int | str) -> tuple[Payment, Prompt] | None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    if row is None:
        return None
    payment = _PAYMENTS.row(row[2:])
    return payment, Prompt(*row[:2]) if payment.state in _ASKED else Prompt()


def prompts_of(payments: Sequence[Payment]) -> dict[int, Prompt]:
    """By the payment's id, of those that were asked for. One query for all, none for those that wait."""
    asked = [payment.pk for payment in payments if payment.state in _ASKED]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_READ_PROMPTS, [asked])
        return {payment_id: Prompt(*words) for payment_id, *words in cursor.fetchall()}
