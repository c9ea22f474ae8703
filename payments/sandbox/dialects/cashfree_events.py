"""Cashfree's webhooks: amounts written 1499.00, signed over the time and the very bytes."""

import hashlib
import hmac
import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Message
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.india import as_india_time, as_rupees
from payments.sandbox.dialects.orders import SURPLUS, Order, Payment

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree, CashfreeKnobs

SUCCESS, DROPPED, FAILED = "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_USER_DROPPED_WEBHOOK", "PAYMENT_FAILED_WEBHOOK"
REFUND, AUTO_REFUND, LINK = "REFUND_STATUS_WEBHOOK", "AUTO_REFUND_STATUS_WEBHOOK", "PAYMENT_LINK_EVENT"
# Python's encoder would write 1499.0: amounts go through it as marked texts.
_MARK = "\ue000"
_MARKED = re.compile(f'"{_MARK}([0-9.]+)"')


def decimals(amount_minor: int) -> str:
    return f"{_MARK}{as_rupees(amount_minor)}"


def encode(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return _MARKED.sub(r"\1", text).encode(errors="replace")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


class Events:
    def __init__(self, dialect: "Cashfree", secret: str) -> None:
        self._dialect = dialect
        self._secret = secret

    def messages(self, entry: Entry, *, is_forged: bool) -> Sequence[Message]:
        events = self._refund_events(entry) if entry.kind is Kind.REFUND else self._payment_events(entry)
        return [self._message(entry, kind, data, is_forged=is_forged) for kind, data in events]

    def _payment_events(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        order, payment = self._dialect.snapshot(entry)
        if payment is not None and entry.state is not State.EXPIRED:
            yield from self._events_of_payment(order, payment)
        if entry.link_id and entry.state in (State.COLLECTED, State.EXPIRED):
            yield LINK, self._show_link(order, payment)

    def _events_of_payment(self, order: Order, payment: Payment) -> Iterator[tuple[str, dict[str, Any]]]:
        word, state = shapes.payment_word(payment), payment.state
        if word == "SUCCESS":
            yield SUCCESS, self._show_payment(order, payment)
        elif state is State.FAILED:
            failed = {**self._show_payment(order, payment), "error_details": shapes.show_error(payment)}
            yield (DROPPED if word == "USER_DROPPED" else FAILED), failed
        if state is State.RETURNED:
            yield AUTO_REFUND, {"auto_refund": self._show_auto_refund(order, payment)}

    def _show_payment(self, order: Order, payment: Payment) -> dict[str, Any]:
        entry = payment.entry
        shown = self._dialect.show_payment(order, payment)
        names = ("payment_currency", "payment_message", "payment_time", "payment_group", "payment_method")
        payment_id = int(payment.id) if self._knobs(entry).numeric_ids else payment.id
        return {
            "order": {
                "order_id": order.id,
                "order_amount": decimals(order.entry.asked_minor),
                "order_currency": "INR",
                "order_tags": order.details.get("order_tags"),
            },
            "payment": {
                "cf_payment_id": payment_id,
                "payment_status": shown["payment_status"],
                "payment_amount": decimals(self._dialect.amount_minor(payment)),
                **{name: shown[name] for name in names},
                "bank_reference": shown["bank_reference"] or "NA",
                "auth_id": None,
            },
            "customer_details": shapes.show_customer(order),
            "payment_gateway_details": {
                "gateway_name": "CASHFREE",
                "gateway_order_id": order.details["cf_order_id"],
                "gateway_payment_id": payment.id,
            },
            "payment_offers": None,
            "terminal_details": None,
        }

    def _show_auto_refund(self, order: Order, payment: Payment) -> dict[str, Any]:
        at = as_india_time(payment.entry.closed_at or payment.created_at)
        return {
            "cf_payment_id": int(payment.id),
            "cf_refund_id": int(self._dialect.return_id(payment)),
            "order_id": order.id,
            "refund_amount": decimals(self._dialect.amount_minor(payment)),
            "refund_currency": "INR",
            "entity": "Auto_Refund",
            "refund_type": "PAYMENT_AUTO_REFUND",
            "refund_arn": shapes.bank_reference(payment.entry),
            "refund_status": "SUCCESS",
            "status_description": "Refund processed successfully",
            "refund_reason": payment.reason or SURPLUS,
            "created_at": at,
            "processed_at": at,
            "refund_charge": decimals(0),
        }

    def _refund_events(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        shown = shapes.show_refund(entry, self._knobs(entry).refund_failed_word)
        names = ("refund_id", "order_id", "refund_currency", "refund_type", "refund_arn", "refund_status",
                 "status_description", "created_at", "processed_at", "refund_note")  # fmt: skip
        yield (
            REFUND,
            {
                "refund": {
                    "cf_refund_id": int(shown["cf_refund_id"]),
                    "cf_payment_id": int(shown["cf_payment_id"]),
                    "entity": "Refund",
                    "refund_amount": decimals(entry.asked_minor),
                    **{name: shown[name] for name in names},
                    "requested_speed": shown["refund_speed"]["requested"],
                    "processed_speed": shown["refund_speed"]["processed"],
                    "service_charge": decimals(entry.fee_minor),
                    "service_tax": decimals(0),
                }
            },
        )

    def _show_link(self, order: Order, payment: Payment | None) -> dict[str, Any]:
        """Amounts are texts here."""
        link, is_paid = shapes.show_link(order), order.entry.state is State.COLLECTED
        shown = {
            **link,
            "cf_link_id": int(link["cf_link_id"]),
            "link_amount": as_rupees(order.entry.asked_minor),
            "link_amount_paid": as_rupees(order.entry.amount_minor if is_paid else 0),
        }
        if payment is not None and is_paid:
            shown["order"] = {
                "order_id": order.id,
                "order_amount": as_rupees(order.entry.asked_minor),
                "order_expiry_time": as_india_time(order.details["expires_at"]),
                "order_hash": order.details["session_id"][-20:],
                "transaction_id": int(payment.id),
                "transaction_status": "SUCCESS",
            }
        return shown

    def _knobs(self, entry: Entry) -> "CashfreeKnobs":
        return cast("CashfreeKnobs", self._dialect.gateway.knobs_for(entry))

    def _message(self, entry: Entry, kind: str, data: dict[str, Any], *, is_forged: bool) -> Message:
        knobs = self._knobs(entry)
        document = {"data": data, "event_time": as_india_time(entry.closed_at or entry.created_at), "type": kind}
        body = encode({**document, "version": 1} if kind == LINK else document)
        version = str(knobs.webhook_version)
        headers = {"Content-Type": "application/json", "x-webhook-version": version}
        if version == "2025-01-01":
            headers["x-idempotency-key"] = hashlib.sha256(body).hexdigest()
        how = knobs.forged_kind if is_forged else None
        stamp = partial(self._stamp, body, how, is_short=knobs.timestamp_form == "seconds")
        return Message(entry.gateway_id, kind, body, headers, stamp=stamp)

    def _stamp(self, body: bytes, how: str | None, attempt: int, *, is_short: bool) -> dict[str, str]:
        """The headers of one try. In real time, however far the sandbox's clock is ahead: the receiver's is not."""
        seconds = time.time() - (2 * 86_400 if how == "old_time" else 0)
        timestamp = str(int(seconds) if is_short else int(seconds * 1000))
        headers = {"x-webhook-timestamp": timestamp, "x-webhook-attempt": str(attempt)}
        if how != "no_signature":
            secret = f"guessed-{self._secret[::-1]}" if how == "wrong_secret" else self._secret
            headers["x-webhook-signature"] = sign(secret, timestamp, body + (b" " if how == "other_body" else b""))
        return headers
