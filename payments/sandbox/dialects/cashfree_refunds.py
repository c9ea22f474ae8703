"""Cashfree's refunds, under the caller's own ids."""

from typing import TYPE_CHECKING, Any

from payments.sandbox.books import Entry, State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import cashfree_rules as rules
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.orders import Payment

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree


class Refunds:
    def __init__(self, dialect: "Cashfree") -> None:
        self._dialect = dialect

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, call.document or {}
        order = dialect.orders.get(call.argument)
        if order is None:
            return dialect.error(404, "Order Reference Id does not exist", "order_not_found")
        payment = order.paid
        if payment is None:
            return dialect.error(400, "transaction not found", "order_id_not_paid")
        left_minor = payment.entry.amount_minor - order.refunded_minor(payment)
        if call.text("refund_id") in dialect.refunds:
            return dialect.error(400, "Duplicate Merchant Refund Id", "refund_id_invalid")
        problem = rules.find_refund_problem(document, left_minor)
        if problem is not None:
            return dialect.refuse_for(problem)
        refund_id = document["refund_id"]
        refund = dialect.open_refund(
            call, payment, refund_id, rules.read_paise(document["refund_amount"]), reference=refund_id,
            cf_refund_id=dialect.new_cf_id(call.key, "refund"),
            **{name: document.get(name) for name in ("refund_note", "refund_speed")},
        )  # fmt: skip
        return as_json(self._show(refund))

    def _show(self, refund: Entry) -> dict[str, Any]:
        return shapes.show_refund(refund, self._dialect.my_knobs(refund).refund_failed_word)

    def list_of_order(self, call: Call) -> Answer:
        order = self._dialect.orders.get(call.argument)
        if order is None:
            return self._dialect.error(404, "Order Reference Id does not exist", "order_not_found")
        returned = [self._show_return(payment) for payment in order.payments if payment.state is State.RETURNED]
        return as_json([*(self._show(refund) for refund in order.refunds), *returned])

    def _show_return(self, payment: Payment) -> dict[str, Any]:
        dialect = self._dialect
        return shapes.show_return(payment, dialect.return_id(payment), dialect.amount_minor(payment))

    def read(self, call: Call) -> Answer:
        refund = self._dialect.refunds.get(call.arguments[1])
        if refund is None or refund.details["order"].id != call.argument:
            return self._dialect.error(404, "refund not found", "refund_get_not_found")
        if self._dialect.stumbles(refund):
            return self._dialect.error(500, "Internal server error")
        return as_json(self._show(refund))
