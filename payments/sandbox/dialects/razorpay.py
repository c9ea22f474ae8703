"""Razorpay: INR in paise, orders with several payments, payment links, refunds, webhooks signed over raw bytes."""

import os
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from typing import Any, ClassVar, cast
from urllib.parse import urlencode, urlsplit

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Answer, Call, Message, as_json
from payments.sandbox.chance import ALPHANUMERIC
from payments.sandbox.dialects import razorpay_rules as rules
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.base import Operation, Table
from payments.sandbox.dialects.india import national
from payments.sandbox.dialects.orders import Order, OrderDialect, OrderKnobs, Payment, order_of
from payments.sandbox.dialects.razorpay_events import Events, sign
from payments.sandbox.dialects.razorpay_links import Links
from payments.sandbox.dialects.razorpay_payments import Payments
from payments.sandbox.dialects.razorpay_refunds import Refunds
from payments.sandbox.dialects.razorpay_settlements import Settlements
from payments.sandbox.knobs import Knobs, choice, rate, switch, whole

UNCAPTURED = "not captured in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class RazorpayKnobs(OrderKnobs):
    fee_basis_points: int = whole(236)  # tax included
    capture: str | None = choice("automatic", "manual")  # of orders that do not say
    capture_minutes: int = whole(7200, minimum=1)  # then a payment that nobody captured is returned
    email_required: bool = switch()  # for server-to-server payments
    authorized_event_rate: float = rate()  # payment.authorized comes too, and says captured already
    webhook_layout: str | None = choice("varied", "compact")  # spacing, order of keys, escapes
    forged_kind: str | None = choice("wrong_secret", "no_signature", "key_secret", "other_body")


class Razorpay(OrderDialect):
    name: ClassVar[str] = "razorpay"
    knobs_kind: ClassVar[type[Knobs]] = RazorpayKnobs
    page_prefix: ClassVar[str] = "l/"
    webhook_timeout_seconds: ClassVar[float] = 5
    # Exponential for 24 hours; the exact schedule is not published.
    retry_seconds: ClassVar[Sequence[float]] = (60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 30720)

    def operations(self) -> Table:
        payments, links, refunds, settlements = Payments(self), Links(self), Refunds(self), Settlements(self)
        self._refund_desk = refunds
        return {
            "v1/orders": {
                "POST": Operation(payments.create_order, creates=True),
                "GET": Operation(payments.list_orders),
            },
            "v1/orders/{}": {"GET": Operation(payments.read_order), "PATCH": Operation(payments.edit_order)},
            "v1/orders/{}/payments": {"GET": Operation(payments.list_of_order)},
            "v1/payments": {"GET": Operation(payments.list_all)},
            "v1/payments/create/json": {"POST": Operation(payments.create_json, creates=True)},
            "v1/payments/create/upi": {"POST": Operation(payments.create_upi, creates=True)},
            "v1/payments/validate/vpa": {"POST": Operation(payments.validate_vpa)},
            "v1/payments/{}": {"GET": Operation(payments.read)},
            "v1/payments/{}/capture": {"POST": Operation(payments.capture, creates=True)},
            "v1/payments/{}/refund": {"POST": Operation(refunds.create, creates=True)},
            "v1/payments/{}/refunds": {"GET": Operation(refunds.list_of_payment)},
            "v1/payments/{}/refunds/{}": {"GET": Operation(refunds.read_of_payment)},
            "v1/refunds": {"POST": Operation(refunds.create, creates=True), "GET": Operation(refunds.list_all)},
            "v1/refunds/{}": {"GET": Operation(refunds.read)},
            "v1/payment_links": {"POST": Operation(links.create, creates=True), "GET": Operation(links.find)},
            "v1/payment_links/": {"POST": Operation(links.create, creates=True), "GET": Operation(links.find)},
            "v1/payment_links/{}": {"GET": Operation(links.read)},
            "v1/payment_links/{}/cancel": {"POST": Operation(links.cancel)},
            "v1/settlements": {"GET": Operation(settlements.list_all)},
            "v1/settlements/recon/combined": {"GET": Operation(settlements.reconcile)},
            "v1/settlements/{}": {"GET": Operation(settlements.read)},
        }

    def forget(self) -> None:
        super().forget()
        env = os.environ.get
        key_id, secret = (
            env("RAZORPAY_KEY_ID", "rzp_test_sandbox"),
            env("RAZORPAY_KEY_SECRET", "sandbox-razorpay-secret"),
        )
        self.key_secret = secret
        self._basic = "Basic " + b64encode(f"{key_id}:{secret}".encode()).decode()
        self._events = Events(self, env("RAZORPAY_WEBHOOK_SECRET", "sandbox-razorpay-webhook"), secret)
        self._refund_desk.forget()
        self.by_receipt: defaultdict[str, list[Order]] = defaultdict(list)

    # Rules of a call

    def refuse(self, call: Call) -> Answer | None:
        return None if call.headers.get("Authorization") == self._basic else self.error(401, "Authentication failed")

    def subject(self, call: Call) -> tuple[str, str]:
        body = rules.read_body(call)
        payment = self.payments.get(call.argument or str(body.get("payment_id")))
        if payment is not None:
            reference = order_of(payment.entry).entry.reference
            return str(body.get("receipt") or call.headers.get(Refunds.HEADER) or reference), payment.phone
        order = self.orders.get(str(body.get("order_id")))
        if order is not None:
            return order.entry.reference, national(body.get("contact"))
        contact = rules.read_object(body, "customer").get("contact")
        return str(body.get("reference_id") or body.get("receipt") or ""), national(contact)

    def error(self, status: int, message: str, field: str = "") -> Answer:
        if status in (404, 405):
            message = rules.NO_SUCH_PATH
        code = "BAD_REQUEST_ERROR" if status < 500 else "GATEWAY_ERROR" if status in (502, 504) else "SERVER_ERROR"
        problem: dict[str, Any] = {
            "code": code,
            "description": message,
            "source": "business" if status < 500 else "NA",
            "step": "payment_initiation" if status < 500 else "NA",
            "reason": "input_validation_failed" if status < 500 else "NA",
            "metadata": {},
        }
        return as_json({"error": {**problem, "field": field} if field else problem}, status)

    def refuse_for(self, problem: rules.Problem) -> Answer:
        return self.error(400, problem.message, problem.field)

    def repeat(self, call: Call) -> Answer | None:
        return self._refund_desk.repeat(call) if Refunds.HEADER in call.headers else None

    def remember(self, call: Call, answer: Answer | None) -> None:
        if Refunds.HEADER in call.headers:
            self._refund_desk.remember(call, answer)

    # Ids

    def _id(self, prefix: str, key: str) -> str:
        return f"{prefix}_{self.gateway.chance.word(ALPHANUMERIC, 14, key, prefix)}"

    def new_id(self, key: str) -> str:
        return self._id("order", key)

    def new_link_id(self, key: str) -> str:
        return self._id("plink", key)

    def new_payment_id(self, key: str) -> str:
        return self._id("pay", key)

    def new_refund_id(self, key: str) -> str:
        return self._id("rfnd", key)

    def new_settlement_id(self, key: str) -> str:
        return self._id("setl", key)

    def return_id(self, payment: Payment) -> str:
        """The refund that gives an uncaptured payment back."""
        return self.new_refund_id(f"{payment.id}/return")

    # What becomes of payments

    def my_knobs(self, entry: Entry | None = None) -> RazorpayKnobs:
        return cast("RazorpayKnobs", self.gateway.knobs if entry is None else self.gateway.knobs_for(entry))

    def fixed_outcome(self, entry: Entry) -> bool | None:
        vpa = entry.details.get("asked", {}).get("vpa")
        return vpa == rules.ALWAYS_PAYS if vpa in (rules.ALWAYS_PAYS, rules.NEVER_PAYS) else None

    def open_seconds(self, entry: Entry) -> float | None:
        if not entry.link_id:
            return None
        return float(order_of(entry).details["expire_by"] or entry.created_at + 180 * 86400) - entry.created_at

    def is_payable(self, entry: Entry) -> bool:
        return not order_of(entry).is_closed

    def intercept(self, entry: Entry) -> bool:
        if super().intercept(entry):
            return True
        if entry.kind is not Kind.COLLECTION:
            return False
        order = order_of(entry)
        payment = next(payment for payment in reversed(order.payments) if payment.entry is entry)
        automatic_minutes, manual_minutes = self._capture_minutes(order)
        age_seconds = self.gateway.clock.now() - payment.created_at
        if age_seconds <= automatic_minutes * 60:
            return False
        self._hold(payment, manual_minutes * 60 - age_seconds)
        return True

    def _capture_minutes(self, order: Order) -> tuple[int, int]:
        """How long a payment may take to be captured by itself, and how long until it is returned."""
        asked, knobs = order.details.get("payment") or {}, self.my_knobs(order.entry)
        options = asked.get("capture_options") or {}
        older = order.details.get("payment_capture")
        default = knobs.capture if older is None else "automatic" if older in (1, True, "1") else "manual"
        manual = options.get("manual_expiry_period", knobs.capture_minutes)
        if asked.get("capture", default) == "manual":
            return -1, manual
        return options.get("automatic_expiry_period", manual), manual

    def _hold(self, payment: Payment, seconds: float) -> None:
        """The payer was debited; the money waits to be captured, perhaps after the payment had failed."""
        gateway = self.gateway
        payment.held_at = gateway.clock.now()
        gateway.books.reopen(payment.entry)
        gateway.sender.announce(payment.entry)
        gateway.clock.call_later(max(0.0, seconds), partial(self._return_uncaptured, payment))

    def _return_uncaptured(self, payment: Payment) -> None:
        if payment.state is State.PENDING:
            self.give_back(payment.entry, UNCAPTURED)

    # What it shows

    def show_payment(self, order: Order, payment: Payment) -> dict[str, Any]:
        entry = payment.entry
        is_moving = payment.held_at is not None or payment.state is State.RETURNED
        asked_minor = self.gateway.life.amount_minor(entry) if is_moving else entry.asked_minor
        is_taken = payment.state is State.COLLECTED
        return shapes.show_payment(order, payment, entry.amount_minor if is_taken else asked_minor)

    def page(self, call: Call, items: Iterable[tuple[float, Callable[[], dict[str, Any]]]]) -> Answer:
        """A collection of what came in newest first: within from and to, only this page."""
        numbers: dict[str, int] = {}
        for name, default in (("from", 0), ("to", 2**40), ("count", 10), ("skip", 0)):
            text = call.query.get(name, str(default))
            if not (text.isdecimal() and len(text) <= 13):
                return self.error(400, f"{name} must be an integer.", name)
            numbers[name] = int(text)
        if not 1 <= numbers["count"] <= 100:
            at_least = numbers["count"] < 1
            return self.error(400, f"The count {'must be at least 1.' if at_least else 'may not be greater than 100.'}",
                              "count")  # fmt: skip
        recent = takewhile(lambda item: int(item[0]) >= numbers["from"], items)
        within = (show for at, show in recent if int(at) <= numbers["to"])
        shown = islice(within, numbers["skip"], numbers["skip"] + numbers["count"])
        return as_json(shapes.show_collection([show() for show in shown]))

    def webhooks(self, entry: Entry, *, is_forged: bool = False) -> Sequence[Message]:
        return self._events.messages(entry, is_forged=is_forged)

    def announces(self, entry: Entry) -> bool:
        return entry.state is not State.EXPIRED or bool(entry.link_id)

    def new_order_id(self, ghost: Entry) -> str:
        return self.new_id(f"{ghost.gateway_id}/ghost")

    def return_url(self, entry: Entry) -> str:
        order = order_of(entry)
        url: str | None = order.details.get("callback_url")
        if not url or not order.payments:
            return url or ""
        payment_id, reference, word = order.payments[-1].id, order.entry.reference, shapes.link_word(order)
        query = {
            "razorpay_payment_id": payment_id,
            "razorpay_payment_link_id": entry.gateway_id,
            "razorpay_payment_link_reference_id": reference,
            "razorpay_payment_link_status": word,
            "razorpay_signature": sign(self.key_secret, f"{entry.gateway_id}|{reference}|{word}|{payment_id}".encode()),
        }
        parts = urlsplit(url)
        return parts._replace(query="&".join(part for part in (parts.query, urlencode(query)) if part)).geturl()
