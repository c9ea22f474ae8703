"""CamPay's transactions and history rows in our words."""

from collections.abc import Iterable, Mapping

from choptym.lib.money import Money
from payments.gateways.base import Line, Outcome, RefundOutcome, RefundStatus, Status
from payments.gateways.http import Reply
from payments.gateways.reading import (
    read_amount,
    read_fee,
    read_instant,
    read_rounded_down,
    read_text,
    read_uuid,
)

WORDS = {"PENDING": Outcome.WAITING, "SUCCESSFUL": Outcome.PAID, "FAILED": Outcome.NOT_PAID}
PAYOUT_WORDS = {"PENDING": RefundOutcome.PENDING, "SUCCESSFUL": RefundOutcome.DONE, "FAILED": RefundOutcome.FAILED}
CURRENCY = "XAF"
COUNTRY = "237"
MAX_DESCRIPTION = 120


def read_status(record: Mapping[str, object], reply: Reply | None = None) -> Status:
    word = read_text(record.get("status"), 40)
    outcome = WORDS.get(word, Outcome.UNMAPPED)
    money, problem = _read_money(record, outcome)
    return Status(
        outcome=outcome,
        transaction_id=read_uuid(record.get("reference")),
        reference=read_reference(record),
        money=money,
        fee=read_fee(money, record.get("app_amount")),
        operator=_operator(record),
        operator_reference=read_text(record.get("operator_reference"), 100),
        reason=read_text(record.get("reason"), 200),
        word=word,
        problem=problem,
        exchange=reply.exchange if reply else None,
    )


def read_payout(record: Mapping[str, object], reply: Reply | None = None) -> RefundStatus:
    word = read_text(record.get("status"), 40)
    outcome = PAYOUT_WORDS.get(word, RefundOutcome.UNMAPPED)
    money, problem = _read_amount(record, is_needed=outcome is RefundOutcome.DONE)
    if _endpoint(record) not in {"", "withdraw"}:
        money, problem = None, "this is no withdrawal"
    return RefundStatus(
        outcome=outcome,
        gateway_refund_id=read_uuid(record.get("reference")),
        reference=read_reference(record),
        money=money,
        bank_reference=read_text(record.get("operator_reference"), 100),
        reason=read_text(record.get("reason"), 200),
        word=word,
        problem=problem,
        exchange=reply.exchange if reply else None,
    )


def is_payout(record: Mapping[str, object]) -> bool:
    return _endpoint(record) == "withdraw"


def _endpoint(record: Mapping[str, object]) -> str:
    return read_text(record.get("endpoint"), 20).lower()


def _read_money(record: Mapping[str, object], outcome: Outcome) -> tuple[Money | None, str]:
    if _endpoint(record) not in {"", "collect"}:
        return None, "this is no collection"
    return _read_amount(record, is_needed=outcome is Outcome.PAID)


def _read_amount(record: Mapping[str, object], *, is_needed: bool) -> tuple[Money | None, str]:
    currency = read_text(record.get("currency"), 10) or CURRENCY
    if currency != CURRENCY:
        return None, f"the currency is {currency}"
    if not read_text(record.get("amount")) and not is_needed:
        return None, ""
    try:
        return read_amount(record.get("amount"), CURRENCY), ""
    except ValueError as error:
        return None, str(error)


def _operator(record: Mapping[str, object]) -> str:
    """MTN, ORANGE, Orange and ORANGE_CM were all seen."""
    given = read_text(record.get("operator"), 40).lower()
    return next((name for name in ("mtn", "orange") if given.startswith(name)), "")


def read_reference(record: Mapping[str, object]) -> str:
    return read_text(record.get("external_reference"), 100) or read_text(record.get("external_user"), 100)


def rows_of(reference: str, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """CamPay's ids of the history's rows that carry this reference of ours; external_reference is not shown there."""
    ids = {
        read_uuid(row.get("reference_uuid"))
        for row in rows
        if read_text(row.get("external_user")) == reference or reference in read_text(row.get("description"))
    }
    return sorted(ids - {""})


def read_line(row: Mapping[str, object]) -> Line:
    """A row of the history: its own field names, fees with fractions, money out as `debit`."""
    debit = read_rounded_down(row.get("debit"), CURRENCY)
    try:
        money, problem = read_amount(row.get("amount"), CURRENCY), ""
    except ValueError as error:
        money, problem = None, str(error)
    word = read_text(row.get("status"), 40)
    status = Status(
        outcome=WORDS.get(word, Outcome.UNMAPPED),
        transaction_id=read_uuid(row.get("reference_uuid")),
        reference=read_text(row.get("external_user"), 100),
        money=money,
        fee=read_fee(money, row.get("credit")),
        operator=_operator(row),
        operator_reference=read_text(row.get("operator_tx_code"), 100),
        word=word,
        problem=problem,
        occurred_at=read_instant(row.get("datetime")),
    )
    return Line(status, is_collection=debit is None or debit.amount_minor == 0)
