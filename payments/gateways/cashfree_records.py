"""Cashfree's orders, payments, refunds and reconciliation rows in our words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from choptym.lib import clock
from choptym.lib.money import Money
from payments.gateways.base import Line, Outcome, RefundOutcome, RefundStatus, SettlementLine, Status
from payments.gateways.reading import (
    read_amount,
    read_object,
    read_rounded_up,
    read_text,
    read_uuid,
)

CURRENCY = "INR"
# A failed try is never final: the payer may try again until the order closes, and FAILED can become SUCCESS.
ORDER_WORDS = {
    "ACTIVE": Outcome.WAITING,
    "TERMINATION_REQUESTED": Outcome.WAITING,
    "PAID": Outcome.PAID,
    "EXPIRED": Outcome.NOT_PAID,
    "TERMINATED": Outcome.NOT_PAID,
}
REFUND_WORDS = {
    "PENDING": RefundOutcome.PENDING,
    "ONHOLD": RefundOutcome.PENDING,
    "PENDING_APPROVAL": RefundOutcome.PENDING,
    "SUCCESS": RefundOutcome.DONE,
    "CANCELLED": RefundOutcome.FAILED,
    "FAILED": RefundOutcome.FAILED,
}
# A try that was begun before the order closed can still succeed for this long.
GRACE = timedelta(hours=24)
_FINAL_TRIES = frozenset({"CANCELLED", "VOID"})  # what came of them went back, or never came
_INDIA = timezone(timedelta(hours=5, minutes=30))
_LINE_WORDS = {"SUCCESS": Outcome.PAID, "FAILED": Outcome.NOT_PAID, "CANCELLED": Outcome.NOT_PAID}


def read_order(
    order: Mapping[str, object], payments: Sequence[Mapping[str, object]], transaction_id: str, reference: str
) -> Status:
    """What an order and all tries to pay it come to."""
    word = read_text(order.get("order_status"), 40)
    outcome = ORDER_WORDS.get(word, Outcome.UNMAPPED)
    paid = _first_success(payments)
    money, problem = read_collected(order, paid or {})
    if outcome is Outcome.PAID and paid is None:
        outcome = Outcome.UNMAPPED  # it says that it is paid, and shows no payment: ask again, and tell people
    if word == "EXPIRED" and _may_still_succeed(order, payments):
        outcome = Outcome.WAITING
    shown = paid or (payments[-1] if payments else {})
    return Status(
        outcome=outcome,
        transaction_id=transaction_id,
        reference=reference,
        money=money,
        operator=read_text(shown.get("payment_group"), 20),
        operator_reference=read_known(shown.get("bank_reference")),
        reason="" if paid else _reason(shown),
        word=word,
        problem=problem if outcome is Outcome.PAID else "",
        occurred_at=read_india(shown.get("payment_completion_time")) or read_india(shown.get("payment_time")),
        gateway_payment_id=read_text(shown.get("cf_payment_id"), 40),
    )


def read_settlement_line(row: Mapping[str, object]) -> SettlementLine | None:
    """A row of the reconciliation by date; None for the sum of a settlement, whose parts are there as well."""
    line = read_line(row)
    kind = read_text(row.get("event_type"), 40).lower()
    if kind == "settlement":
        return None
    money, _ = read_money(row.get("event_amount"), row.get("event_currency"))
    is_refund = kind == "refund"
    return SettlementLine(
        kind=kind,
        gateway_id=_listed_name(row) if is_refund else read_known(row.get("cf_payment_id")),
        transaction_id=read_known(row.get("order_id")),
        reference=line.status.reference if line else "",
        money=money,
        fee=_fee(row) if kind == "payment" else None,
        is_credit=row.get("sale_type") == "CREDIT",
        settlement_id=read_known(row.get("cf_settlement_id")),
        bank_reference=read_known(row.get("settlement_utr")),
        settled_at=read_india(row.get("settlement_date")),
    )


def read_collected(
    order: Mapping[str, object], payment: Mapping[str, object], *others: Mapping[str, object]
) -> tuple[Money | None, str]:
    """The order's amount: what the payer pays may differ by charges and offers, and that is not ours.

    Where neither explains a difference, it is the payment's own amount: then it is not what we asked for, and a
    person looks. `others`: where charges and offers may stand besides.
    """
    money, problem = read_money(order.get("order_amount"), order.get("order_currency"))
    is_explained = any(part.get("payment_surcharge") or part.get("payment_offers") for part in (payment, *others))
    if problem or is_explained or payment.get("payment_amount") is None:
        return money, problem
    return read_money(payment.get("payment_amount"), payment.get("payment_currency") or CURRENCY)


def read_refund(refund: Mapping[str, object], *, is_automatic: bool = False) -> RefundStatus:
    """From an answer or a webhook. An automatic one has no refund_id, and nothing of ours goes out with it.

    Its id is the refund_id, which is unique for a merchant: the lists of the reconciliation tell no cf_refund_id, and
    one refund must have one name on every road.
    """
    word = read_text(refund.get("refund_status"), 40)
    money, problem = read_money(refund.get("refund_amount"), refund.get("refund_currency") or CURRENCY)
    kind = read_text(refund.get("refund_type"), 40)
    return RefundStatus(
        outcome=REFUND_WORDS.get(word, RefundOutcome.UNMAPPED),
        gateway_refund_id=refund_name(refund),
        reference=refund_reference(read_known(refund.get("refund_id"))[:40]),
        money=money,
        transaction_id=read_text(refund.get("order_id"), 50),
        gateway_payment_id=read_text(refund.get("cf_payment_id"), 40),
        bank_reference=read_known(refund.get("refund_arn")),
        is_automatic=is_automatic or kind.endswith("AUTO_REFUND"),
        reason=read_known(refund.get("refund_reason")) or read_known(refund.get("status_description")),
        word=word,
        problem=problem,
        occurred_at=read_india(refund.get("processed_at")) or read_india(refund.get("created_at")),
    )


def refund_name(refund: Mapping[str, object]) -> str:
    return (read_known(refund.get("refund_id")) or read_known(refund.get("cf_refund_id")))[:40]


def refund_id_of(reference: str) -> str:
    """Letters, digits and underscores are what is safe in a refund_id."""
    return reference.replace("-", "_")


def refund_reference(refund_id: str) -> str:
    return read_uuid(refund_id.replace("_", "-"))


def read_line(row: Mapping[str, object]) -> Line | None:
    """A row of the reconciliation by date; None for what is no payment and no refund."""
    kind = read_text(row.get("event_type"), 40)
    if kind not in {"PAYMENT", "REFUND"}:
        return None
    is_collection = kind == "PAYMENT"
    order_id, refund_id = read_text(row.get("order_id"), 50), _listed_name(row)
    amount = (row.get("order_amount") if is_collection else None) or row.get("event_amount")
    money, problem = read_money(amount, row.get("event_currency"))
    word = read_text(row.get("event_status"), 40)
    status = Status(
        outcome=_LINE_WORDS.get(word, Outcome.WAITING),
        transaction_id=order_id if is_collection else refund_id,
        reference=read_uuid(order_id) if is_collection else refund_reference(refund_id),
        money=money,
        fee=_fee(row) if is_collection else None,
        operator_reference=read_known(row.get("payment_utr" if is_collection else "refund_arn")),
        word=word,
        problem=problem,
        occurred_at=read_india(row.get("event_time")),
        gateway_payment_id=read_text(row.get("cf_payment_id"), 40),
    )
    return Line(status, is_collection)


def _listed_name(row: Mapping[str, object]) -> str:
    """Of a refund: as refund_name(). An automatic one is listed under the id of its event alone."""
    return (read_known(row.get("refund_id")) or read_known(row.get("event_id")))[:40]


def read_money(amount: object, currency: object) -> tuple[Money | None, str]:
    if currency != CURRENCY:
        return None, f"the currency is {read_text(currency, 10)}"
    try:
        return read_amount(amount, CURRENCY), ""
    except ValueError as error:
        return None, str(error)


def read_known(value: object) -> str:
    """A text; "" also for the words that stand for nothing here."""
    text = read_text(value, 100)
    return "" if text.upper().rstrip(",") in {"NA", "N/A", "NULL"} else text


def read_india(value: object) -> datetime | None:
    """A time; without an offset it is India's."""
    try:
        instant = datetime.fromisoformat(read_text(value))
        return (instant if instant.tzinfo else instant.replace(tzinfo=_INDIA)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _first_success(payments: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """A second success is Cashfree's to give back: only the first one counts."""
    good = [payment for payment in payments if payment.get("payment_status") == "SUCCESS"]
    return min(reversed(good), key=_ended_at, default=None)  # times are whole seconds, and the newest comes first


def _ended_at(payment: Mapping[str, object]) -> datetime:
    ended_at = read_india(payment.get("payment_completion_time")) or read_india(payment.get("payment_time"))
    return ended_at or datetime.max.replace(tzinfo=UTC)


def _may_still_succeed(order: Mapping[str, object], payments: Sequence[Mapping[str, object]]) -> bool:
    expired_at = read_india(order.get("order_expiry_time"))
    is_over = expired_at is not None and clock.known() > expired_at + GRACE
    return not is_over and any(payment.get("payment_status") not in _FINAL_TRIES for payment in payments)


def _reason(payment: Mapping[str, object]) -> str:
    error = read_object(payment.get("error_details"))
    named = (error.get("error_reason"), error.get("error_code"), payment.get("payment_message"))
    return next((text for value in named if (text := read_known(value))), "")


def _fee(row: Mapping[str, object]) -> Money | None:
    """Charge and tax. Each is rounded up to whole paise."""
    parts = [read_rounded_up(row.get(name), CURRENCY) for name in ("payment_service_charge", "payment_service_tax")]
    known = [part.amount_minor for part in parts if part is not None]
    return Money(sum(known), CURRENCY) if known else None
