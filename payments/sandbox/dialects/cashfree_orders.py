"""Cashfree's orders and the payments made for them."""

from typing import TYPE_CHECKING, Any, cast

from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import cashfree_rules as rules
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.india import as_rupees
from payments.sandbox.dialects.orders import Order, OrderKnobs, Payment

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree

# A picture of one pixel: nobody scans it.
PICTURE = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVO"
           "RK5CYII=")  # fmt: skip
APPLICATIONS = {"default": "upi", "gpay": "tez", "phonepe": "phonepe", "paytm": "paytmmp", "bhim": "bhim"}


class Orders:
    def __init__(self, dialect: "Cashfree") -> None:
        self._dialect = dialect

    @property
    def _now(self) -> float:
        return self._dialect.gateway.clock.now()

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, call.document
        if document is None:
            return dialect.error(400, "the body must be a JSON object", "request_invalid")
        problem = rules.find_order_problem(document, self._now)
        if problem is not None:
            return dialect.refuse_for(problem)
        order_id = document.get("order_id") or dialect.new_id(call.key)
        if order_id in dialect.orders:
            return dialect.error(409, "order with same id is already present", "order_already_exists")
        expires_at = rules.read_time(document.get("order_expiry_time")) or self._now + rules.DEFAULT_DAYS * 86_400
        details = {
            **document,
            "expires_at": expires_at,
            "cf_order_id": dialect.new_cf_id(call.key, "order"),
            "session_id": dialect.new_session_id(call.key),
        }
        amount_minor = rules.read_paise(document["order_amount"])
        order = dialect.draw_up(call, order_id, amount_minor, details, reference=order_id)
        dialect.orders[order_id] = dialect.sessions[details["session_id"]] = order
        return as_json(shapes.show_order(order, self._now))

    def find(self, call: Call) -> Order | Answer:
        order = self._dialect.orders.get(call.argument)
        if order is None:
            return self._dialect.error(404, "Order Reference Id does not exist", "order_not_found")
        return self._dialect.error(500, "Internal server error") if self._dialect.stumbles(order.entry) else order

    def read(self, call: Call) -> Answer:
        order = self.find(call)
        return order if isinstance(order, Answer) else as_json(shapes.show_order(order, self._now))

    def terminate(self, call: Call) -> Answer:
        order = self.find(call)
        if isinstance(order, Answer):
            return order
        if call.text("order_status") != "TERMINATED":
            return self._dialect.error(400, "order_status : should be TERMINATED", "order_status_invalid")
        word = shapes.order_word(order, self._now)
        if word == "PAID":
            return self._dialect.error(400, "order is already paid", "order_already_paid")
        if word != "ACTIVE":
            return self._dialect.error(400, "order is no longer active", "order_inactive")
        order.is_closed = True
        return as_json(shapes.show_order(order, self._now))

    def pay(self, call: Call) -> Answer:
        """Ask the payer. A repeated call asks once more: it makes a payment of its own."""
        dialect = self._dialect
        order = dialect.sessions.get(call.text("payment_session_id"))
        if order is None:
            return dialect.error(400, "payment_session_id : invalid", "payment_session_id_invalid")
        problem = self._find_pay_problem(call, order)
        if problem is not None:
            return dialect.refuse_for(problem)
        asked = (call.document or {})["payment_method"]["upi"]
        upi = {"channel": asked["channel"], "vpa": asked.get("upi_id") or ""}
        if "upi_expiry_minutes" in asked:
            upi["minutes"] = str(asked["upi_expiry_minutes"])
        payment = dialect.pay(call, order, dialect.phone_of(order), upi)
        return as_json(
            {
                "action": "custom",
                "cf_payment_id": payment.id,
                "channel": upi["channel"],
                "data": {"url": None, "payload": _show_payload(order, payment), "content_type": None, "method": None},
                "payment_amount": shapes.rupees(order.entry.asked_minor),
                "payment_method": "upi",
            }
        )

    def _find_pay_problem(self, call: Call, order: Order) -> rules.Problem | None:
        if not cast("OrderKnobs", call.knobs).server_to_server:
            return rules.Problem("the feature is not enabled for this account", "feature_not_enabled")
        word = shapes.order_word(order, self._now)
        if word == "PAID":
            return rules.Problem("order is already paid", "order_already_paid")
        if word != "ACTIVE":
            return rules.Problem("order is no longer active", "order_inactive")
        return rules.find_upi_problem(call.document or {})

    def list_payments(self, call: Call) -> Answer:
        order = self.find(call)
        if isinstance(order, Answer):
            return order
        return as_json([self._dialect.show_payment(order, payment) for payment in reversed(order.payments)])

    def read_payment(self, call: Call) -> Answer:
        order = self.find(call)
        if isinstance(order, Answer):
            return order
        for payment in order.payments:
            if payment.id == call.arguments[1]:
                return as_json(self._dialect.show_payment(order, payment))
        return self._dialect.error(404, "payment not found", "payment_not_found")


def _show_payload(order: Order, payment: Payment) -> dict[str, Any] | None:
    """What opens the payer's UPI application."""
    if payment.asked["channel"] == "collect":
        return None
    if payment.asked["channel"] == "qrcode":
        return {"qrcode": PICTURE}
    query = f"pa=sandbox@cashfree&pn=Sandbox&tr={payment.id}&am={as_rupees(order.entry.asked_minor)}&cu=INR"
    return {name: f"{scheme}://{'upi/' if scheme == 'tez' else ''}pay?{query}" for name, scheme in APPLICATIONS.items()}
