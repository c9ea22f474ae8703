"""Razorpay's entities as JSON."""

from typing import Any

from payments.sandbox.books import Entry, State
from payments.sandbox.dialects.india import tax_minor
from payments.sandbox.dialects.orders import Order, Payment
from payments.sandbox.life import OPERATOR_DOWN, TIMED_OUT

PAYMENT_WORDS = {
    State.PENDING: "created",
    State.COLLECTED: "captured",
    State.FAILED: "failed",
    State.EXPIRED: "failed",
    State.RETURNED: "refunded",
}
REFUND_WORDS = {State.PENDING: "pending", State.FAILED: "failed"}  # all others: processed
LINK_WORDS = {State.COLLECTED: "paid", State.EXPIRED: "expired"}  # all others: created, or cancelled
FAILURES = {
    TIMED_OUT: ("BAD_REQUEST_ERROR", "customer", "payment_timed_out"),
    OPERATOR_DOWN: ("GATEWAY_ERROR", "bank", "gateway_technical_error"),
}
DECLINED = ("BAD_REQUEST_ERROR", "customer", "payment_cancelled")
ERROR_FIELDS = ("error_code", "error_description", "error_source", "error_step", "error_reason")


def show_notes(notes: object) -> object:
    """Empty notes are an array."""
    return notes or []


def reference_number(entry: Entry) -> str:
    """What the bank calls a transfer."""
    return str(530_000_000_000 + entry.number)


def show_order(order: Order) -> dict[str, Any]:
    paid = order.paid
    paid_minor = paid.entry.amount_minor if paid else 0
    asked_minor = order.entry.asked_minor
    return {
        "id": order.id,
        "entity": "order",
        "amount": asked_minor,
        "amount_paid": paid_minor,
        "amount_due": max(0, asked_minor - paid_minor),
        "currency": "INR",
        "receipt": order.details.get("receipt"),
        "offer_id": None,
        "status": "paid" if paid else "attempted" if order.payments else "created",
        "attempts": len(order.payments),
        "notes": show_notes(order.details.get("notes")),
        "created_at": int(order.entry.created_at),
    }


def payment_word(order: Order, payment: Payment) -> str:
    if payment.state is State.PENDING and payment.held_at is not None:
        return "authorized"
    if payment.state is State.COLLECTED and order.refunded_minor(payment) >= payment.entry.amount_minor:
        return "refunded"
    return PAYMENT_WORDS[payment.state]


def show_payment(order: Order, payment: Payment, amount_minor: int) -> dict[str, Any]:
    """`amount_minor`: what moves, or would."""
    entry, state = payment.entry, payment.state
    is_captured = state is State.COLLECTED
    is_debited = is_captured or state is State.RETURNED or payment.held_at is not None
    refunded_minor = amount_minor if state is State.RETURNED else order.refunded_minor(payment)
    fee_minor = entry.fee_minor if is_captured else None
    return {
        "id": payment.id,
        "entity": "payment",
        "amount": amount_minor,
        "currency": "INR",
        "base_amount": amount_minor,
        "status": payment_word(order, payment),
        "order_id": order.id,
        "invoice_id": None,
        "international": False,
        "method": "upi",
        "amount_refunded": refunded_minor,
        "amount_transferred": 0,
        "refund_status": None if not refunded_minor else "full" if refunded_minor >= amount_minor else "partial",
        "captured": is_captured,
        "description": payment.asked.get("description", order.details.get("description")),
        "card_id": None,
        "bank": None,
        "wallet": None,
        "vpa": payment.asked.get("vpa") or "payer@sandbox",
        "email": payment.asked.get("email") or None,
        "contact": f"+91{payment.phone}",
        # Those of the payment itself; only a link hands on its own.
        "notes": show_notes(payment.asked.get("notes", order.details.get("notes"))),
        "fee": fee_minor,
        "tax": None if fee_minor is None else tax_minor(fee_minor),
        **_show_failure(payment),
        "acquirer_data": {"rrn": reference_number(entry)} if is_debited else {"rrn": None},
        "upi": {"vpa": payment.asked.get("vpa") or "payer@sandbox", "flow": payment.asked.get("flow") or "intent"},
        "created_at": int(payment.created_at),
    }


def _show_failure(payment: Payment) -> dict[str, str | None]:
    if payment.state not in (State.FAILED, State.EXPIRED):
        return dict.fromkeys(ERROR_FIELDS)
    code, source, reason = FAILURES.get(payment.reason, DECLINED)
    return dict(zip(ERROR_FIELDS, (code, payment.reason, source, "payment_authorization", reason), strict=True))


def show_refund(refund: Entry) -> dict[str, Any]:
    is_done, asked = refund.state not in REFUND_WORDS, refund.details
    shown = {
        "id": refund.gateway_id,
        "entity": "refund",
        "amount": refund.asked_minor,
        "currency": "INR",
        "payment_id": asked["payment"].id,
        "notes": show_notes(asked.get("notes")),
        "acquirer_data": {"arn": reference_number(refund) if is_done else None},
        "created_at": int(refund.created_at),
        "batch_id": None,
        "status": REFUND_WORDS.get(refund.state, "processed"),
        "speed_processed": ("instant" if asked.get("speed") == "optimum" else "normal") if is_done else None,
        "speed_requested": asked.get("speed") or "normal",
    }
    # The receipt is shown only to those who gave one.
    return {**shown, "receipt": asked["receipt"]} if asked.get("receipt") else shown


def show_return(order: Order, payment: Payment, refund_id: str, amount_minor: int) -> dict[str, Any]:
    """The refund that Razorpay makes by itself, of money that was never captured."""
    return {
        "id": refund_id,
        "entity": "refund",
        "amount": amount_minor,
        "currency": "INR",
        "payment_id": payment.id,
        "notes": [],
        "receipt": None,
        "acquirer_data": {"arn": reference_number(payment.entry)},
        "created_at": int(payment.entry.closed_at or order.entry.created_at),
        "batch_id": None,
        "status": "processed",
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


def link_word(order: Order) -> str:
    word = LINK_WORDS.get(order.entry.state, "created")
    return "cancelled" if order.is_closed and word != "paid" else word


def show_link(order: Order, short_url: str) -> dict[str, Any]:
    entry, asked, word = order.entry, order.details, link_word(order)
    closed_at = int(entry.closed_at or 0)
    return {
        "accept_partial": False,
        "amount": entry.asked_minor,
        "amount_paid": entry.amount_minor if word == "paid" else 0,
        "callback_method": asked.get("callback_method", ""),
        "callback_url": asked.get("callback_url", ""),
        "cancelled_at": closed_at if word == "cancelled" else 0,
        "created_at": int(entry.created_at),
        "currency": "INR",
        "customer": asked.get("customer") or {},
        "description": asked.get("description", ""),
        "expire_by": asked.get("expire_by", 0),
        "expired_at": closed_at if word == "expired" else 0,
        "first_min_partial_amount": 0,
        "id": entry.gateway_id,
        "notes": asked.get("notes"),
        "notify": asked.get("notify") or {"email": False, "sms": False},
        "payments": [_show_link_payment(order)] if word == "paid" else None,
        "reference_id": asked.get("reference_id", ""),
        "reminder_enable": bool(asked.get("reminder_enable")),
        "reminders": [],
        "short_url": short_url,
        "status": word,
        "updated_at": closed_at or int(entry.created_at),
        "upi_link": False,
        "user_id": "",
        **({"order_id": order.id} if order.payments else {}),
    }


def _show_link_payment(order: Order) -> dict[str, Any]:
    entry, payment = order.entry, order.payments[-1]
    return {
        "amount": entry.amount_minor,
        "created_at": int(payment.created_at),
        "method": "upi",
        "payment_id": payment.id,
        "plink_id": entry.gateway_id,
        "status": "captured",
        "updated_at": int(entry.closed_at or 0),
    }


def show_collection(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": items}
