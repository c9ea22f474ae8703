"""What the gateway kept: as its settlements tell, else as its history does, held against what is booked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from choptym.lib.money import Money
from payments.gateways.base import Outcome, SettlementLine
from payments.models import BreakKind
from payments.reconciliation.facts import Back, Comparison, Fee, Found, Ours, Reading, Try
from payments.states import AttemptState, PaymentState, RefundState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Told:
    """A fee that the gateway tells, and the row of ours that it is of."""

    row: Try | Back
    money: Money
    transaction_id: str


def compare_fees(reading: Reading, ours: Ours, by_name: Mapping[str, Try], result: Comparison) -> None:
    """What is not booked yet is booked; what is booked otherwise is a break, because a bill may be wrong, too."""
    told: dict[str, _Told] = {}
    for one in _told(reading, ours, by_name):
        told.setdefault(_prefix(one.row), one)  # the settlements come first: they are the bill
    for prefix, one in told.items():
        if one.row.fee_minor is None:
            if one.money.amount_minor or prefix.startswith("payment:"):
                result.fees.append(_fee(prefix, one))
        elif one.row.fee_minor == one.money.amount_minor:
            result.fees_agreed.add(one.row.reference)
        else:
            result.breaks.append(_found(one))


def _told(reading: Reading, ours: Ours, by_name: Mapping[str, Try]) -> Iterator[_Told]:
    tries = {name: one for one in ours.tries for name in (one.transaction_id, one.reference) if name} | dict(by_name)
    backs = {name: one for one in ours.refunds for name in (one.gateway_refund_id, one.reference) if name}
    for line in reading.settled:
        row = _row_of(line, tries, backs)
        if line.fee is not None and row is not None and _is_booked(row):
            yield _Told(row, line.fee, line.transaction_id or line.gateway_id)
    for status in (line.status for line in reading.lines if line.is_collection):
        paid = _first((status.reference, status.transaction_id), tries)
        if status.outcome is Outcome.PAID and status.fee is not None and paid is not None and _is_booked(paid):
            yield _Told(paid, status.fee, status.transaction_id)


def _row_of(line: SettlementLine, tries: Mapping[str, Try], backs: Mapping[str, Back]) -> Try | Back | None:
    names = (line.reference, line.gateway_id, line.transaction_id)
    if line.kind == "refund":
        return _first((line.gateway_id, line.reference), backs)  # what is echoed there may be the collection's
    return _first(names, tries) if line.kind == "payment" else None


def _first(names: Iterable[str], rows: Mapping[str, T]) -> T | None:
    return next((rows[name] for name in names if name in rows), None)


def _is_booked(row: Try | Back) -> bool:
    """Whether the money that the fee is of stands in our books."""
    if isinstance(row, Back):
        return row.state == RefundState.REFUNDED
    is_settled = row.state == AttemptState.PAID and row.payment_state == PaymentState.SETTLED
    return is_settled or row.state == AttemptState.SURPLUS


def _prefix(row: Try | Back) -> str:
    """What the reasons of its entries begin with."""
    if isinstance(row, Back):
        return f"refund:{row.refund_id}"
    return f"attempt:{row.attempt_id}" if row.state == AttemptState.SURPLUS else f"payment:{row.payment_id}"


def _fee(prefix: str, told: _Told) -> Fee:
    return Fee(prefix, told.row.payment_id, told.money, is_of_payment=prefix.startswith("payment:"))


def _found(told: _Told) -> Found:
    row = told.row
    return Found(
        kind=BreakKind.FEE,
        transaction_id=told.transaction_id,
        reference=row.reference,
        attempt_id=row.attempt_id,
        refund_id=row.refund_id if isinstance(row, Back) else None,
        ours=Money(row.fee_minor or 0, told.money.currency),
        our_word=row.state,
        theirs=told.money,
        note="the fee that is booked is another one",
    )
