"""Giving money back at Cashfree: one refund per reference, which is its refund_id."""

import re
from dataclasses import replace

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected
from payments.gateways.base import REFUND_REFUSALS, RefundRequest, RefundStatus
from payments.gateways.cashfree_api import CashfreeApi, in_rupees
from payments.gateways.cashfree_reads import CashfreeReads, check_id
from payments.gateways.cashfree_records import CURRENCY, read_refund, refund_id_of, refund_name
from payments.gateways.http import Refused, Reply, unclear
from payments.gateways.reading import read_text

REFUND_MINIMUM_MINOR = 100
MAX_NOTE = 100
_KNOWN = re.compile(r"duplicate|already", re.IGNORECASE)
_TOO_MUCH = re.compile(r"cannot be greater|exceed", re.IGNORECASE)


class CashfreeRefunds:
    """Threads share it."""

    def __init__(self, api: CashfreeApi, reads: CashfreeReads) -> None:
        self._api = api
        self._reads = reads

    def refund(self, request: RefundRequest) -> RefundStatus:
        if request.money.currency != CURRENCY or request.money.amount_minor < REFUND_MINIMUM_MINOR:
            raise Rejected("from 1.00 INR", code="refund_amount_refused", fields={"amount": "currency or amount"})
        deadline = self._api.start_deadline()
        order_id = self._order_of(request.transaction_id, deadline, is_link=request.is_link)
        body = {
            "refund_id": refund_id_of(request.reference),
            "refund_amount": in_rupees(request.money),
            "refund_note": f"Refund {request.reason}".strip()[:MAX_NOTE],
            "refund_speed": "STANDARD",
        }
        try:
            reply = self._api.act(f"/orders/{order_id}/refunds", body, deadline)
        except Refused as error:
            if not (_KNOWN.search(error.message) or error.word in {"refund_id_already_exists"}):
                raise _explain(error) from error
            return self._adopt(request, order_id, deadline, error)
        if read_text(reply.record.get("refund_id")) != body["refund_id"]:
            raise unclear(reply, is_read=False)
        return _read(reply, request.transaction_id)

    def fetch(self, reference: str, transaction_id: str, *, is_link: bool, gateway_refund_id: str) -> RefundStatus:
        """By our reference; one that was begun at Cashfree has none, and is found by its id."""
        deadline = self._api.start_deadline()
        order_id = self._order_of(transaction_id, deadline, is_link=is_link)
        try:
            return _read(self._read(reference, order_id, deadline), transaction_id)
        except NotFound:
            refunds = self._api.read_list(f"/orders/{order_id}/refunds", deadline) if gateway_refund_id else []
            for refund in refunds:
                if refund_name(refund) == gateway_refund_id:
                    return replace(read_refund(refund), transaction_id=transaction_id)
            raise

    def fetch_outside(self, gateway_refund_id: str, transaction_id: str, *, is_link: bool) -> RefundStatus:
        """One that was not begun by us: an automatic one has no refund_id, so it is looked for among the order's."""
        deadline = self._api.start_deadline()
        order_id = self._order_of(transaction_id, deadline, is_link=is_link)
        for record in self._api.read_list(f"/orders/{order_id}/refunds", deadline):
            if refund_name(record) == gateway_refund_id:
                return replace(read_refund(record), transaction_id=transaction_id)
        raise NotFound("Cashfree shows no such refund of this order")

    def _adopt(self, request: RefundRequest, order_id: str, deadline: Deadline, error: Refused) -> RefundStatus:
        """The refund that this reference made before, when it is the one that is asked for."""
        try:
            reply = self._read(request.reference, order_id, deadline)
        except NotFound:  # a refund_id belongs to one order, of all that the merchant has
            refused = Rejected("this reference has refunded another order", code="refund_key_reused")
            refused.exchange = error.exchange
            raise refused from error
        made = _read(reply, request.transaction_id)
        if made.money != request.money:
            raise Rejected(f"this reference has refunded {made.money}", code="refund_key_reused")
        return made

    def _read(self, reference: str, order_id: str, deadline: Deadline) -> Reply:
        return self._api.read(f"/orders/{order_id}/refunds/{refund_id_of(reference)}", deadline)

    def _order_of(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> str:
        check_id(transaction_id)
        if not is_link:
            return transaction_id
        orders = self._reads.orders_of(transaction_id, deadline)
        if not orders or orders[0].get("order_status") != "PAID":
            raise Rejected("nothing of this link was paid", code="refund_refused")
        return read_text(orders[0].get("order_id"))


def _read(reply: Reply, transaction_id: str) -> RefundStatus:
    return replace(read_refund(reply.record), transaction_id=transaction_id, exchange=reply.exchange)


def _explain(error: Refused) -> Rejected:
    """The same refusal with a code for refunds."""
    code = error.code if error.code in REFUND_REFUSALS else "refund_refused"
    if error.word == "refund_unsupported":
        code = "refund_refused"  # this payment cannot, others can
    elif error.word == "refund_amount_invalid" or _TOO_MUCH.search(error.message):
        code = "refund_amount_refused"
    refused = Rejected(error.message, code=code)
    refused.exchange = error.exchange
    return refused
