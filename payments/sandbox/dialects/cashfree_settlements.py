"""Cashfree's settlements, and its three reports of what they hold."""

from typing import TYPE_CHECKING, Any

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Answer, Call, as_json
from payments.sandbox.dialects import cashfree_rules as rules
from payments.sandbox.dialects import cashfree_shapes as shapes
from payments.sandbox.dialects.india import as_india_time, tax_minor
from payments.sandbox.dialects.orders import order_of
from payments.sandbox.dialects.settlements import Settlement, moved, net_minor, settle

if TYPE_CHECKING:
    from payments.sandbox.dialects.cashfree import Cashfree

SETTLEMENT_FIELDS = ("cf_settlement_id", "settlement_date", "settlement_utr", "amount_settled", "settlement_charge",
                     "settlement_tax", "settlement_type", "remarks")  # fmt: skip
LIST_FIELDS = {
    "payment_details": ("cf_payment_id", "payment_amount", "payment_service_charge", "payment_service_tax",
                        "payment_time", "payment_utr", "payment_group"),
    "refund_details": ("refund_id", "refund_arn", "refund_note", "refund_processed_at"),
    "order_details": ("order_id", "order_amount"),
    "settlement_details": SETTLEMENT_FIELDS,
    "event_details": ("event_id", "event_type", "event_status", "event_time", "event_amount",
                      "event_settlement_amount", "event_currency", "sale_type"),
}  # fmt: skip


class Settlements:
    def __init__(self, dialect: "Cashfree") -> None:
        self._dialect = dialect

    def _all(self) -> list[Settlement]:
        gateway = self._dialect.gateway
        return settle(gateway.books, gateway.clock.now(), self._dialect.my_knobs().settlement_hours)

    def _id(self, settlement: Settlement) -> str:
        return self._dialect.new_cf_id(settlement.day, "settlement")

    def _by_entry(self) -> dict[int, Settlement]:
        return {entry.number: settlement for settlement in self._all() for entry in settlement.entries}

    # The pages that all three share

    def _page(self, call: Call, rows: list[tuple[float, dict[str, Any]]]) -> Answer:
        pagination = rules.read_object(call.document or {}, "pagination")
        limit, cursor = pagination.get("limit", 10), pagination.get("cursor") or "0"
        if type(limit) is not int or not 10 <= limit <= 1000:
            return self._dialect.error(400, "pagination.limit : 10 to 1000", "pagination.limit_invalid")
        if not (isinstance(cursor, str) and cursor.isdecimal()):
            return self._dialect.error(400, "pagination.cursor : invalid", "pagination.cursor_invalid")
        filters = rules.read_object(call.document or {}, "filters")
        start, end = (rules.read_time(filters.get(name)) for name in ("start_date", "end_date"))
        if (
            (start is None or end is None)
            and not filters.get("cf_settlement_ids")
            and not filters.get("settlement_utrs")
        ):
            return self._dialect.error(400, "filters.start_date : missing or invalid", "filters.start_date_invalid")
        within = [row for at, row in rows if (start is None or at >= start) and (end is None or int(at) <= end)]
        first, last = int(cursor), int(cursor) + limit
        more = str(last) if last < len(within) else None
        return as_json({"cursor": more, "limit": limit, "data": within[first:last]})

    def _wanted(self, call: Call, settlement: Settlement) -> bool:
        filters = rules.read_object(call.document or {}, "filters")
        ids, utrs = filters.get("cf_settlement_ids"), filters.get("settlement_utrs")
        is_listed = not isinstance(ids, list) or not ids or self._id(settlement) in [str(one) for one in ids]
        return is_listed and (not isinstance(utrs, list) or not utrs or _utr(settlement) in [str(one) for one in utrs])

    # Calls

    def list_all(self, call: Call) -> Answer:
        return self._page(call, [(one.at, self._show(one)) for one in self._all() if self._wanted(call, one)])

    def reconcile(self, call: Call) -> Answer:
        """Flat rows of every event within the dates, settled or not yet."""
        settled = self._by_entry()
        entries = moved(self._dialect.gateway.books)
        rows = [(entry.closed_at or 0.0, self._show_row(entry, settled.get(entry.number))) for entry in entries]
        rows += [(settlement.at, self._show_own_row(settlement)) for settlement in self._all()]
        returned = [entry for entry in self._dialect.gateway.books.entries if entry.state is State.RETURNED]
        rows += [(entry.closed_at or 0.0, self._show_return(entry)) for entry in returned]
        return self._page(call, rows)

    def reconcile_settlements(self, call: Call) -> Answer:
        """Nested rows of the settlements within the dates."""
        rows: list[tuple[float, dict[str, Any]]] = []
        for settlement in self._all():
            if self._wanted(call, settlement):
                flat = [self._show_own_row(settlement)]
                flat += [self._show_row(entry, settlement) for entry in settlement.entries]
                rows += [(settlement.at, _nest(row)) for row in flat]
        return self._page(call, rows)

    def read_of_order(self, call: Call) -> Answer:
        order = self._dialect.orders.get(call.argument)
        paid = order.paid if order is not None else None
        settlement = self._by_entry().get(paid.entry.number) if paid is not None else None
        if order is None or paid is None or settlement is None:
            return self._dialect.error(404, "settlement not found", "settlement_get_not_found")
        entry = paid.entry
        tax = tax_minor(entry.fee_minor)
        return as_json(
            {
                "cf_payment_id": paid.id,
                "cf_settlement_id": self._id(settlement),
                "entity": "settlement",
                "order_amount": shapes.rupees(order.entry.asked_minor),
                "order_currency": "INR",
                "order_id": order.id,
                "payment_time": as_india_time(paid.created_at),
                "service_charge": shapes.rupees(entry.fee_minor - tax),
                "service_tax": shapes.rupees(tax),
                "settlement_amount": shapes.rupees(net_minor(entry)),
                "settlement_currency": "INR",
                "transfer_id": None,
                "transfer_time": as_india_time(settlement.at),
                "transfer_utr": _utr(settlement),
            }
        )

    # What it shows

    def _show(self, settlement: Settlement) -> dict[str, Any]:
        charged = sum(entry.fee_minor for entry in settlement.entries)
        gross = sum(entry.amount_minor for entry in settlement.entries if entry.kind is Kind.COLLECTION)
        times = [entry.closed_at or 0.0 for entry in settlement.entries]
        return {
            "adjustment": 0,
            "amount_settled": shapes.rupees(settlement.amount_minor),
            "cf_settlement_id": self._id(settlement),
            "payment_amount": shapes.rupees(gross),
            "payment_from": as_india_time(min(times)),
            "payment_till": as_india_time(max(times)),
            "reason": None,
            "remarks": None,
            "service_charge": shapes.rupees(charged - tax_minor(charged)),
            "service_tax": shapes.rupees(tax_minor(charged)),
            "settled_on": as_india_time(settlement.at),
            "settlement_amount": shapes.rupees(settlement.amount_minor),
            "settlement_charge": 0,
            "settlement_initiated_on": as_india_time(settlement.at),
            "settlement_tax": 0,
            "settlement_type": "NORMAL_SETTLEMENT",
            "settlement_utr": _utr(settlement),
            "status": "SUCCESS",
        }

    def _show_settlement_fields(self, settlement: Settlement | None) -> dict[str, Any]:
        if settlement is None:
            return dict.fromkeys(SETTLEMENT_FIELDS)
        return {
            **dict.fromkeys(SETTLEMENT_FIELDS),
            "cf_settlement_id": self._id(settlement),
            "settlement_date": as_india_time(settlement.at),
            "settlement_utr": _utr(settlement),
            "amount_settled": shapes.rupees(settlement.amount_minor),
            "settlement_charge": 0,
            "settlement_tax": 0,
            "settlement_type": "NORMAL_SETTLEMENT",
        }

    def _show_own_row(self, settlement: Settlement) -> dict[str, Any]:
        at = as_india_time(settlement.at)
        return {
            "event_id": self._id(settlement),
            "event_type": "SETTLEMENT",
            "event_status": "SUCCESS",
            "event_time": at,
            "event_amount": shapes.rupees(settlement.amount_minor),
            "event_settlement_amount": shapes.rupees(settlement.amount_minor),
            "event_currency": "INR",
            "sale_type": "DEBIT",
            **self._show_settlement_fields(settlement),
        }

    def _show_row(self, entry: Entry, settlement: Settlement | None) -> dict[str, Any]:
        is_in, order = entry.kind is Kind.COLLECTION, order_of(entry)
        payment = (order.paid or order.payments[-1]) if is_in else entry.details["payment"]
        tax, done_at = tax_minor(entry.fee_minor), as_india_time(entry.closed_at or 0.0)
        return {
            "event_id": payment.id if is_in else entry.details["cf_refund_id"],
            "event_type": "PAYMENT" if is_in else "REFUND",
            "event_status": "SUCCESS",
            "event_time": done_at,
            "event_amount": shapes.rupees(entry.amount_minor),
            "event_settlement_amount": shapes.rupees(abs(net_minor(entry))),
            "event_currency": "INR",
            "sale_type": "CREDIT" if is_in else "DEBIT",
            "order_id": order.id,
            "order_amount": shapes.rupees(order.entry.asked_minor),
            "cf_payment_id": payment.id,
            "payment_amount": shapes.rupees(payment.entry.amount_minor),
            "payment_service_charge": shapes.rupees(entry.fee_minor - tax) if is_in else None,
            "payment_service_tax": shapes.rupees(tax) if is_in else None,
            "payment_time": as_india_time(payment.created_at),
            "payment_utr": shapes.bank_reference(payment.entry),
            "payment_group": "upi",
            "refund_id": None if is_in else entry.gateway_id,
            "refund_arn": None if is_in else shapes.bank_reference(entry),
            "refund_note": None if is_in else entry.details.get("refund_note"),
            "refund_processed_at": None if is_in else done_at,
            "adjustment": 0,
            **self._show_settlement_fields(settlement),
        }

    def _show_return(self, entry: Entry) -> dict[str, Any]:
        """What was paid twice, or too late, went back; it was nobody's, so no payment is listed for it."""
        order = order_of(entry)
        payment = next(payment for payment in reversed(order.payments) if payment.entry is entry)
        amount = shapes.rupees(self._dialect.amount_minor(payment))
        at = as_india_time(entry.closed_at or 0.0)
        return {
            "event_id": self._dialect.return_id(payment),
            "event_type": "REFUND",
            "event_status": "SUCCESS",
            "event_time": at,
            "event_amount": amount,
            "event_settlement_amount": amount,
            "event_currency": "INR",
            "sale_type": "DEBIT",
            "order_id": order.id,
            "order_amount": shapes.rupees(order.entry.asked_minor),
            "cf_payment_id": payment.id,
            "payment_amount": amount,
            "refund_id": None,
            "refund_arn": shapes.bank_reference(entry),
            "refund_note": payment.reason,
            "refund_processed_at": at,
            "adjustment": 0,
            **self._show_settlement_fields(None),
        }


def _nest(row: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {
        group: {name: row.get(name) for name in names} for group, names in LIST_FIELDS.items()
    }  # fmt: skip
    # The documents' own spelling; and a text where nothing is, as their samples have it.
    return {**nested, "cutomer_details": {"customer_name": "null,", "customer_email": "null,"}, "dispute_details": None}


def _utr(settlement: Settlement) -> str:
    return f"{settlement.day.replace('-', '')}00000001"
