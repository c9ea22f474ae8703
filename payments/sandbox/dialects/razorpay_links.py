"""Razorpay's payment links."""

from typing import TYPE_CHECKING, Any

from payments.sandbox.books import State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.chance import ALPHANUMERIC
from payments.sandbox.dialects import razorpay_rules as rules
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.india import national
from payments.sandbox.dialects.orders import Order

if TYPE_CHECKING:
    from payments.sandbox.dialects.razorpay import Razorpay

REPEATED = "payment link creation with reference ID already attempted"


class Links:
    def __init__(self, dialect: "Razorpay") -> None:
        self._dialect = dialect

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, rules.read_body(call)
        problem = rules.find_link_problem(document, dialect.gateway.clock.now())
        if problem is not None:
            return dialect.refuse_for(problem)
        reference = document.get("reference_id") or ""
        if reference and self._with_reference(reference):
            return dialect.error(400, f"{REPEATED}: ({reference})", "reference_id")
        order = self._open(call, document, reference)
        return as_json(self._show(order))

    def _open(self, call: Call, document: dict[str, Any], reference: str) -> Order:
        dialect = self._dialect
        word = dialect.gateway.chance.word(ALPHANUMERIC, 7, call.key, "link")
        short_url = f"{call.origin}/{dialect.name}/{dialect.page_prefix}{word}"
        details = {**document, "expire_by": document.get("expire_by") or 0, "short_url": short_url}
        phone = national(rules.read_object(document, "customer").get("contact"))
        order = dialect.draw_up(
            call, dialect.new_id(call.key), document["amount"], details, reference=reference, link_id=word,
            phone=phone, override=call.override,
        )  # fmt: skip
        order.entry.gateway_id = dialect.new_link_id(call.key)
        order.entry.operator = dialect.numbering.find_operator(phone)
        dialect.orders[order.id] = dialect.links[order.entry.gateway_id] = order
        dialect.gateway.open_entry(call, order.entry)
        return order

    def _with_reference(self, reference: str) -> list[Order]:
        entries = self._dialect.gateway.books.by_reference.get(reference, ())
        return [entry.details["order"] for entry in entries if entry.link_id]

    def _show(self, order: Order) -> dict[str, Any]:
        return shapes.show_link(order, order.details["short_url"])

    def find(self, call: Call) -> Answer:
        reference, payment_id = call.query.get("reference_id"), call.query.get("payment_id")
        if reference is not None:
            found = self._with_reference(reference)
        else:
            found = [
                order for order in reversed(self._dialect.links.values())
                if payment_id in (None, *(payment.id for payment in order.payments))
            ][:100]  # fmt: skip
        return as_json({"payment_links": [self._show(order) for order in found]})

    def _find(self, call: Call) -> Order | Answer:
        order = self._dialect.links.get(call.argument)
        return self._dialect.error(400, rules.UNKNOWN_ID) if order is None else order

    def read(self, call: Call) -> Answer:
        order = self._find(call)
        if isinstance(order, Answer):
            return order
        if self._dialect.stumbles(order.entry):
            return self._dialect.error(500, "Internal server error")
        return as_json(self._show(order))

    def cancel(self, call: Call) -> Answer:
        order = self._find(call)
        if isinstance(order, Answer):
            return order
        word = shapes.link_word(order)
        if word == "paid":
            return self._dialect.error(400, "cannot cancel or expire an already paid/partially paid link")
        if word != "created":
            return self._dialect.error(400, "cannot cancel or expire an expired link")
        order.is_closed = True
        entry, gateway = order.entry, self._dialect.gateway
        if not (entry.state is State.PENDING and entry.tries):
            # While a payer is approving, the payment goes on and may still arrive.
            gateway.books.close(entry, State.EXPIRED, "cancelled", gateway.clock.now())
            gateway.sender.announce(entry)
        return as_json(self._show(order))
