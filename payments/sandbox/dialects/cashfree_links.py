"""Cashfree's payment links. Behind each stands an order of its own, named CFPay_…"""

from typing import TYPE_CHECKING, Any

from payments.sandbox.books import State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.chance import ALPHANUMERIC
from payments.sandbox.dialects import cashfree_rules as rules
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.cashfree_orders import PICTURE
from payments.sandbox.dialects.orders import Order

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree


class Links:
    def __init__(self, dialect: "Cashfree") -> None:
        self._dialect = dialect

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, call.document
        if document is None:
            return dialect.error(400, "the body must be a JSON object", "request_invalid")
        problem = rules.find_link_problem(document, dialect.gateway.clock.now())
        if problem is not None:
            return dialect.refuse_for(problem)
        if document["link_id"] in dialect.links:
            return dialect.error(409, "link with same id is already present", "link_already_exists")
        return as_json(shapes.show_link(self._open(call, document)))

    def _open(self, call: Call, document: dict[str, Any]) -> Order:
        dialect, link_id = self._dialect, document["link_id"]
        word = dialect.gateway.chance.word(ALPHANUMERIC, 12, call.key, "link")
        order_id = f"CFPay_{dialect.gateway.chance.word(ALPHANUMERIC, 14, call.key, 'order')}"
        cf_link_id, now = dialect.new_cf_id(call.key, "link"), dialect.gateway.clock.now()
        details = {
            **document,
            "cf_link_id": cf_link_id,
            "cf_order_id": dialect.new_cf_id(call.key, "order"),
            "expires_at": rules.read_time(document.get("link_expiry_time")) or now + rules.DEFAULT_DAYS * 86_400,
            "link_url": f"{call.origin}/{dialect.name}/{dialect.page_prefix}{word}",
            "order_tags": {"cf_link_id": cf_link_id, "link_id": link_id},
            "qrcode": PICTURE,
            "session_id": dialect.new_session_id(call.key),
        }
        amount_minor = rules.read_paise(document["link_amount"])
        order = dialect.draw_up(
            call, order_id, amount_minor, details, reference=link_id, link_id=word, override=call.override
        )
        order.entry.gateway_id = link_id
        order.entry.phone = dialect.phone_of(order)
        order.entry.operator = dialect.numbering.find_operator(order.entry.phone)
        dialect.links[link_id] = dialect.orders[order_id] = dialect.sessions[details["session_id"]] = order
        dialect.gateway.open_entry(call, order.entry)
        return order

    def _find(self, call: Call) -> Order | Answer:
        order = self._dialect.links.get(call.argument)
        if order is None:
            return self._dialect.error(404, "link does not exist", "link_get_not_found")
        return self._dialect.error(500, "Internal server error") if self._dialect.stumbles(order.entry) else order

    def read(self, call: Call) -> Answer:
        order = self._find(call)
        return order if isinstance(order, Answer) else as_json(shapes.show_link(order))

    def cancel(self, call: Call) -> Answer:
        order = self._find(call)
        if isinstance(order, Answer):
            return order
        word = shapes.link_word(order)
        if word != "ACTIVE":
            return self._dialect.error(400, f"link is {word} and cannot be cancelled", "link_post_failed")
        order.is_closed = True
        entry, gateway = order.entry, self._dialect.gateway
        if not shapes.is_in_flight(order):
            # While a payer is approving, the payment goes on and may still arrive.
            gateway.books.close(entry, State.EXPIRED, "cancelled", gateway.clock.now())
            gateway.sender.announce(entry)
        return as_json(shapes.show_link(order))

    def list_orders(self, call: Call) -> Answer:
        """Only paid ones, unless all are asked for; there is none until the payer begins."""
        order = self._find(call)
        if isinstance(order, Answer):
            return order
        is_wanted = order.paid is not None or (call.query.get("status") == "ALL" and bool(order.payments))
        return as_json([shapes.show_order(order, self._dialect.gateway.clock.now())] if is_wanted else [])
