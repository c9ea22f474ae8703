"""Razorpay's settlements, and the report that breaks them down."""

from functools import partial
from typing import TYPE_CHECKING, Any

from payments.sandbox.books import Entry, Kind
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import razorpay_rules as rules
from payments.sandbox.dialects import razorpay_shapes as shapes
from payments.sandbox.dialects.india import day_in_india, tax_minor
from payments.sandbox.dialects.orders import Payment, order_of
from payments.sandbox.dialects.settlements import Settlement, moved, settle

if TYPE_CHECKING:
    from payments.sandbox.dialects.razorpay import Razorpay


class Settlements:
    def __init__(self, dialect: "Razorpay") -> None:
        self._dialect = dialect

    def _all(self) -> list[Settlement]:
        gateway = self._dialect.gateway
        return settle(gateway.books, gateway.clock.now(), self._dialect.my_knobs().settlement_hours)

    def _id(self, settlement: Settlement) -> str:
        return self._dialect.new_settlement_id(settlement.day)

    def _show(self, settlement: Settlement) -> dict[str, Any]:
        return {
            "id": self._id(settlement),
            "entity": "settlement",
            "amount": settlement.amount_minor,
            "status": "processed",
            "fees": 0,
            "tax": 0,
            "utr": _utr(settlement),
            "created_at": int(settlement.at),
        }

    def list_all(self, call: Call) -> Answer:
        newest_first = sorted(self._all(), key=lambda settlement: -settlement.at)
        return self._dialect.page(call, ((one.at, partial(self._show, one)) for one in newest_first))

    def read(self, call: Call) -> Answer:
        for settlement in self._all():
            if self._id(settlement) == call.argument:
                return as_json(self._show(settlement))
        return self._dialect.error(400, rules.UNKNOWN_ID)

    def reconcile(self, call: Call) -> Answer:
        year, month, day = (call.query.get(name, "") for name in ("year", "month", "day"))
        if not (year.isdecimal() and len(year) == 4):
            return self._dialect.error(400, "The year must be 4 digits.", "year")
        if not (month.isdecimal() and 1 <= int(month) <= 12):
            return self._dialect.error(400, "The month is not a valid month.", "month")
        if day and not (day.isdecimal() and 1 <= len(day) <= 2):
            return self._dialect.error(400, "The day must be between 1 and 2 digits.", "day")
        count, skip = call.query.get("count", "10"), call.query.get("skip", "0")
        if not (count.isdecimal() and skip.isdecimal() and 1 <= int(count) <= 1000):
            return self._dialect.error(400, "The count must be between 1 and 1000.", "count")
        prefix = f"{year}-{int(month):02d}-" + (f"{int(day):02d}" if day else "")
        settled = {id(entry): settlement for settlement in self._all() for entry in settlement.entries}
        entries = [
            entry for entry in moved(self._dialect.gateway.books)
            if day_in_india(entry.closed_at or 0.0).startswith(prefix)
        ]  # fmt: skip
        rows = [self._show_row(entry, settled.get(id(entry))) for entry in entries[int(skip) :][: int(count)]]
        return as_json(shapes.show_collection(rows))

    def _show_row(self, entry: Entry, settlement: Settlement | None) -> dict[str, Any]:
        is_in, order = entry.kind is Kind.COLLECTION, order_of(entry)
        payment: Payment = order.paid or order.payments[-1]
        if not is_in:
            payment = entry.details["payment"]
        return {
            "entity_id": payment.id if is_in else entry.gateway_id,
            "type": "payment" if is_in else "refund",
            "debit": 0 if is_in else entry.amount_minor,
            "credit": entry.amount_minor - entry.fee_minor if is_in else 0,
            "amount": entry.amount_minor,
            "currency": "INR",
            "fee": entry.fee_minor,
            "tax": tax_minor(entry.fee_minor),
            "on_hold": False,
            "settled": settlement is not None,
            "created_at": int(entry.created_at),
            "settled_at": None if settlement is None else int(settlement.at),
            "settlement_id": None if settlement is None else self._id(settlement),
            "posted_at": None,
            "credit_type": "default",
            "description": order.details.get("description"),
            "notes": "{}" if not order.details.get("notes") else order.details["notes"],
            "payment_id": None if is_in else payment.id,
            "settlement_utr": None if settlement is None else _utr(settlement),
            "order_id": order.id,
            "order_receipt": order.details.get("receipt"),
            "method": "upi",
            "card_network": None,
            "card_issuer": None,
            "card_type": None,
            "dispute_id": None,
        }


def _utr(settlement: Settlement) -> str:
    return f"SBX{settlement.day.replace('-', '')}"
