"""A customer's statement: what changed their balance, each line with the payment and the order that it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from payments.models import Payment, PaymentAttempt, PaymentKind, Refund
from wallets.models import Entry
from wallets.selectors import signed_amount

KINDS = {
    "topup": "put in by the customer",
    "credit": "came when its order was gone, was taken twice or another sum, or was let off by us",
    "purchase": "an order paid from the wallet",
    "refund": "an order given back into the wallet",
    "refund_sent": "money of the wallet, on its way back to where it came from",
    "refund_undone": "a refund that could not be sent, booked back",
}


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry, seen from the customer's side: positive is money in. `kind` is one of KINDS."""

    id: int
    kind: str
    amount_minor: int
    currency: str
    payment: int | None
    order: int | None
    reason: str
    posted_at: datetime


def statement_lines(entries: Sequence[Entry], user_id: int) -> list[StatementLine]:
    """These entries as their customer reads them. At most three queries for all."""
    payments = _payments_of(entries)
    return [_line(entry, signed_amount(entry, user_id), payments.get(entry.pk)) for entry in entries]


def _line(entry: Entry, amount_minor: int, payment: Payment | None) -> StatementLine:
    return StatementLine(
        id=entry.pk,
        kind=_kind(entry, amount_minor, payment),
        amount_minor=amount_minor,
        currency=entry.currency,
        payment=payment.pk if payment else None,
        order=payment.order_id if payment else None,
        reason=entry.reason,
        posted_at=entry.posted_at,
    )


def _kind(entry: Entry, amount_minor: int, payment: Payment | None) -> str:
    if entry.reason.startswith("refund:"):
        if entry.reason.endswith("_back"):
            return "refund_undone"
        return "refund" if amount_minor > 0 else "refund_sent"
    if amount_minor < 0:
        return "purchase"
    is_topup = payment is not None and payment.kind == PaymentKind.TOPUP and entry.reason.endswith(":capture")
    return "topup" if is_topup else "credit"


def _payments_of(entries: Sequence[Entry]) -> dict[int, Payment]:
    """The payment of each entry that is about one: its reason begins with the name and the id of a row."""
    abouts = {entry.pk: _about(entry.reason) for entry in entries}
    tries = [number for word, number in abouts.values() if word == "attempt"]
    refunds = [number for word, number in abouts.values() if word == "refund"]
    payment_of = {("attempt", pk): payment for pk, payment in _payment_ids(PaymentAttempt.objects.filter(pk__in=tries))}
    payment_of |= {("refund", pk): payment for pk, payment in _payment_ids(Refund.objects.filter(pk__in=refunds))}
    ids = {
        entry_id: number if word == "payment" else payment_of.get((word, number))
        for entry_id, (word, number) in abouts.items()
    }
    payments = Payment.objects.in_bulk([number for number in ids.values() if number is not None])
    return {entry_id: payments[number] for entry_id, number in ids.items() if number in payments}


def _payment_ids(rows: QuerySet[Any]) -> Iterable[tuple[int, int]]:
    return rows.values_list("pk", "payment_id")


def _about(reason: str) -> tuple[str, int]:
    """("payment", 42) of "payment:42:capture"; ("", 0) of a reason that names no row."""
    word, _, rest = reason.partition(":")
    number = rest.partition(":")[0]
    return (word, int(number)) if number.isascii() and number.isdigit() else ("", 0)
