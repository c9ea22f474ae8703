"""Razorpay: India, INR. An order and payments of it; webhooks whose signature covers the body, so that they may settle.

The attempt's reference is the order's receipt (or the payment link's reference_id) and stands in the notes of the
payment. An order that was made while its answer got lost costs nothing: nobody knows its id, so nobody can pay it.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from choptym.lib import clock
from choptym.lib.deadline import Deadline
from choptym.lib.errors import Exchange, NotFound, NotSent, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from choptym.lib.outbound import Door
from payments.gateways.base import (
    Accepted,
    CollectRequest,
    Event,
    History,
    RefundRequest,
    RefundStatus,
    Rules,
    SettlementLine,
    Status,
)
from payments.gateways.http import Refused, Reply, after, joined, unclear
from payments.gateways.operators import is_indian
from payments.gateways.razorpay_api import RazorpayApi
from payments.gateways.razorpay_bodies import link_body, order_body, payment_body, read_intent
from payments.gateways.razorpay_reads import RazorpayReads, check_id, is_id, is_link_id
from payments.gateways.razorpay_records import CURRENCY, read_payment_line, read_refund_line, read_settlement_line
from payments.gateways.razorpay_refunds import REFUND_MINIMUM_MINOR, RazorpayRefunds
from payments.gateways.razorpay_webhook import read_event
from payments.gateways.reading import read_text

MINIMUM_MINOR = 100
RECON_PAGE = 1000
_LINK_EXISTS = re.compile(r"reference.?id already", re.IGNORECASE)


class Razorpay:
    """See base.Gateway. A failed try is never final here: the payer may try again, and the bank may say yes later."""

    def __init__(
        self,
        *,
        base_url: str,
        key_id: str,
        key_secret: str,
        webhook_secrets: Sequence[str],
        door: Door,
        absence_proves_after_seconds: float | None,
        open_seconds: int = 1800,
        payer_defaults: Mapping[str, str] | None = None,  # "email" and "ip", for payers of whom we know none
    ) -> None:
        self.rules = Rules(
            name="razorpay",
            currencies=frozenset({CURRENCY}),
            minimum_minor={CURRENCY: MINIMUM_MINOR},
            has_links=True,
            signs_events=True,
            # Every few minutes for the first hour, then hourly: webhooks are the main road.
            poll_seconds=(10.0, 15.0, 30.0) + (60.0,) * 30 + (300.0,) * 12 + (3600.0,),
            absence_proves_after_seconds=absence_proves_after_seconds,
            phone_region="IN",
            can_refund=True,
            refund_is_repeatable=True,
            refund_minimum_minor={CURRENCY: REFUND_MINIMUM_MINOR},
            tells_balance=False,
            tells_settlements=True,
        )
        self._api = RazorpayApi(door, base_url, key_id, key_secret)
        self._reads = RazorpayReads(self._api)
        self._refunds = RazorpayRefunds(self._api, self._reads)
        self._webhook_secrets = tuple(webhook_secrets)
        self._open_seconds = open_seconds
        self._payer_defaults = dict(payer_defaults or {})

    def collect(self, request: CollectRequest) -> Accepted:
        """An order, then a UPI payment of it that the payer's app opens. Only the second call can lead to money."""
        if not is_indian(request.phone):
            raise Rejected("not a mobile number in India", code="invalid_phone", fields={"phone": "ten digits"})
        _check_amount(request.money)
        deadline = self._api.start_deadline()
        order_id, before = self._open_order(request, deadline)
        with after(before):
            body = payment_body(request, order_id, self._payer_defaults)
            reply = self._api.act("/payments/create/json", body, deadline)
            link = read_intent(reply.record)
            if not link:
                raise unclear(reply, is_read=False)
        return Accepted(order_id, link=link, exchange=joined(before, reply.exchange))

    def create_link(self, request: CollectRequest) -> Accepted:
        _check_amount(request.money)
        deadline = self._api.start_deadline()
        body = link_body(request, self._open_seconds)
        try:
            reply = self._api.act("/payment_links", body, deadline)
        except Refused as error:
            if not _LINK_EXISTS.search(error.word):
                raise
            return self._adopt_link(request, deadline)
        return self._accept_link(reply.record, reply)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        """An authorized payment of ours is captured on the way: otherwise its payer gets the money back."""
        return self._reads.fetch(transaction_id, self._api.start_deadline())

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """By receipt or reference_id. An order without any payment shows nothing: nobody was asked for money."""
        return self._reads.find(reference, since, self._api.start_deadline(), is_link=is_link)

    def expire_link(self, transaction_id: str) -> Status:
        deadline = self._api.start_deadline()
        check_id(transaction_id)
        if is_link_id(transaction_id):
            with suppress(Refused, OutcomeUnknown):  # paid or closed before, or perhaps closed: the status tells
                self._api.act(f"/payment_links/{transaction_id}/cancel", {}, deadline)
        return self._reads.fetch(transaction_id, deadline)

    def read_webhook(self, *, method: str, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Event:
        return read_event(method=method, body=body, headers=headers, secrets=self._webhook_secrets)

    def history(self, day: date) -> History:
        """All payments that began on that day, and all refunds."""
        deadline = self._api.start_deadline()
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        span = {"from": str(int(begin.timestamp())), "to": str(int((begin + timedelta(days=1)).timestamp()) - 1)}
        payments, has_payments = self._api.read_pages("/payments", deadline, span)
        refunds, has_refunds = self._api.read_pages("/refunds", deadline, span)
        lines = [*map(read_payment_line, payments), *map(read_refund_line, refunds)]
        return History(tuple(lines), is_complete=has_payments and has_refunds)

    def settlements(self, day: date) -> tuple[SettlementLine, ...]:
        query = {"year": f"{day.year:04}", "month": f"{day.month:02}", "day": f"{day.day:02}"}
        path = "/settlements/recon/combined"
        rows, is_complete = self._api.read_pages(path, self._api.start_deadline(), query, page_size=RECON_PAGE)
        if not is_complete:
            raise Unavailable("the settlements of this day did not come in time")
        return tuple(map(read_settlement_line, rows))

    def fetch_balance(self) -> Money:
        raise Rejected("Razorpay tells no balance", code="unsupported")

    def refund(self, request: RefundRequest) -> RefundStatus:
        return self._refunds.refund(request)

    def fetch_refund(
        self,
        reference: str,
        *,
        transaction_id: str,
        is_link: bool = False,
        gateway_refund_id: str = "",
        since: datetime | None = None,
    ) -> RefundStatus:
        if not reference:
            return self._refunds.fetch_outside(gateway_refund_id, transaction_id)
        return self._refunds.fetch(reference, transaction_id, gateway_refund_id)

    def _open_order(self, request: CollectRequest, deadline: Deadline) -> tuple[str, Exchange]:
        """The id of a new order, or of the one that was made when its answer got lost.

        Raises NotSent instead of OutcomeUnknown: an order that nobody knows cannot be paid.
        """
        try:
            reply = self._api.act("/orders", order_body(request, self._open_seconds), deadline)
            order_id = read_text(reply.record.get("id"))
            if not is_id(order_id):
                raise unclear(reply, is_read=False)
        except OutcomeUnknown as error:
            before = error.exchange or Exchange(0)
            order_id = self._find_lost_order(request, deadline)
            if not order_id:
                failure = NotSent(f"no order, and so nothing that could be paid: {error.message}")
                failure.exchange = before
                raise failure from error
            return order_id, before
        return order_id, reply.exchange

    def _find_lost_order(self, request: CollectRequest, deadline: Deadline) -> str:
        """The oldest order of this attempt that can still be used, or ""."""
        try:
            orders = self._reads.find_orders(request.reference, clock.known(), deadline)
        except (NotFound, Rejected, Unavailable):
            return ""
        good = [order for order in orders if order.get("status") == "created" and _is_same(order, request.money)]
        good.sort(key=lambda order: read_text(order.get("created_at")))
        return read_text(good[0].get("id")) if good else ""

    def _adopt_link(self, request: CollectRequest, deadline: Deadline) -> Accepted:
        """The link that this attempt made before."""
        links, reply = self._reads.find_links(request.reference, deadline)
        good = [link for link in links if _is_same(link, request.money)]
        if not good:
            raise unclear(reply, is_read=False)
        return self._accept_link(good[0], reply)

    def _accept_link(self, link: Mapping[str, object], reply: Reply) -> Accepted:
        link_id, page = read_text(link.get("id")), self._api.page(link.get("short_url"))
        if not is_id(link_id) or not page:
            raise unclear(reply, is_read=False)
        return Accepted(link_id, link=page, exchange=reply.exchange)


def _check_amount(money: Money) -> None:
    if money.currency != CURRENCY or money.amount_minor < MINIMUM_MINOR:
        message = f"from {Money(MINIMUM_MINOR, CURRENCY)}"
        raise Rejected(message, code="amount_refused", fields={"amount": "currency or amount"})


def _is_same(record: Mapping[str, object], money: Money) -> bool:
    """An order or a link for this amount, with an id that can be used."""
    given = (record.get("amount"), record.get("currency"))
    return given == (money.amount_minor, money.currency) and is_id(read_text(record.get("id")))
