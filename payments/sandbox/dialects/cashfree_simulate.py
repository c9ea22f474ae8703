"""Cashfree's own way to order how a payment ends in its sandbox."""

from typing import TYPE_CHECKING, Any

from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects.cashfree_rules import read_object
from payments.sandbox.life import REFUSED, TIMED_OUT

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree

ENDS = {"SUCCESS": "", "FAILED": REFUSED, "USER_DROPPED": TIMED_OUT, "PENDING": None}


class Simulations:
    def __init__(self, dialect: "Cashfree") -> None:
        self._dialect = dialect
        self.forget()

    def forget(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def create(self, call: Call) -> Answer:
        dialect, document = self._dialect, call.document or {}
        payment = dialect.payments.get(str(document.get("entity_id")))
        word = read_object(document, "entity_simulation").get("payment_status")
        if document.get("entity") != "PAYMENTS" or payment is None:
            return dialect.error(404, "payment not found", "payment_not_found")
        if not isinstance(word, str) or word not in ENDS:
            return dialect.error(400, "entity_simulation.payment_status : invalid", "payment_status_invalid")
        reason = ENDS[word]
        if reason is not None and payment.is_latest:
            dialect.gateway.life.decide(payment.entry, reason)
        simulation_id = dialect.new_cf_id(f"{payment.id}/{word}", "payment")
        self._known[simulation_id] = {
            "simulation_id": simulation_id,
            "entity": "PAYMENTS",
            "entity_id": payment.id,
            "entity_simulation": {"payment_status": word, "payment_error_code": None},
        }
        return as_json(self._known[simulation_id])

    def read(self, call: Call) -> Answer:
        known = self._known.get(call.argument)
        return (
            self._dialect.error(404, "simulation not found", "simulation_not_found")
            if known is None
            else as_json(known)
        )
