"""Cashfree: India, INR. Orders, links and refunds carry ids of ours; webhooks whose signature covers the body.

The attempt's reference is the order_id (or the link_id), so a lost answer is found by asking for that id. An order by
itself costs nothing: only POST /orders/sessions, which is never repeated, asks the payer for money.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

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
from payments.gateways.cashfree_api import VERSION, CashfreeApi
from payments.gateways.cashfree_bodies import link_body, order_body, payment_body, read_intent, read_session
from payments.gateways.cashfree_reads import CashfreeReads, check_id
from payments.gateways.cashfree_records import CURRENCY, read_line, read_money, read_settlement_line
from payments.gateways.cashfree_refunds import REFUND_MINIMUM_MINOR, CashfreeRefunds
from payments.gateways.cashfree_webhook import read_event
from payments.gateways.http import Refused, Reply, after, joined, unclear
from payments.gateways.operators import is_indian
from payments.gateways.reading import read_objects, read_text

MINIMUM_MINOR = 100
ROWS = 1000  # the most that one page of the reconciliation gives
MAX_PAGES = 50
_EXISTS = frozenset({"order_already_exists", "order_id_already_exists"})


class Cashfree:
    """See base.Gateway. A failed try is never final here: the payer may try again until the order closes."""

    def __init__(
        self,
        *,
        base_url: str,
        client_id: str,
        client_secrets: Sequence[str],  # the one in use, and the one before: webhooks may be signed with either
        door: Door,
        absence_proves_after_seconds: float | None,
        open_seconds: int = 1800,
        version: str = VERSION,
    ) -> None:
        self.rules = Rules(
            name="cashfree",
            currencies=frozenset({CURRENCY}),
            minimum_minor={CURRENCY: MINIMUM_MINOR},
            has_links=True,
            signs_events=True,
            # A day and more after the order closed: only three tries are made to deliver a webhook.
            poll_seconds=(10.0, 15.0, 30.0) + (60.0,) * 30 + (300.0,) * 12 + (3600.0,),
            absence_proves_after_seconds=absence_proves_after_seconds,
            phone_region="IN",
            links_need_phone=True,
            can_refund=True,
            refund_is_repeatable=True,
            refund_minimum_minor={CURRENCY: REFUND_MINIMUM_MINOR},
            tells_balance=False,
            tells_settlements=True,
        )
        self._api = CashfreeApi(door, base_url, client_id, client_secrets[0], version)
        self._reads = CashfreeReads(self._api)
        self._refunds = CashfreeRefunds(self._api, self._reads)
        self._secrets = tuple(client_secrets)
        self._open_seconds = open_seconds

    def collect(self, request: CollectRequest) -> Accepted:
        """An order, then a UPI payment of it that the payer's app opens. Only the second call can lead to money."""
        _check(request)
        deadline = self._api.start_deadline()
        order, before, is_new = self._open_order(request, deadline)
        with after(before):
            if not is_new and self._reads.payments_of(request.reference, deadline):
                return Accepted(request.reference, exchange=before)  # asked before: a second time would be a second try
            reply = self._pay(read_session(order), deadline)
            link = read_intent(reply.record)
            if not link:
                raise unclear(reply, is_read=False)
        return Accepted(request.reference, link=link, exchange=joined(before, reply.exchange))

    def create_link(self, request: CollectRequest) -> Accepted:
        _check(request)
        deadline = self._api.start_deadline()
        try:
            reply = self._api.act("/links", link_body(request, self._open_seconds), deadline)
        except Refused as error:
            if "exist" not in error.message.lower():
                raise
            reply = self._reads.read_link(request.reference, deadline)
            _compare(reply, "link_amount", "link_currency", request.money)
        link = self._api.page(reply.record.get("link_url"))
        if read_text(reply.record.get("link_id")) != request.reference or not link:
            raise unclear(reply, is_read=False)
        return Accepted(request.reference, link=link, exchange=reply.exchange)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        return self._reads.fetch(transaction_id, self._api.start_deadline(), is_link=is_link)

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """The reference is the id, so `since` narrows nothing."""
        return self._reads.find(reference, self._api.start_deadline(), is_link=is_link)

    def expire_link(self, transaction_id: str) -> Status:
        deadline = self._api.start_deadline()
        check_id(transaction_id)
        with suppress(Refused, OutcomeUnknown):  # paid or closed before, or perhaps closed: the status tells
            self._api.act(f"/links/{transaction_id}/cancel", {}, deadline)
        return self._reads.fetch(transaction_id, deadline, is_link=True)

    def read_webhook(self, *, method: str, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Event:
        return read_event(method=method, body=body, headers=headers, secrets=self._secrets)

    def history(self, day: date) -> History:
        """Payments and refunds of the reconciliation by date. Never complete: Cashfree has no list of all orders."""
        lines = [line for row in self._read_rows(day) if (line := read_line(row)) is not None]
        of_day = (line for line in lines if (at := line.status.occurred_at) is None or at.date() == day)
        return History(tuple(of_day), is_complete=False)

    def settlements(self, day: date) -> tuple[SettlementLine, ...]:
        """Of the day and its neighbours."""
        return tuple(line for row in self._read_rows(day) if (line := read_settlement_line(row)) is not None)

    def fetch_balance(self) -> Money:
        raise Rejected("Cashfree tells no balance", code="unsupported")

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
            return self._refunds.fetch_outside(gateway_refund_id, transaction_id, is_link=is_link)
        return self._refunds.fetch(reference, transaction_id, is_link=is_link, gateway_refund_id=gateway_refund_id)

    def _open_order(self, request: CollectRequest, deadline: Deadline) -> tuple[Mapping[str, object], Exchange, bool]:
        """The order, new or (False) the one that this reference made before.

        Raises NotSent instead of OutcomeUnknown: an order that nobody pays for costs nothing.
        """
        for _ in range(2):
            try:
                return self._make_order(request, deadline)
            except OutcomeUnknown as error:
                lost = error
            try:
                return self._adopt_order(request, deadline)
            except NotFound:
                continue  # it was not made: once more, under the same id
            except Unavailable:
                break
        failure = NotSent(f"no order, and so nothing that could be paid: {lost.message}")
        failure.exchange = lost.exchange
        raise failure from lost

    def _make_order(self, request: CollectRequest, deadline: Deadline) -> tuple[Mapping[str, object], Exchange, bool]:
        try:
            reply = self._api.act("/orders", order_body(request, self._open_seconds), deadline)
        except Refused as error:
            if error.word not in _EXISTS:
                raise
            return self._adopt_order(request, deadline)
        return reply.record, reply.exchange, True

    def _adopt_order(self, request: CollectRequest, deadline: Deadline) -> tuple[Mapping[str, object], Exchange, bool]:
        reply = self._reads.read_order(request.reference, deadline)
        _compare(reply, "order_amount", "order_currency", request.money)
        return reply.record, reply.exchange, False

    def _pay(self, session: str, deadline: Deadline) -> Reply:
        if not session:
            raise NotSent("the order has no session, and so nothing that could be paid")
        try:
            return self._api.pay(payment_body(session), deadline)
        except Refused as error:
            if error.word == "order_already_paid":
                lost = OutcomeUnknown("the order is paid already: its status tells")
                lost.exchange = error.exchange
                raise lost from error
            raise

    def _read_rows(self, day: date) -> list[dict[str, object]]:
        """All pages. The end is an empty page, no cursor, or one that was there before."""
        deadline = self._api.start_deadline()
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        # A day more on both sides: in which zone the dates count is not documented.
        first, last = begin - timedelta(days=1), begin + timedelta(days=2)
        span = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        rows: list[dict[str, object]] = []
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            body = {"pagination": {"limit": ROWS, "cursor": cursor}, "filters": span}
            record = self._api.ask("/recon", body, deadline).record
            page = read_objects(record.get("data"))
            rows += page
            cursor = read_text(record.get("cursor"))
            if not page or not cursor or cursor in seen:
                break
            seen.add(cursor)
        return rows


def _check(request: CollectRequest) -> None:
    if not is_indian(request.phone):
        raise Rejected("not a mobile number in India", code="invalid_phone", fields={"phone": "ten digits"})
    if request.money.currency != CURRENCY or request.money.amount_minor < MINIMUM_MINOR:
        message = f"from {Money(MINIMUM_MINOR, CURRENCY)}"
        raise Rejected(message, code="amount_refused", fields={"amount": "currency or amount"})


def _compare(reply: Reply, amount: str, currency: str, money: Money) -> None:
    """What was made before under this reference must be what is asked for now."""
    made, _ = read_money(reply.record.get(amount), reply.record.get(currency))
    if made != money:
        raise unclear(reply, is_read=False)
