"""What Cashfree shows of an order or a payment link: both are named by the attempt's own reference."""

import re
from collections.abc import Mapping
from dataclasses import replace

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected
from payments.gateways.base import Outcome, Status
from payments.gateways.cashfree_api import CashfreeApi
from payments.gateways.cashfree_records import read_money, read_order
from payments.gateways.http import Reply, unclear
from payments.gateways.reading import read_text, read_uuid

LINK_WORDS = {
    "ACTIVE": Outcome.WAITING,
    "PAID": Outcome.PAID,
    "EXPIRED": Outcome.NOT_PAID,
    "CANCELLED": Outcome.NOT_PAID,
}  # not in here: PARTIALLY_PAID, which we never allow
_ID = re.compile(r"[A-Za-z0-9_-]{3,50}")
_OPEN = frozenset({"ACTIVE", "TERMINATION_REQUESTED"})


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def check_id(transaction_id: str) -> None:
    if not is_id(transaction_id):
        raise Rejected("not an order or link of Cashfree")


class CashfreeReads:
    """Threads share it."""

    def __init__(self, api: CashfreeApi) -> None:
        self._api = api

    def fetch(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> Status:
        """An event does not say which of both it is about, so an order that is none may be a link."""
        check_id(transaction_id)
        if is_link:
            return self._fetch_link(transaction_id, deadline)
        try:
            return self._fetch_order(transaction_id, deadline)
        except NotFound:
            if not read_uuid(transaction_id):
                raise
            return self._fetch_link(transaction_id, deadline)

    def find(self, reference: str, deadline: Deadline, *, is_link: bool) -> Status | None:
        """An order without any try shows nothing: nobody was asked for money."""
        check_id(reference)
        try:
            if is_link:
                return self._fetch_link(reference, deadline)
            reply = self.read_order(reference, deadline)
            payments = self.payments_of(reference, deadline)
        except NotFound:
            return None
        return _read_order(reply, payments, reference) if payments else None

    def read_order(self, order_id: str, deadline: Deadline) -> Reply:
        reply = self._api.read(f"/orders/{order_id}", deadline)
        if read_text(reply.record.get("order_id")) != order_id:
            raise unclear(reply, is_read=True)
        return reply

    def payments_of(self, order_id: str, deadline: Deadline) -> list[dict[str, object]]:
        return self._api.read_list(f"/orders/{order_id}/payments", deadline)

    def read_link(self, link_id: str, deadline: Deadline) -> Reply:
        reply = self._api.read(f"/links/{link_id}", deadline)
        if read_text(reply.record.get("link_id")) != link_id:
            raise unclear(reply, is_read=True)
        return reply

    def orders_of(self, link_id: str, deadline: Deadline) -> list[dict[str, object]]:
        """The orders behind a link, a paid one first."""
        orders = self._api.read_list(f"/links/{link_id}/orders", deadline, {"status": "ALL"})
        good = [order for order in orders if is_id(read_text(order.get("order_id")))]
        return sorted(good, key=lambda order: order.get("order_status") != "PAID")

    def _fetch_order(self, order_id: str, deadline: Deadline) -> Status:
        """While an order is open none of its tries has succeeded, so they are not asked for."""
        reply = self.read_order(order_id, deadline)
        is_open = reply.record.get("order_status") in _OPEN
        payments = [] if is_open else self.payments_of(order_id, deadline)
        return _read_order(reply, payments, order_id)

    def _fetch_link(self, link_id: str, deadline: Deadline) -> Status:
        reply = self.read_link(link_id, deadline)
        own = replace(_read_link(reply, link_id), link=self._api.page(reply.record.get("link_url")))
        if own.outcome is Outcome.WAITING:
            return own
        orders = self.orders_of(link_id, deadline)
        if own.outcome is Outcome.NOT_PAID and any(order.get("order_status") in _OPEN for order in orders):
            return replace(own, outcome=Outcome.WAITING)  # begun before the link closed
        if not orders or orders[0].get("order_status") != "PAID":
            return own
        payments = self.payments_of(read_text(orders[0].get("order_id")), deadline)
        return replace(read_order(orders[0], payments, link_id, own.reference), exchange=reply.exchange)


def _read_order(reply: Reply, payments: list[dict[str, object]], order_id: str) -> Status:
    status = read_order(reply.record, payments, order_id, read_uuid(order_id) or _tagged(reply.record))
    return replace(status, exchange=reply.exchange)


def _tagged(order: Mapping[str, object]) -> str:
    """The link that an order of Cashfree's own making belongs to, where it tells."""
    tags = order.get("order_tags")
    return read_uuid(tags.get("link_id")) if isinstance(tags, dict) else ""


def _read_link(reply: Reply, link_id: str) -> Status:
    link = reply.record
    word = read_text(link.get("link_status"), 40)
    outcome = LINK_WORDS.get(word, Outcome.UNMAPPED)
    amount = "link_amount_paid" if outcome is Outcome.PAID else "link_amount"
    money, problem = read_money(link.get(amount), link.get("link_currency"))
    return Status(
        outcome=outcome,
        transaction_id=link_id,
        reference=read_uuid(link_id),
        money=money,
        word=word,
        problem=problem if outcome is Outcome.PAID else "",
        exchange=reply.exchange,
    )
