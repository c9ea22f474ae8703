"""What Razorpay shows of an order or a payment link, and the capture of what it only holds for us."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import Outcome, Status, best_of
from payments.gateways.http import Refused, Reply, unclear
from payments.gateways.razorpay_api import RazorpayApi
from payments.gateways.razorpay_records import CURRENCY, read_payment, read_payments, reference_of
from payments.gateways.reading import read_minor, read_object, read_objects, read_text

MARGIN_SECONDS = 300  # between their clock and ours, and for the call itself, when asking what was made since
LINK_WORDS = {
    "created": Outcome.WAITING,
    "paid": Outcome.PAID,
    "expired": Outcome.NOT_PAID,
    "cancelled": Outcome.NOT_PAID,
}
_ID = re.compile(r"(?:order|plink)_[A-Za-z0-9]{10,30}")
_PAYMENT_ID = re.compile(r"pay_[A-Za-z0-9]{10,30}")
_OPEN_TRIES = frozenset({"created", "authorized"})


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_payment_id(text: str) -> bool:
    return _PAYMENT_ID.fullmatch(text) is not None


def is_link_id(text: str) -> bool:
    return text.startswith("plink_")


def check_id(transaction_id: str) -> None:
    if not is_id(transaction_id):
        raise Rejected("not an order or payment link of Razorpay")


class RazorpayReads:
    """Threads share it."""

    def __init__(self, api: RazorpayApi) -> None:
        self._api = api

    def fetch(self, transaction_id: str, deadline: Deadline) -> Status:
        check_id(transaction_id)
        return (self._fetch_link if is_link_id(transaction_id) else self._fetch_order)(transaction_id, deadline)

    def find(self, reference: str, since: datetime, deadline: Deadline, *, is_link: bool) -> Status | None:
        """By receipt or reference_id. An order without any payment shows nothing: nobody was asked for money."""
        if is_link:
            records, _ = self.find_links(reference, deadline)
        else:
            records = self.find_orders(reference, since, deadline)
        ids = [one for record in records if is_id(one := read_text(record.get("id")))]
        found = [self.fetch(one, deadline) for one in ids]
        return best_of([status for status in found if is_link or status.gateway_payment_id])

    def find_orders(self, reference: str, since: datetime, deadline: Deadline) -> list[dict[str, object]]:
        begin = str(int(since.timestamp()) - MARGIN_SECONDS)
        orders, _ = self._api.read_list("/orders", deadline, {"receipt": reference, "from": begin, "count": "100"})
        return [order for order in orders if read_text(order.get("receipt")) == reference]

    def find_links(self, reference: str, deadline: Deadline) -> tuple[list[dict[str, object]], Reply]:
        query = {"reference_id": reference}
        links, reply = self._api.read_list("/payment_links", deadline, query, key="payment_links")
        return [link for link in links if read_text(link.get("reference_id")) == reference], reply

    def payments_of(self, transaction_id: str, deadline: Deadline) -> list[dict[str, object]]:
        """Every try, of the order or of the one behind the link."""
        check_id(transaction_id)
        if is_link_id(transaction_id):
            order_id = read_text(self._api.read(f"/payment_links/{transaction_id}", deadline).record.get("order_id"))
            return self._list(order_id, deadline)[0] if is_id(order_id) else []
        return self._list(transaction_id, deadline)[0]

    def _list(self, order_id: str, deadline: Deadline) -> tuple[list[dict[str, object]], Reply]:
        payments, reply = self._api.read_list(f"/orders/{order_id}/payments", deadline)
        return [payment for payment in payments if payment.get("order_id") in (order_id, None)], reply

    def _fetch_order(self, order_id: str, deadline: Deadline) -> Status:
        payments, reply = self._list(order_id, deadline)
        status = read_payments(payments, order_id)
        if status is None:
            return Status(Outcome.WAITING, order_id, "", None, word="no payment", exchange=reply.exchange)
        status = replace(status, exchange=reply.exchange)
        if status.word == "authorized":
            status = self._capture(status, order_id, deadline)
        if status.outcome is Outcome.PAID and not status.reference:
            order = self._api.read(f"/orders/{order_id}", deadline)
            status = replace(status, reference=reference_of(order.record))
        return status

    def _fetch_link(self, link_id: str, deadline: Deadline) -> Status:
        reply = self._api.read(f"/payment_links/{link_id}", deadline)
        if read_text(reply.record.get("id")) != link_id:
            raise unclear(reply, is_read=True)
        own = replace(_read_link(reply.record, link_id, reply), link=self._api.page(reply.record.get("short_url")))
        order_id = read_text(reply.record.get("order_id"))
        if not is_id(order_id):
            return own
        payments, _ = self._list(order_id, deadline)
        tried = read_payments(payments, link_id)
        if tried is None:
            return own
        tried = replace(tried, reference=own.reference or tried.reference, exchange=reply.exchange)
        if tried.word == "authorized":
            tried = self._capture(tried, order_id, deadline)
        if tried.outcome in {Outcome.PAID, Outcome.UNMAPPED}:
            return tried
        if own.outcome is Outcome.NOT_PAID and tried.word in _OPEN_TRIES:
            return tried  # begun before the link closed
        return replace(own, reason=tried.reason, was_declined=tried.was_declined)

    def _capture(self, status: Status, order_id: str, deadline: Deadline) -> Status:
        """The payer was debited, and the money goes back unless somebody captures it.

        Razorpay does that itself in the first minutes. What is still uncaptured when we look, we capture, once what
        was authorized is what the order asks for. A lost answer costs nothing: the next look reads before it repeats.
        """
        order = self._api.read(f"/orders/{order_id}", deadline).record
        money, payment_id = status.money, status.gateway_payment_id
        is_ours = (
            bool(status.reference or reference_of(order))
            and order.get("status") != "paid"
            and is_payment_id(payment_id)
        )
        if not is_ours or money is None or order.get("amount") != money.amount_minor:
            return replace(status, reason="authorized, and not what the order asks for")
        body = {"amount": money.amount_minor, "currency": money.currency}
        try:
            payment = self._api.act(f"/payments/{payment_id}/capture", body, deadline).record
        except Refused:
            payment = self._api.read(f"/payments/{payment_id}", deadline).record  # perhaps it was just captured
        except (NotFound, Unavailable):
            return status
        if payment.get("id") != payment_id:
            return status
        seen = read_payment(payment, status.transaction_id, status.reference or reference_of(order))
        return replace(seen, exchange=status.exchange)


def _read_link(link: Mapping[str, object], link_id: str, reply: Reply) -> Status:
    """The link by itself. Its payments are there once one was captured."""
    word = read_text(link.get("status"), 40)
    outcome = LINK_WORDS.get(word, Outcome.UNMAPPED)  # also "partially_paid", which we never allow
    money, problem = _read_link_money(link, outcome)
    payments = read_objects(link.get("payments"))
    return Status(
        outcome=outcome,
        transaction_id=link_id,
        reference=reference_of(link),
        money=money,
        word=word,
        problem=problem,
        gateway_payment_id=read_text(read_object(payments[0] if payments else {}).get("payment_id"), 40),
        exchange=reply.exchange,
    )


def _read_link_money(link: Mapping[str, object], outcome: Outcome) -> tuple[Money | None, str]:
    if link.get("currency") != CURRENCY:
        return None, f"the currency is {read_text(link.get('currency'), 10)}"
    try:
        return read_minor(link.get("amount_paid" if outcome is Outcome.PAID else "amount"), CURRENCY), ""
    except ValueError as error:
        return None, str(error)
