"""Razorpay's payments and refunds in our words. Amounts are whole paise, times whole seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from choptym.lib.money import Money
from payments.gateways.base import Line, Outcome, RefundOutcome, RefundStatus, SettlementLine, Status
from payments.gateways.reading import read_minor, read_object, read_text, read_unix, read_uuid

CURRENCY = "INR"
# "failed" can become "authorized" for days, and the payer may try again: only our own deadline ends the wait.
WORDS = {
    "created": Outcome.WAITING,
    "authorized": Outcome.WAITING,
    "failed": Outcome.WAITING,
    "captured": Outcome.PAID,
    "refunded": Outcome.PAID,
}
REFUND_WORDS = {
    "created": RefundOutcome.PENDING,
    "pending": RefundOutcome.PENDING,
    "processed": RefundOutcome.DONE,
    "failed": RefundOutcome.FAILED,
}
# Which payment of an order speaks for it: the first of these; a word that we do not know comes before "created".
_WEIGHT = {"captured": 0, "refunded": 1, "authorized": 2, "created": 4, "failed": 5}


def read_payment(payment: Mapping[str, object], transaction_id: str, reference: str = "") -> Status:
    """One payment, as the word about the transaction that it belongs to."""
    word = read_text(payment.get("status"), 40)
    outcome = WORDS.get(word, Outcome.UNMAPPED)
    if word == "refunded" and payment.get("captured") is False:
        outcome = Outcome.NOT_PAID  # never captured, and so given back by Razorpay itself
    money, problem = _read_money(payment.get("amount"), payment.get("currency"))
    fee, _ = _read_money(payment.get("fee"), CURRENCY)
    refunded, _ = _read_money(payment.get("amount_refunded"), payment.get("currency"))
    acquirer = read_object(payment.get("acquirer_data"))
    return Status(
        outcome=outcome,
        transaction_id=transaction_id,
        reference=reference or reference_of(payment),
        money=money,
        fee=fee if outcome is Outcome.PAID else None,
        operator=read_text(payment.get("method"), 20),
        operator_reference=read_text(acquirer.get("rrn"), 100) or read_text(acquirer.get("bank_transaction_id"), 100),
        reason=_reason(payment) if word == "failed" else "",
        word=word,
        problem=problem if outcome is Outcome.PAID else "",
        occurred_at=read_unix(payment.get("created_at")),
        gateway_payment_id=read_text(payment.get("id"), 40),
        refunded=refunded if refunded and refunded.amount_minor else None,
        was_declined=word == "failed",
    )


def read_payments(payments: Sequence[Mapping[str, object]], transaction_id: str) -> Status | None:
    """What all tries of one order come to; None when there was none."""
    if not payments:
        return None
    statuses = [read_payment(payment, transaction_id) for payment in payments]
    best = min(statuses, key=_weight)
    best = replace(best, reference=next((status.reference for status in statuses if status.reference), ""))
    captured = sorted(status.gateway_payment_id for status in statuses if status.word == "captured")
    if len(captured) > 1:  # Razorpay promises that this does not happen
        return replace(best, problem=f"paid more than once: {', '.join(captured)}"[:250])
    if best.outcome is Outcome.PAID and best.refunded is not None and not best.problem:
        return replace(best, problem=f"{best.refunded} of it went back to the payer")
    return best


def _weight(status: Status) -> int:
    return 6 if status.outcome is Outcome.NOT_PAID else _WEIGHT.get(status.word, 3)


def read_refund(refund: Mapping[str, object], payment: Mapping[str, object] | None = None) -> RefundStatus:
    word = read_text(refund.get("status"), 40)
    outcome = REFUND_WORDS.get(word, RefundOutcome.UNMAPPED)
    money, problem = _read_money(refund.get("amount"), refund.get("currency") or CURRENCY)
    acquirer = read_object(refund.get("acquirer_data"))
    bank = (read_text(acquirer.get(name), 100) for name in ("arn", "rrn", "utr"))
    return RefundStatus(
        outcome=outcome,
        gateway_refund_id=read_text(refund.get("id"), 40),
        reference=refund_reference_of(refund),
        money=money,
        transaction_id=read_text((payment or {}).get("order_id"), 40),
        gateway_payment_id=read_text(refund.get("payment_id"), 40),
        bank_reference=next((reference for reference in bank if reference), ""),
        is_automatic=payment is not None and payment.get("captured") is False,
        word=word,
        problem=problem,
        occurred_at=read_unix(refund.get("created_at")),
    )


def read_payment_line(payment: Mapping[str, object]) -> Line:
    transaction_id = read_text(payment.get("order_id"), 40) or read_text(payment.get("id"), 40)
    return Line(read_payment(payment, transaction_id), is_collection=True)


def read_refund_line(refund: Mapping[str, object]) -> Line:
    """Money that went out, under the refund's own id and reference."""
    status = read_refund(refund)
    outcomes = {RefundOutcome.DONE: Outcome.PAID, RefundOutcome.FAILED: Outcome.NOT_PAID}
    return Line(
        Status(
            outcome=outcomes.get(status.outcome, Outcome.WAITING),
            transaction_id=status.gateway_refund_id,
            reference=status.reference,
            money=status.money,
            operator_reference=status.bank_reference,
            word=status.word,
            problem=status.problem,
            occurred_at=status.occurred_at,
            gateway_payment_id=status.gateway_payment_id,
        ),
        is_collection=False,
    )


def read_settlement_line(row: Mapping[str, object]) -> SettlementLine:
    kind = read_text(row.get("type"), 40).lower()
    money, _ = _read_money(row.get("amount"), row.get("currency"))
    fee, _ = _read_money(row.get("fee"), CURRENCY)
    is_refund = kind == "refund"
    return SettlementLine(
        kind=kind,
        gateway_id=read_text(row.get("entity_id"), 40),
        transaction_id=read_text(row.get("order_id"), 40),
        reference=refund_reference_of(row) if is_refund else read_uuid(row.get("order_receipt")) or reference_of(row),
        money=money,
        fee=fee,
        is_credit=bool(row.get("credit")),
        settlement_id=read_text(row.get("settlement_id"), 40),
        bank_reference=read_text(row.get("settlement_utr"), 100),
        settled_at=read_unix(row.get("settled_at")),
    )


def reference_of(record: Mapping[str, object]) -> str:
    """Ours, from wherever it was put: order, payment link, or the notes of a payment."""
    notes = read_object(record.get("notes"))
    given = (record.get("receipt"), record.get("reference_id"), notes.get("reference"))
    return next((reference for value in given if (reference := read_uuid(value))), "")


def refund_reference_of(refund: Mapping[str, object]) -> str:
    return read_uuid(refund.get("receipt")) or read_uuid(read_object(refund.get("notes")).get("reference"))


def _read_money(amount: object, currency: object) -> tuple[Money | None, str]:
    if currency != CURRENCY:
        return None, f"the currency is {read_text(currency, 10)}"
    try:
        return read_minor(amount, CURRENCY), ""
    except ValueError as error:
        return None, str(error)


def _reason(payment: Mapping[str, object]) -> str:
    named = (read_text(payment.get(name), 200) for name in ("error_reason", "error_code", "error_description"))
    return next((text for text in named if text and text != "NA"), "")
