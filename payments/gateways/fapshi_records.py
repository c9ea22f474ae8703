"""Fapshi's transactions in our words."""

from collections.abc import Mapping

from choptym.lib.money import Money
from payments.gateways.base import Line, Outcome, RefundOutcome, RefundStatus, Status
from payments.gateways.http import Reply
from payments.gateways.reading import read_amount, read_fee, read_instant, read_text

WORDS = {
    "CREATED": Outcome.WAITING,
    "PENDING": Outcome.WAITING,
    "SUCCESSFUL": Outcome.PAID,
    "FAILED": Outcome.NOT_PAID,
    "EXPIRED": Outcome.NOT_PAID,
}
# EXPIRED does not occur for a payout: unmapped, like any word that we do not know.
PAYOUT_WORDS = {
    "CREATED": RefundOutcome.PENDING,
    "PENDING": RefundOutcome.PENDING,
    "SUCCESSFUL": RefundOutcome.DONE,
    "FAILED": RefundOutcome.FAILED,
}
MEDIA = {"mtn": "mobile money", "orange": "orange money"}
OPERATORS = {medium: operator for operator, medium in MEDIA.items()}
CURRENCY = "XAF"


def read_status(record: Mapping[str, object], reply: Reply | None = None, *, is_link: bool = False) -> Status:
    word = read_text(record.get("status"), 40)
    outcome = WORDS.get(word, Outcome.UNMAPPED)
    money, problem = _read_money(record, outcome)
    if is_link and word == "FAILED":
        outcome = Outcome.WAITING
    return Status(
        outcome=outcome,
        transaction_id=read_text(record.get("transId"), 64),
        reference=read_reference(record),
        money=money,
        fee=read_fee(money, record.get("revenue")),
        operator=OPERATORS.get(read_text(record.get("medium")).lower(), ""),
        operator_reference=read_text(record.get("financialTransId"), 100),
        reason=read_text(record.get("reason"), 200),
        word=word,
        problem=problem,
        occurred_at=read_instant(record.get("dateConfirmed")) or read_instant(record.get("dateInitiated")),
        exchange=reply.exchange if reply else None,
    )


def read_payout(record: Mapping[str, object], reply: Reply | None = None) -> RefundStatus:
    """As the service that pays out tells it."""
    word = read_text(record.get("status"), 40)
    outcome = PAYOUT_WORDS.get(word, RefundOutcome.UNMAPPED)
    money, problem = _read_amount(record, is_needed=outcome is RefundOutcome.DONE)
    if not is_payout(record):
        money, problem = None, "this is no payout"
    return RefundStatus(
        outcome=outcome,
        gateway_refund_id=read_text(record.get("transId"), 64),
        reference=read_reference(record),
        money=money,
        bank_reference=read_text(record.get("financialTransId"), 100),
        reason=read_text(record.get("reason"), 200),
        word=word,
        problem=problem,
        occurred_at=read_instant(record.get("dateConfirmed")) or read_instant(record.get("dateInitiated")),
        exchange=reply.exchange if reply else None,
    )


def read_payout_line(record: Mapping[str, object]) -> Line:
    """Money that went out, under the payout's own id and reference."""
    status = read_status({**record, "transType": ""})
    return Line(status, is_collection=False)


def _read_money(record: Mapping[str, object], outcome: Outcome) -> tuple[Money | None, str]:
    if not is_collection(record):
        return None, "this is a payout"
    return _read_amount(record, is_needed=outcome is Outcome.PAID)


def _read_amount(record: Mapping[str, object], *, is_needed: bool) -> tuple[Money | None, str]:
    amount = record.get("amount")
    if amount is None and not is_needed:
        return None, ""
    try:
        return read_amount(amount, CURRENCY), ""
    except ValueError as error:
        return None, str(error)


def is_payout(record: Mapping[str, object]) -> bool:
    """Of what the service that pays out tells: all, unless it says otherwise."""
    return read_text(record.get("transType")).lower() in {"", "payout"}


def is_collection(record: Mapping[str, object]) -> bool:
    return read_text(record.get("transType")).lower() != "payout"


def read_reference(record: Mapping[str, object]) -> str:
    return read_text(record.get("externalId"), 100) or read_text(record.get("userId"), 100)
