"""Checking every line of a file before the first is worked on: does its payment or customer exist, may it be done?

What is checked here is checked again when the line's turn comes, under the locks: this is only to tell at once.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from django.contrib.auth.models import User

from choptym.lib.converters import LARGEST
from choptym.lib.errors import Rejected
from choptym.lib.money import CURRENCIES, Money
from payments.bulk.read import FileRefused, Problem, Row
from payments.credit import check_credit
from payments.models import BulkKind, BulkLine, Payment
from payments.refunds.write import Wish, check_refund

LONGEST_REASON = 200
# The column of the file that a verb calls otherwise.
_COLUMN = {"amount_minor": "amount", "user_id": "customer"}

T = TypeVar("T")
# The line of a row, with all that is wrong about it; None when it names nothing that a line could be about.
Make = Callable[[Row, list[Rejected]], BulkLine | None]


def check_rows(kind: BulkKind, rows: Sequence[Row]) -> list[BulkLine]:
    """The lines, not stored yet. A few queries and one for each refund. Raises FileRefused with every problem."""
    make = _refund_lines(rows) if kind == BulkKind.REFUNDS else _credit_lines(rows)
    lines, problems = [], []
    for row in rows:
        faults: list[Rejected] = []
        line = make(row, faults)
        if line is not None and not faults:
            lines.append(line)
        for error in faults:
            for column, message in (error.fields or {"line": error.message}).items():
                problems.append(Problem(row.number, _COLUMN.get(column, column), message))
    if problems:
        raise FileRefused(problems)
    return lines


def digest_of(kind: BulkKind, lines: Sequence[BulkLine]) -> str:
    """The same for every file that says the same: neither its quotes nor the order of its lines make it another one."""
    return _digest(kind, sorted(_sayings(lines), key=json.dumps))


def digest_as_it_stands(kind: BulkKind, lines: Sequence[BulkLine]) -> str:
    """What digest_of() was before the order of the lines was left out: older uploads are known by it."""
    return _digest(kind, _sayings(lines))


def _sayings(lines: Sequence[BulkLine]) -> list[list[object]]:
    return [[line.payment_id, line.user_id, line.amount_minor, line.currency, line.reason] for line in lines]


def _digest(kind: BulkKind, sayings: list[list[object]]) -> str:
    return hashlib.sha256(json.dumps([kind, sayings]).encode()).hexdigest()


def _refund_lines(rows: Sequence[Row]) -> Make:
    ids = [number for row in rows if (number := _number(row.values["payment"])) is not None]
    payments = Payment.objects.in_bulk(ids)
    repeated = {number for number, count in Counter(ids).items() if count > 1}

    def make(row: Row, faults: list[Rejected]) -> BulkLine | None:
        reason = _tried(faults, lambda: _reason(row.values))
        payment = payments.get(_number(row.values["payment"]) or 0)
        if payment is None:
            faults.append(_wrong("payment", "there is no such payment"))
            return None
        if payment.pk in repeated:
            faults.append(_wrong("payment", "stands in the file more than once"))
        text = row.values["amount"]
        money = _tried(faults, lambda: _money(text, payment.currency)) if text else None
        if money is not None or not text:
            wish = Wish(reason=reason or "", amount_minor=money.amount_minor if money else None)
            _tried(faults, lambda: check_refund(payment, wish))
        return BulkLine(
            number=row.number,
            payment=payment,
            amount_minor=money.amount_minor if money else None,
            currency=payment.currency,
            reason=reason or "",
        )

    return make


def _credit_lines(rows: Sequence[Row]) -> Make:
    names = [row.values["customer"] for row in rows]
    users = {user.get_username(): user for user in User.objects.filter(username__in=names)}
    # Two credits to one customer may both be meant; the same one twice hardly ever is.
    repeated = {said for said, count in Counter(map(_said, rows)).items() if count > 1}

    def make(row: Row, faults: list[Rejected]) -> BulkLine | None:
        user, currency = users.get(row.values["customer"]), row.values["currency"].upper()
        if user is None:
            faults.append(_wrong("customer", "there is no such customer"))
        if _said(row) in repeated:
            faults.append(_wrong("line", "stands in the file more than once"))
        reason = _tried(faults, lambda: _reason(row.values))
        if currency not in CURRENCIES:
            faults.append(_wrong("currency", f"one of {', '.join(CURRENCIES)}"))
            return None
        money = _tried(faults, lambda: _money(row.values["amount"], currency))
        if user is None or money is None:
            return None
        _tried(faults, lambda: check_credit(user_id=user.pk, money=money))
        return BulkLine(
            number=row.number, user=user, amount_minor=money.amount_minor, currency=currency, reason=reason or ""
        )

    return make


def _said(row: Row) -> tuple[str, ...]:
    """What the line says, however its amount is written: 2500 and 2 500 are the same."""
    currency = row.values["currency"].upper()
    try:
        amount = str(Money.from_written(row.values["amount"], currency))
    except (KeyError, ValueError):
        amount = row.values["amount"]
    return row.values["customer"], amount, currency, row.values["reason"]


def _tried(faults: list[Rejected], check: Callable[[], T]) -> T | None:
    """What the check returns; what it has against the line is kept, so that every problem is told at once."""
    try:
        return check()
    except Rejected as error:
        faults.append(error)
        return None


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
    return int(text) if is_number and int(text) <= LARGEST else None


def _money(text: str, currency: str) -> Money:
    try:
        money = Money.from_written(text, currency)
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
