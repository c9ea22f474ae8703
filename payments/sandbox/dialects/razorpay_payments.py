"""Razorpay's orders and payments: create, ask the payer, capture, read."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from payments.sandbox.books import State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import razorpay_rules as rules
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.india import as_rupees, national
from payments.sandbox.dialects.orders import Order, Payment, order_of

if TYPE_CHECKING:
    from payments.sandbox.dialects.razorpay import Razorpay, RazorpayKnobs

ALREADY_PAID = "Payment already done for this order."


class Payments:
    def __init__(self, dialect: "Razorpay") -> None:
        self._dialect = dialect

    # Orders

    def create_order(self, call: Call) -> Answer:
        dialect, document = self._dialect, rules.read_body(call)
        problem = rules.find_order_problem(document)
        if problem is not None:
            return dialect.refuse_for(problem)
        receipt = document.get("receipt") or ""
        order = dialect.draw_up(call, dialect.new_id(call.key), document["amount"], document, reference=receipt)
        dialect.orders[order.id] = order
        dialect.by_receipt[receipt].append(order)
        return as_json(shapes.show_order(order))

    def list_orders(self, call: Call) -> Answer:
        receipt, authorized = call.query.get("receipt"), call.query.get("authorized")
        expands = "payments" in call.query.get("expand[]", "")
        orders = self._dialect.orders.values() if receipt is None else self._dialect.by_receipt.get(receipt, [])
        rows = (
            (order.entry.created_at, partial(self._show_order, order, expands=expands))
            for order in reversed(orders)
            if authorized in (None, str(int(_is_authorized(order))))
        )
        return self._dialect.page(call, rows)

    def _show_order(self, order: Order, *, expands: bool) -> dict[str, Any]:
        shown = shapes.show_order(order)
        return {**shown, "payments": shapes.show_collection(self._show_all(order))} if expands else shown

    def _find_order(self, call: Call) -> Order | Answer:
        order = self._dialect.orders.get(call.argument)
        if order is None:
            return self._dialect.error(400, rules.UNKNOWN_ID)
        return self._dialect.error(500, "Internal server error") if self._dialect.stumbles(order.entry) else order

    def read_order(self, call: Call) -> Answer:
        order = self._find_order(call)
        return order if isinstance(order, Answer) else as_json(shapes.show_order(order))

    def edit_order(self, call: Call) -> Answer:
        order, document = self._find_order(call), rules.read_body(call)
        if isinstance(order, Answer):
            return order
        strange = sorted(set(document) - {"notes"})
        if strange:
            return self._dialect.error(400, f"{', '.join(strange)} is/are not required and should not be sent")
        problem = rules.find_notes_problem(document)
        if problem is not None:
            return self._dialect.refuse_for(problem)
        order.details["notes"] = document.get("notes")
        return as_json(shapes.show_order(order))

    def list_of_order(self, call: Call) -> Answer:
        order = self._find_order(call)
        return order if isinstance(order, Answer) else as_json(shapes.show_collection(self._show_all(order)))

    def _show_all(self, order: Order) -> list[dict[str, Any]]:
        return [self._dialect.show_payment(order, payment) for payment in reversed(order.payments)]

    # Payments

    def create_json(self, call: Call) -> Answer:
        paid = self._charge(call)
        if isinstance(paid, Answer):
            return paid
        payment, url = paid
        steps = [{"action": "poll", "url": f"{call.origin}/razorpay/v1/payments/{payment.id}"}]
        if url:
            steps.insert(0, {"action": "intent", "url": url})
        return as_json({"razorpay_payment_id": payment.id, "next": steps})

    def create_upi(self, call: Call) -> Answer:
        paid = self._charge(call)
        if isinstance(paid, Answer):
            return paid
        payment, url = paid
        return as_json({"razorpay_payment_id": payment.id, **({"link": url} if url else {})})

    def _charge(self, call: Call) -> Answer | tuple[Payment, str]:
        """Ask the payer; also the address that opens the payer's UPI application, "" for a collect request."""
        dialect, document = self._dialect, rules.read_body(call)
        order = dialect.orders.get(str(document.get("order_id")))
        knobs = cast("RazorpayKnobs", call.knobs)
        if not knobs.server_to_server:
            return dialect.error(404, "")
        if order is None:
            return dialect.error(400, rules.UNKNOWN_ID, "order_id")
        problem = rules.find_upi_problem(document, order.entry.asked_minor, email_required=knobs.email_required)
        if problem is not None:
            return dialect.refuse_for(problem)
        if order.paid is not None:
            return dialect.error(400, ALREADY_PAID)
        upi = rules.read_object(document, "upi")
        asked = {
            "flow": upi.get("flow", "collect"),
            "vpa": str(upi.get("vpa") or document.get("vpa") or ""),
            **{name: document.get(name) for name in ("email", "description", "notes")},
        }
        payment = dialect.pay(call, order, national(document["contact"]), asked)
        if asked["flow"] == "collect":
            return payment, ""
        amount = as_rupees(order.entry.asked_minor)
        return payment, f"upi://pay?pa=sandbox@razorpay&pn=Sandbox&tr={payment.id}&am={amount}&cu=INR&mc=5812"

    def validate_vpa(self, call: Call) -> Answer:
        vpa = rules.read_body(call).get("vpa")
        if not rules.is_vpa(vpa):
            return self._dialect.error(400, "Invalid VPA. Please enter a valid Virtual Payment Address", "vpa")
        return as_json({"vpa": vpa, "success": True, "customer_name": "Sandbox Payer"})

    def list_all(self, call: Call) -> Answer:
        payments = reversed(self._dialect.payments.values())
        show = self._dialect.show_payment
        rows = ((payment.created_at, partial(show, order_of(payment.entry), payment)) for payment in payments)
        return self._dialect.page(call, rows)

    def read(self, call: Call) -> Answer:
        payment = self._dialect.payments.get(call.argument)
        if payment is None:
            return self._dialect.error(400, rules.UNKNOWN_ID)
        if self._dialect.stumbles(payment.entry):
            return self._dialect.error(500, "Internal server error")
        return as_json(self._dialect.show_payment(order_of(payment.entry), payment))

    def capture(self, call: Call) -> Answer:
        dialect, document = self._dialect, rules.read_body(call)
        payment = dialect.payments.get(call.argument)
        if payment is None:
            return dialect.error(400, rules.UNKNOWN_ID)
        problem = rules.find_amount_problem(document) or self._find_capture_problem(payment, document["amount"])
        if problem is not None:
            return dialect.refuse_for(problem)
        call.created = payment.entry
        dialect.gateway.life.take(payment.entry)
        return as_json(dialect.show_payment(order_of(payment.entry), payment))

    def _find_capture_problem(self, payment: Payment, amount_minor: int) -> rules.Problem | None:
        if payment.state is State.COLLECTED:
            return rules.Problem("This payment has already been captured")
        if payment.state is not State.PENDING or payment.held_at is None:
            return rules.Problem("Only payments which have been authorized and not yet captured can be captured")
        if amount_minor != self._dialect.gateway.life.amount_minor(payment.entry):
            return rules.Problem("Capture amount must be equal to the amount authorized", "amount")
        return None


def _is_authorized(order: Order) -> bool:
    return any(payment.held_at is not None or payment.state is State.COLLECTED for payment in order.payments)
