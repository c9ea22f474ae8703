"""Cashfree: INR as decimal rupees, orders and payment links under the caller's own ids, webhooks signed with a time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import digits
from typing import Any, ClassVar, cast

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Answer, Call, Message, as_json
from payments.sandbox.chance import ALPHANUMERIC, HEX
from payments.sandbox.dialects import cashfree_rules as rules
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.base import Operation, Table
from payments.sandbox.dialects.cashfree_events import Events
from payments.sandbox.dialects.cashfree_guards import KEY_HEADER, Idempotency, RateLimits
from payments.sandbox.dialects.cashfree_links import Links
from payments.sandbox.dialects.cashfree_orders import Orders
from payments.sandbox.dialects.cashfree_refunds import Refunds
from payments.sandbox.dialects.cashfree_settlements import Settlements
from payments.sandbox.dialects.cashfree_simulate import Simulations
from payments.sandbox.dialects.india import national
from payments.sandbox.dialects.orders import Order, OrderDialect, OrderKnobs, Payment, order_of
from payments.sandbox.knobs import Knobs, choice, switch, whole

TOO_LATE = "success after the order was closed"
TYPES = {401: "authentication_error", 422: "idempotency_error", 429: "rate_limit_error"}
CODES = {401: "request_failed", 404: "request_failed", 405: "request_failed", 422: "request_invalid",
         429: "request_failed", 500: "internal_error", 502: "bank_processing_failure",
         503: "api_connection_error"}  # fmt: skip
LETTERS = {"order": "2", "payment": "5", "refund": "1", "link": "7", "settlement": "4"}  # how numbers begin


@dataclass(frozen=True, slots=True, kw_only=True)
class CashfreeKnobs(OrderKnobs):
    fee_basis_points: int = whole(195)  # tax included
    grace_minutes: int = whole(10)  # a payment that succeeds so long after an order's end still counts
    limit_table: str | None = choice(None, "live", "sandbox")  # calls a minute, as the documents list them
    webhook_version: str | None = choice("2025-01-01", "2023-08-01")
    numeric_ids: bool = switch()  # cf_payment_id as a number in payment webhooks, as older versions have it
    timestamp_form: str | None = choice("milliseconds", "seconds")
    refund_failed_word: str | None = choice("CANCELLED", "FAILED")
    forged_kind: str | None = choice("wrong_secret", "no_signature", "old_time", "other_body")


class Cashfree(OrderDialect):
    name: ClassVar[str] = "cashfree"
    knobs_kind: ClassVar[type[Knobs]] = CashfreeKnobs
    page_prefix: ClassVar[str] = "links/"
    retry_seconds: ClassVar[Sequence[float]] = (120, 600, 1800)

    def operations(self) -> Table:
        orders, links, refunds, settlements = Orders(self), Links(self), Refunds(self), Settlements(self)
        self._simulations = simulations = Simulations(self)
        return {
            "pg/orders": {"POST": Operation(orders.create, creates=True)},
            "pg/orders/sessions": {"POST": Operation(orders.pay, creates=True)},
            "pg/orders/{}": {"GET": Operation(orders.read), "PATCH": Operation(orders.terminate)},
            "pg/orders/{}/payments": {"GET": Operation(orders.list_payments)},
            "pg/orders/{}/payments/{}": {"GET": Operation(orders.read_payment)},
            "pg/orders/{}/refunds": {
                "POST": Operation(refunds.create, creates=True),
                "GET": Operation(refunds.list_of_order),
            },
            "pg/orders/{}/refunds/{}": {"GET": Operation(refunds.read)},
            "pg/orders/{}/settlements": {"GET": Operation(settlements.read_of_order)},
            "pg/links": {"POST": Operation(links.create, creates=True)},
            "pg/links/{}": {"GET": Operation(links.read)},
            "pg/links/{}/cancel": {"POST": Operation(links.cancel)},
            "pg/links/{}/orders": {"GET": Operation(links.list_orders)},
            "pg/settlements": {"POST": Operation(settlements.list_all)},
            "pg/settlement/recon": {"POST": Operation(settlements.reconcile_settlements)},
            "pg/recon": {"POST": Operation(settlements.reconcile)},
            "pg/simulate": {"POST": Operation(simulations.create)},
            "pg/simulate/{}": {"GET": Operation(simulations.read)},
        }

    def forget(self) -> None:
        super().forget()
        env = os.environ.get
        secret = env("CASHFREE_CLIENT_SECRET", "cfsk_ma_test_sandbox")
        self._credentials = (env("CASHFREE_CLIENT_ID", "TEST_sandbox"), secret)
        self._events = Events(self, secret)
        self._idempotency = Idempotency()
        self._limits = RateLimits()
        self._simulations.forget()
        self.sessions: dict[str, Order] = {}

    # Rules of a call

    def refuse(self, call: Call) -> Answer | None:
        is_open = call.tail == "pg/orders/sessions"  # the session's id is the credential
        credentials = (call.headers.get("x-client-id"), call.headers.get("x-client-secret"))
        if not is_open and credentials != self._credentials:
            return self.error(401, "authentication Failed")
        version = call.headers.get("x-api-version")
        if version not in rules.VERSIONS:
            return self.error(
                400, f"x-api-version : {'is missing' if version is None else 'invalid'}", "version_invalid"
            )
        table = self.my_knobs().limit_table
        wait_seconds = self._limits.admit(call, table, self.gateway.clock.now())
        if not wait_seconds:
            return None
        return replace(self.error(429, "Too many requests"), headers={"x-ratelimit-retry": str(wait_seconds)})

    def subject(self, call: Call) -> tuple[str, str]:
        document = call.document or {}
        if call.tail == "pg/orders/sessions":
            order = self.sessions.get(call.text("payment_session_id"))
            return ("", "") if order is None else (order.id, self.phone_of(order))
        if call.tail.endswith("/refunds"):
            order = self.orders.get(call.argument)
            return call.text("refund_id"), order.paid.phone if order is not None and order.paid is not None else ""
        if call.tail == "pg/links":
            phone = rules.read_object(document, "customer_details").get("customer_phone")
            return call.text("link_id"), national(phone)
        return call.text("order_id"), ""  # nobody is charged until the session is used

    def phone_of(self, order: Order) -> str:
        return national(rules.read_object(order.details, "customer_details").get("customer_phone"))

    def error(self, status: int, message: str, code: str = "") -> Answer:
        kind = "api_error" if status >= 500 else TYPES.get(status, "invalid_request_error")
        document = {"message": message, "code": code or CODES.get(status, "request_failed"), "type": kind}
        # Seen too when the whole gateway is at its limit, before anything is known of the call.
        return as_json(document, status, {"x-ratelimit-retry": "1"} if status == 429 else None)

    def refuse_for(self, problem: rules.Problem) -> Answer:
        return self.error(problem.status, problem.message, problem.code)

    def repeat(self, call: Call) -> Answer | None:
        if KEY_HEADER not in call.headers or not self._idempotency.key(call):
            return None
        is_other, answer = self._idempotency.find(call)
        if not is_other and answer is None:
            return None
        return self.refuse(call) or answer or self.error(422, "idempotency key used with another request")

    def remember(self, call: Call, answer: Answer | None) -> None:
        if KEY_HEADER in call.headers:
            self._idempotency.keep(call, answer)

    def dress(self, call: Call, answer: Answer) -> Answer:
        if answer.content_type != "application/json":
            return answer
        request_id = call.headers.get("x-request-id") or self.gateway.chance.word(HEX, 24, call.key, "request")
        headers = {
            "x-api-version": call.headers.get("x-api-version", "2025-01-01"),
            "x-request-id": request_id,
            **self._limits.headers(call, self.my_knobs().limit_table, self.gateway.clock.now()),
        }
        key = call.headers.get(KEY_HEADER)
        if key:
            headers |= {"x-idempotency-key": key, "x-idempotency-replayed": "false"}
        return replace(answer, headers={**headers, **(answer.headers or {})})

    # Ids

    def new_cf_id(self, key: str, what: str) -> str:
        return LETTERS[what] + self.gateway.chance.word(digits, 12, key, f"cf_{what}")

    def return_id(self, payment: Payment) -> str:
        """The refund that gives back what was paid twice, or too late."""
        return self.new_cf_id(f"{payment.id}/return", "refund")

    def new_id(self, key: str) -> str:
        return f"order_{self.gateway.chance.word(ALPHANUMERIC, 20, key, 'order')}"

    def new_payment_id(self, key: str) -> str:
        return self.new_cf_id(key, "payment")

    def new_session_id(self, key: str) -> str:
        words = [self.gateway.chance.word(ALPHANUMERIC, 32, key, f"session{number}") for number in range(3)]
        return f"session_{''.join(words)}payment"

    # What becomes of payments

    def my_knobs(self, entry: Entry | None = None) -> CashfreeKnobs:
        return cast("CashfreeKnobs", self.gateway.knobs if entry is None else self.gateway.knobs_for(entry))

    def fixed_outcome(self, entry: Entry) -> bool | None:
        vpa = entry.details.get("asked", {}).get("vpa")
        return vpa == rules.ALWAYS_PAYS if rules.fits(rules.NEVER_PAYS, vpa) else None

    def open_seconds(self, entry: Entry) -> float | None:
        if entry.kind is not Kind.COLLECTION or "is_extra" in entry.details:
            return None
        return max(0.0, float(order_of(entry).details["expires_at"]) - self.gateway.clock.now())

    def patience_seconds(self, entry: Entry) -> float | None:
        minutes = entry.details.get("asked", {}).get("minutes")
        return super().patience_seconds(entry) if minutes is None else int(minutes) * 60

    def is_payable(self, entry: Entry) -> bool:
        return not order_of(entry).is_closed

    def find_return_reason(self, order: Order, entry: Entry) -> str:
        surplus = super().find_return_reason(order, entry)
        if surplus:
            return surplus
        grace_seconds = self.my_knobs(entry).grace_minutes * 60
        is_late = self.gateway.clock.now() > order.details["expires_at"] + grace_seconds
        # What was under way when the merchant closed the order still counts.
        return TOO_LATE if is_late or (order.is_closed and entry.state is not State.PENDING) else ""

    # What it shows

    def amount_minor(self, payment: Payment) -> int:
        if payment.state is State.COLLECTED:
            return payment.entry.amount_minor
        is_returned = payment.state is State.RETURNED
        return self.gateway.life.amount_minor(payment.entry) if is_returned else payment.entry.asked_minor

    def show_payment(self, order: Order, payment: Payment) -> dict[str, Any]:
        return shapes.show_payment(order, payment, self.amount_minor(payment))

    def announces(self, entry: Entry) -> bool:
        if entry.kind is Kind.REFUND:
            return entry.state is not State.PENDING
        return entry.state is not State.EXPIRED or bool(entry.link_id)

    def webhooks(self, entry: Entry, *, is_forged: bool = False) -> Sequence[Message]:
        return self._events.messages(entry, is_forged=is_forged)

    def return_url(self, entry: Entry) -> str:
        order = order_of(entry)
        url = rules.read_object(order.details, "link_meta").get("return_url")
        return (
            url.replace("{link_id}", entry.gateway_id).replace("{order_id}", order.id) if isinstance(url, str) else ""
        )
