"""Cashfree's entities as JSON."""

from typing import Any

from payments.sandbox.books import Entry, State
from payments.sandbox.dialects.cashfree_rules import read_object
from payments.sandbox.dialects.india import as_india_time
from payments.sandbox.dialects.orders import SURPLUS, Order, Payment
from payments.sandbox.life import OPERATOR_DOWN, TIMED_OUT

FAILURES = {
    OPERATOR_DOWN: ("BANK_PROCESSING_FAILURE", "bank_processing_failure", "bank"),
    TIMED_OUT: ("USER_DROPPED", "user_dropped", "customer"),
}
DECLINED = ("TRANSACTION_DECLINED", "bank_rejected", "bank")
CUSTOMER_FIELDS = ("customer_id", "customer_name", "customer_email", "customer_phone")


def rupees(amount_minor: int) -> int | float:
    """1499 or 1499.5: what a JSON encoder makes of it."""
    return amount_minor / 100 if amount_minor % 100 else amount_minor // 100


def bank_reference(entry: Entry) -> str:
    return str(530_000_000_000 + entry.number)


def is_in_flight(order: Order) -> bool:
    return any(payment.state is State.PENDING for payment in order.payments)


def order_word(order: Order, now: float) -> str:
    if order.paid is not None:
        return "PAID"
    if order.is_closed:
        return "TERMINATION_REQUESTED" if is_in_flight(order) else "TERMINATED"
    return "EXPIRED" if now >= order.details["expires_at"] else "ACTIVE"


def show_order(order: Order, now: float) -> dict[str, Any]:
    asked, entry = order.details, order.entry
    meta = {"return_url": None, "notify_url": None, "payment_methods": None, **read_object(asked, "order_meta")}
    return {
        "cart_details": None,
        "cf_order_id": asked["cf_order_id"],
        "created_at": as_india_time(entry.created_at),
        "customer_details": {**show_customer(order), "customer_uid": None},
        "entity": "order",
        "order_amount": rupees(entry.asked_minor),
        "order_currency": "INR",
        "order_expiry_time": as_india_time(asked["expires_at"]),
        "order_id": order.id,
        "order_meta": meta,
        "order_note": asked.get("order_note"),
        "order_splits": [],
        "order_status": order_word(order, now),
        "order_tags": asked.get("order_tags"),
        "payment_session_id": asked["session_id"],
        "products": None,
        "terminal_data": None,
    }  # fmt: skip


def show_customer(order: Order) -> dict[str, Any]:
    customer = read_object(order.details, "customer_details")
    return {name: customer.get(name) for name in CUSTOMER_FIELDS}


def payment_word(payment: Payment) -> str:
    state = payment.state
    if state is State.PENDING:
        return "PENDING" if payment.asked.get("channel") == "collect" else "NOT_ATTEMPTED"
    if state is State.RETURNED:
        return "SUCCESS" if payment.reason == SURPLUS else "CANCELLED"
    if state is State.COLLECTED:
        return "SUCCESS"
    return "USER_DROPPED" if payment.reason == TIMED_OUT or state is State.EXPIRED else "FAILED"


def show_error(payment: Payment) -> dict[str, Any] | None:
    if payment_word(payment) not in ("FAILED", "USER_DROPPED"):
        return None
    code, reason, source = FAILURES.get(payment.reason, DECLINED)
    return {
        "error_code": code,
        "error_description": payment.reason,
        "error_reason": reason,
        "error_source": source,
        "error_code_raw": None,
        "error_description_raw": None,
        "error_subcode_raw": None,
    }


def show_payment(order: Order, payment: Payment, amount_minor: int) -> dict[str, Any]:
    word = payment_word(payment)
    ended_at = payment.entry.closed_at if payment.is_latest and payment.state is not State.PENDING else None
    return {
        "auth_id": None,
        "authorization": None,
        "bank_reference": bank_reference(payment.entry) if word in ("SUCCESS", "CANCELLED") else None,
        "cf_payment_id": payment.id,
        "entity": "payment",
        "error_details": show_error(payment),
        "international_payment": {"international": False},
        "is_captured": word == "SUCCESS",
        "order_amount": rupees(order.entry.asked_minor),
        "order_currency": "INR",
        "order_id": order.id,
        "payment_amount": rupees(amount_minor),
        "payment_completion_time": None if ended_at is None else as_india_time(ended_at),
        "payment_currency": "INR",
        "payment_gateway_details": None,
        "payment_group": "upi",
        "payment_message": "00::Transaction success" if word == "SUCCESS" else payment.reason or "Transaction pending",
        "payment_method": show_method(payment),
        "payment_offers": None,
        "payment_status": word,
        "payment_surcharge": None,
        "payment_time": as_india_time(payment.created_at),
    }


def show_method(payment: Payment) -> dict[str, Any]:
    upi_id = payment.asked.get("vpa") or (None if payment.state is State.PENDING else "payer@sandbox")
    return {"upi": {"channel": payment.asked.get("channel") or "link", "upi_id": upi_id}}


def refund_word(refund: Entry, failed_word: str | None) -> str:
    if refund.state is State.PENDING:
        return "PENDING"
    return str(failed_word) if refund.state is State.FAILED else "SUCCESS"


def show_refund(refund: Entry, failed_word: str | None) -> dict[str, Any]:
    word, asked, order = refund_word(refund, failed_word), refund.details, refund.details["order"]
    is_done = word == "SUCCESS"
    descriptions = {"PENDING": "In Progress", "SUCCESS": "Refund processed successfully"}
    return {
        "cf_payment_id": asked["payment"].id,
        "cf_refund_id": asked["cf_refund_id"],
        "created_at": as_india_time(refund.created_at),
        "entity": "refund",
        "metadata": None,
        "order_id": order.id,
        "processed_at": as_india_time(refund.closed_at) if is_done and refund.closed_at else None,
        "refund_amount": rupees(refund.asked_minor),
        "refund_arn": bank_reference(refund) if is_done else None,
        "refund_charge": rupees(refund.fee_minor),
        "refund_currency": "INR",
        "refund_id": refund.gateway_id,
        "refund_mode": "NORMAL",
        "refund_note": asked.get("refund_note"),
        # In the sandbox INSTANT silently becomes STANDARD.
        "refund_speed": {"requested": asked.get("refund_speed") or "STANDARD", "accepted": "STANDARD",
                         "processed": "STANDARD" if is_done else None, "message": None},
        "refund_splits": [],
        "refund_status": word,
        "refund_type": "MERCHANT_INITIATED",
        "status_description": descriptions.get(word, refund.reason),
    }  # fmt: skip


def show_return(payment: Payment, refund_id: str, amount_minor: int) -> dict[str, Any]:
    """The refund that Cashfree makes by itself: it has no refund_id."""
    at = as_india_time(payment.entry.closed_at or payment.created_at)
    return {
        "cf_payment_id": payment.id,
        "cf_refund_id": refund_id,
        "created_at": at,
        "entity": "refund",
        "metadata": None,
        "order_id": payment.entry.details["order"].id,
        "processed_at": at,
        "refund_amount": rupees(amount_minor),
        "refund_arn": bank_reference(payment.entry),
        "refund_charge": 0,
        "refund_currency": "INR",
        "refund_id": None,
        "refund_mode": "NORMAL",
        "refund_note": payment.reason,
        "refund_speed": {"requested": "STANDARD", "accepted": "STANDARD", "processed": "STANDARD", "message": None},
        "refund_splits": [],
        "refund_status": "SUCCESS",
        "refund_type": "PAYMENT_AUTO_REFUND",
        "status_description": "Refund processed successfully",
    }


def link_word(order: Order) -> str:
    if order.entry.state is State.COLLECTED:
        return "PAID"
    if order.is_closed:
        return "CANCELLED"
    return "EXPIRED" if order.entry.state is State.EXPIRED else "ACTIVE"


def show_link(order: Order) -> dict[str, Any]:
    entry, asked, word = order.entry, order.details, link_word(order)
    return {
        "cf_link_id": asked["cf_link_id"],
        "customer_details": show_customer(order),
        "enable_invoice": False,
        "entity": "link",
        "link_amount": rupees(entry.asked_minor),
        "link_amount_paid": rupees(entry.amount_minor) if word == "PAID" else 0,
        "link_auto_reminders": bool(asked.get("link_auto_reminders")),
        "link_created_at": as_india_time(entry.created_at),
        "link_currency": "INR",
        "link_expiry_time": as_india_time(asked["expires_at"]),
        "link_id": entry.gateway_id,
        "link_meta": read_object(asked, "link_meta"),
        "link_minimum_partial_amount": None,
        "link_notes": asked.get("link_notes") or {},
        "link_notify": {"send_email": False, "send_sms": False, **read_object(asked, "link_notify")},
        "link_partial_payments": False,
        "link_purpose": asked["link_purpose"],
        "link_qrcode": asked["qrcode"],
        "link_status": word,
        "link_url": asked["link_url"],
        "order_splits": [],
        "terms_and_conditions": "",
        "thank_you_msg": "",
    }
