"""Razorpay's webhooks: which events, in what JSON, signed over the very bytes."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Message
from payments.sandbox.chance import ALPHANUMERIC
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.orders import Order, Payment

if TYPE_CHECKING:
    from payments.sandbox.dialects.razorpay import Razorpay, RazorpayKnobs

ACCOUNT = "acc_SandboxAccount"


def sign(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def lay_out(document: dict[str, Any], layout: int) -> bytes:
    """The same JSON in one of five spellings; only the bytes that were sent verify."""
    match layout:
        case 1:
            return json.dumps(document).encode()
        case 2:
            return json.dumps(document, separators=(",", ":"), sort_keys=True).replace("/", "\\/").encode()
        case 3:
            return json.dumps(document, indent=2, ensure_ascii=False).encode(errors="replace") + b"\n"
        case 4:
            shuffled = dict(reversed(document.items()))
            return json.dumps(shuffled, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    return json.dumps(document, separators=(",", ":")).encode()


class Events:
    def __init__(self, dialect: "Razorpay", webhook_secret: str, key_secret: str) -> None:
        self._dialect = dialect
        self._secret = webhook_secret
        self._key_secret = key_secret

    def messages(self, entry: Entry, *, is_forged: bool) -> Sequence[Message]:
        events = self._refund_events(entry) if entry.kind is Kind.REFUND else self._payment_events(entry)
        return [self._message(entry, name, payload, is_forged=is_forged) for name, payload in events]

    def _payment_events(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        order, payment = self._dialect.snapshot(entry)
        if payment is not None:
            yield from self._events_of_payment(order, payment)
        if entry.link_id and entry.state is State.EXPIRED:
            yield f"payment_link.{shapes.link_word(order)}", {"payment_link": self._link(order)}

    def _events_of_payment(self, order: Order, payment: Payment) -> Iterator[tuple[str, dict[str, Any]]]:
        dialect, entry, state = self._dialect, payment.entry, payment.state
        shown = {"payment": dialect.show_payment(order, payment)}
        if state is State.COLLECTED:
            if self._tells_authorized(entry):
                yield "payment.authorized", shown  # a snapshot: it may say that it is captured already
            yield "payment.captured", shown
            yield "order.paid", {**shown, "order": shapes.show_order(order)}
            if entry.link_id:
                bare = {**shapes.show_order(order), "id": order.id.removeprefix("order_")}
                del bare["entity"]
                yield "payment_link.paid", {"payment_link": self._link(order), "order": bare, **shown}
        elif state is State.PENDING and payment.held_at is not None:
            yield "payment.authorized", shown
        elif state is State.FAILED:
            yield "payment.failed", shown
        elif state is State.RETURNED:
            refund = shapes.show_return(order, payment, dialect.return_id(payment), shown["payment"]["amount"])
            yield "refund.created", {"refund": refund, **shown}
            yield "refund.processed", {"refund": refund, **shown}

    def _tells_authorized(self, entry: Entry) -> bool:
        gateway = self._dialect.gateway
        knobs = cast("RazorpayKnobs", gateway.knobs_for(entry))
        return gateway.chance.happens(knobs.authorized_event_rate, entry.key, "authorized_event")

    def _link(self, order: Order) -> dict[str, Any]:
        return shapes.show_link(order, order.details["short_url"])

    def _refund_events(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        payment: Payment = entry.details["payment"]
        refund = shapes.show_refund(entry)
        word = "created" if entry.state is State.PENDING else refund["status"]
        order = entry.details["order"]
        yield f"refund.{word}", {"refund": refund, "payment": self._dialect.show_payment(order, payment)}

    def _message(self, entry: Entry, name: str, payload: dict[str, Any], *, is_forged: bool) -> Message:
        gateway = self._dialect.gateway
        knobs = cast("RazorpayKnobs", gateway.knobs_for(entry))
        key = f"{entry.gateway_id}/{entry.tries}/{name}{'/forged' if is_forged else ''}"
        event_id = gateway.chance.word(ALPHANUMERIC, 14, key, "event")
        document = {
            "entity": "event",
            "account_id": ACCOUNT,
            "event": name,
            "contains": list(payload),
            "payload": {kind: {"entity": shown} for kind, shown in payload.items()},
            "created_at": int(entry.closed_at or entry.created_at),
        }
        layout = int(gateway.chance.roll(key, "layout") * 5) if knobs.webhook_layout == "varied" else 0
        body = lay_out(document, layout)
        headers = {"Content-Type": "application/json", "x-razorpay-event-id": event_id}
        signature = self._forge(knobs.forged_kind, body) if is_forged else sign(self._secret, body)
        if signature:
            headers["X-Razorpay-Signature"] = signature
        return Message(entry.gateway_id, name, body, headers)

    def _forge(self, kind: str | None, body: bytes) -> str:
        """What someone without our secret might send; "other_body" is a real signature of something else."""
        if kind == "no_signature":
            return ""
        if kind == "other_body":
            return sign(self._secret, body + b" ")
        return sign(self._key_secret if kind == "key_secret" else f"guessed-{self._secret[::-1]}", body)
