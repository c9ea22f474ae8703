"""Razorpay's refunds, and the only idempotency key it has."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from payments.sandbox.books import Entry, State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import razorpay_rules as rules
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.orders import Payment, order_of

if TYPE_CHECKING:
    from payments.sandbox.dialects.razorpay import Razorpay


class Refunds:
    HEADER: ClassVar[str] = "X-Refund-Idempotency"

    def __init__(self, dialect: "Razorpay") -> None:
        self._dialect = dialect
        self.forget()

    def forget(self) -> None:
        self._known: dict[str, tuple[object, Answer | None]] = {}  # key → request, answer (None while under way)

    # The idempotency key

    def _request(self, call: Call) -> object:
        return call.tail, call.body

    def repeat(self, call: Call) -> Answer | None:
        key = call.headers[self.HEADER]
        if call.method != "POST" or self._dialect.refuse(call) is not None:
            return None
        known = self._known.get(key)
        if known is None:
            self._known[key] = (self._request(call), None)
            return None
        request, answer = known
        if request != self._request(call):
            return self._dialect.error(409, rules.KEY_REUSED)
        return self._dialect.error(409, rules.KEY_BUSY) if answer is None else answer

    def remember(self, call: Call, answer: Answer | None) -> None:
        """A refund that was made is told again; a call that made none may be repeated."""
        key = call.headers[self.HEADER]
        if call.created is not None and answer is not None:
            shown = as_json(shapes.show_refund(call.created)) if answer.status >= 400 else answer
            self._known[key] = (self._request(call), shown)
        elif self._known.get(key) == (self._request(call), None):
            del self._known[key]

    # Calls

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, rules.read_body(call)
        payment_id = call.argument or str(document.get("payment_id"))
        payment = dialect.payments.get(payment_id)
        if payment is None:
            return dialect.error(400, f"{payment_id} is not a valid id", "payment_id")
        if payment.state is not State.COLLECTED:
            return dialect.error(400, "The payment status should be captured for action to be taken")
        left_minor = payment.entry.amount_minor - order_of(payment.entry).refunded_minor(payment)
        key = call.headers.get(self.HEADER)
        problem = rules.find_refund_problem(document, key, left_minor)
        if problem is not None:
            return dialect.refuse_for(problem)
        refund = dialect.open_refund(
            call, payment, dialect.new_refund_id(call.key), document.get("amount", left_minor),
            reference=document.get("receipt") or key or "",
            **{name: document.get(name) for name in ("receipt", "notes", "speed")},
        )  # fmt: skip
        return as_json(shapes.show_refund(refund))

    def _page(self, call: Call, refunds: Iterable[Entry]) -> Answer:
        rows = ((refund.created_at, partial(shapes.show_refund, refund)) for refund in reversed(list(refunds)))
        return self._dialect.page(call, rows)

    def list_all(self, call: Call) -> Answer:
        """Those that Razorpay makes by itself too."""
        rows = [(one.created_at, partial(shapes.show_refund, one)) for one in self._dialect.refunds.values()]
        rows += [(one.entry.closed_at or 0.0, partial(self._show_return, one)) for one in self._returned()]
        return self._dialect.page(call, sorted(rows, key=lambda row: -row[0]))

    def list_of_payment(self, call: Call) -> Answer:
        payment = self._dialect.payments.get(call.argument)
        if payment is None:
            return self._dialect.error(400, rules.UNKNOWN_ID)
        if payment.state is State.RETURNED:
            return as_json(shapes.show_collection([self._show_return(payment)]))
        return self._page(call, order_of(payment.entry).refunds_of(payment))

    def _returned(self) -> list[Payment]:
        return [payment for payment in self._dialect.payments.values() if payment.state is State.RETURNED]

    def _show_return(self, payment: Payment) -> dict[str, Any]:
        amount_minor = self._dialect.gateway.life.amount_minor(payment.entry)
        return shapes.show_return(order_of(payment.entry), payment, self._dialect.return_id(payment), amount_minor)

    def read(self, call: Call) -> Answer:
        for payment in self._returned():
            if self._dialect.return_id(payment) == call.argument:
                return as_json(self._show_return(payment))
        return self._show(self._dialect.refunds.get(call.argument))

    def read_of_payment(self, call: Call) -> Answer:
        refund = self._dialect.refunds.get(call.arguments[1])
        is_of_payment = refund is not None and refund.details["payment"].id == call.argument
        return self._show(refund if is_of_payment else None)

    def _show(self, refund: Entry | None) -> Answer:
        if refund is None:
            return self._dialect.error(400, rules.UNKNOWN_ID)
        if self._dialect.stumbles(refund):
            return self._dialect.error(500, "Internal server error")
        return as_json(shapes.show_refund(refund))
