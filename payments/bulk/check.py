"""Checking every line of a file before the first is worked on: does its payment or customer exist, may it be done?

What is checked here is checked again when the line's turn comes, under the locks: this is only to tell at once.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from django.contrib.auth.models import User

from choptym.lib.converters import LARGEST
from choptym.lib.errors import Rejected
from choptym.lib.money import CURRENCIES, Money
from payments.bulk.read import FileRefused, Problem, Row
from payments.credit import check_credit
from payments.models import BulkKind, BulkLine, Payment
from payments.refunds.write import Wish, check_refund

LONGEST_REASON = 200


def check_rows(kind: BulkKind, rows: Sequence[Row]) -> list[BulkLine]:
    """The lines, not stored yet. A few queries and one for each refund. Raises FileRefused with every problem."""
    make = _refund_lines(rows) if kind == BulkKind.REFUNDS else _credit_lines(rows)
    lines, problems = [], []
    for row in rows:
        try:
            lines.append(make(row))
        except Rejected as error:
            for column, message in (error.fields or {"line": error.message}).items():
                problems.append(Problem(row.number, column, message))
    if problems:
        raise FileRefused(problems)
    return lines


def digest_of(kind: BulkKind, lines: Sequence[BulkLine]) -> str:
    """The same for every file that says the same: another order of columns' spaces or quotes makes no other file."""
    said = [[line.payment_id, line.user_id, line.amount_minor, line.currency, line.reason] for line in lines]
    return hashlib.sha256(json.dumps([kind, said]).encode()).hexdigest()


def _refund_lines(rows: Sequence[Row]) -> Callable[[Row], BulkLine]:
    ids = [number for row in rows if (number := _number(row.values["payment"])) is not None]
    payments = Payment.objects.in_bulk(ids)
    repeated = {number for number, count in Counter(ids).items() if count > 1}

    def make(row: Row) -> BulkLine:
        payment = payments.get(_number(row.values["payment"]) or 0)
        if payment is None:
            raise _wrong("payment", "there is no such payment")
        if payment.pk in repeated:
            raise _wrong("payment", "stands in the file more than once")
        text = row.values["amount"]
        money = _money(text, payment.currency) if text else None
        check_refund(payment, Wish(reason=_reason(row.values), amount_minor=money.amount_minor if money else None))
        return BulkLine(
            number=row.number,
            payment=payment,
            amount_minor=money.amount_minor if money else None,
            currency=payment.currency,
            reason=_reason(row.values),
        )

    return make


def _credit_lines(rows: Sequence[Row]) -> Callable[[Row], BulkLine]:
    names = [row.values["customer"] for row in rows]
    users = {user.get_username(): user for user in User.objects.filter(username__in=names)}
    repeated = {name for name, count in Counter(names).items() if count > 1}

    def make(row: Row) -> BulkLine:
        name, currency = row.values["customer"], row.values["currency"].upper()
        if name not in users:
            raise _wrong("customer", "there is no such customer")
        if name in repeated:
            raise _wrong("customer", "stands in the file more than once")
        if currency not in CURRENCIES:
            raise _wrong("currency", f"one of {', '.join(CURRENCIES)}")
        money = _money(row.values["amount"], currency)
        check_credit(user_id=users[name].pk, money=money)
        return BulkLine(
            number=row.number,
            user=users[name],
            amount_minor=money.amount_minor,
            currency=currency,
            reason=_reason(row.values),
        )

    return make


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
    return int(text) if is_number and int(text) <= LARGEST else None


def _money(text: str, currency: str) -> Money:
    try:
        money = Money.from_major(text.replace(" ", ""), currency)
    except ValueError as error:
        raise _wrong("amount", str(error)) from None
    if money.amount_minor <= 0:
        raise _wrong("amount", "above zero")
    return money


def _reason(values: Mapping[str, str]) -> str:
    reason = values["reason"]
    if not reason:
        raise _wrong("reason", "say why")
    if len(reason) > LONGEST_REASON:
        raise _wrong("reason", f"at most {LONGEST_REASON} characters")
    return reason


def _wrong(column: str, message: str) -> Rejected:
    return Rejected(message, fields={column: message})
