"""CamPay: Cameroon, XAF. An hourly token; callbacks whose signature covers no content: only a status query is truth.

Nothing can be looked up by our reference, and the history shows final rows only and no external_reference; so the
attempt's reference also goes into external_user and the description. Money goes back by a
withdrawal: campay_payouts.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from choptym.lib import clock
from choptym.lib.deadline import Deadline
from choptym.lib.errors import BadSignature, NotFound, Rejected
from choptym.lib.money import Money
from choptym.lib.outbound import Door
from choptym.lib.signatures import read_hs256
from payments.gateways.base import (
    Accepted,
    CollectRequest,
    Event,
    History,
    Outcome,
    RefundRequest,
    Rules,
    Status,
    best_of,
)
from payments.gateways.campay_api import CamPayApi
from payments.gateways.campay_payouts import CamPayPayouts
from payments.gateways.campay_records import (
    COUNTRY,
    CURRENCY,
    MAX_DESCRIPTION,
    is_payout,
    read_line,
    read_reference,
    read_status,
    rows_of,
)
from payments.gateways.http import Wire, unclear
from payments.gateways.masking import mask
from payments.gateways.operators import is_national
from payments.gateways.payouts import RefundsByPayout
from payments.gateways.reading import digest_of, read_json, read_rounded_down, read_text, read_uuid


class CamPay(RefundsByPayout):
    """See base.Gateway. There is no call that closes a link."""

    def __init__(  # noqa: PLR0913 — each is one setting
        self,
        *,
        base_url: str,
        username: str,
        password: str,
        webhook_keys: Sequence[str],
        door: Door,
        permanent_token: str = "",
        absence_proves_after_seconds: float | None = None,
        trusts_refusals: bool = True,
        pays_out: bool = False,  # whether refunds are made, by withdrawals
    ) -> None:
        self.rules = Rules(
            name="campay",
            currencies=frozenset({CURRENCY}),
            minimum_minor={CURRENCY: 1},  # undocumented, and not the same for both operators: its refusal tells
            has_links=True,
            signs_events=False,
            poll_seconds=(5.0,) * 12 + (15.0,) * 16 + (60.0,) * 25 + (3600.0,),
            absence_proves_after_seconds=absence_proves_after_seconds,
            can_refund=pays_out,
            refund_absence_proves_after_seconds=None,  # the history leaves out what is pending
        )
        self._api = CamPayApi(
            Wire(door, base_url),
            username=username,
            password=password,
            permanent_token=permanent_token,
            trusts_refusals=trusts_refusals,
        )
        self._payouts = CamPayPayouts(self._api, self._collected)
        self._webhook_keys = tuple(webhook_keys)

    def collect(self, request: CollectRequest) -> Accepted:
        if not is_national(request.phone):
            raise Rejected("not a number in Cameroon", code="invalid_phone", fields={"phone": "nine digits from 6"})
        body = {**_common(request), "from": COUNTRY + request.phone}
        reply = self._api.act("/collect/", body, self._api.start_deadline())
        transaction_id = read_uuid(reply.record.get("reference"))
        if not transaction_id:
            raise unclear(reply, is_read=False)
        return Accepted(transaction_id, read_text(reply.record.get("ussd_code"), 160), exchange=reply.exchange)

    def create_link(self, request: CollectRequest) -> Accepted:
        body = {**_common(request), **_link_options(request)}
        reply = self._api.act("/get_payment_link/", body, self._api.start_deadline())
        link = self._api.page(reply.record.get("link"))
        if not link:
            raise unclear(reply, is_read=False)
        # Older answers have no reference: the callback will bring it.
        return Accepted(read_uuid(reply.record.get("reference")), link=link, exchange=reply.exchange)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        return self._fetch_status(transaction_id, self._api.start_deadline(), is_link=is_link)

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """In the history since then, which leaves out what is still pending."""
        deadline = self._api.start_deadline()
        rows = self._api.read_history(since.astimezone(UTC).date(), clock.known().date(), deadline)
        found = [self._fetch_status(one, deadline, is_link=is_link) for one in rows_of(reference, rows)]
        return best_of([status for status in found if status.reference in {"", reference}])

    def expire_link(self, transaction_id: str) -> Status:
        """CamPay has no such call: the status is all there is to say."""
        return self.fetch_status(transaction_id, is_link=True)

    def read_webhook(self, *, method: str, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Event:
        """The signature proves who sent it, not what it says, and can be replayed for an hour: a hint to ask."""
        record = _read_fields(method, body, query)
        token = read_text(record.get("signature"), 4096)
        claims = read_hs256(token, self._webhook_keys)
        if claims.get("source", "CamPay") != "CamPay":
            raise BadSignature("the signature is of another source")
        transaction_id, word = read_uuid(record.get("reference")), read_text(record.get("status"), 20)
        if not transaction_id:
            raise Rejected("a callback without reference")
        return Event(
            # With the token: else a replayed one that names our transaction could take the place of the real callback.
            key=f"{transaction_id}:{word}:{digest_of(token)}",
            transaction_id=transaction_id,
            reference=read_reference(record),
            word=word,
            is_refund=is_payout(record),
            payload=mask(record),
        )

    def history(self, day: date) -> History:
        rows = self._api.read_history(day, day, self._api.start_deadline())
        lines = [read_line(row) for row in rows]
        of_day = (line for line in lines if (at := line.status.occurred_at) is None or at.date() == day)
        return History(tuple(of_day))

    def fetch_balance(self) -> Money:
        reply = self._api.read("GET", "/balance/", self._api.start_deadline())
        balance = read_rounded_down(reply.record.get("total_balance"), CURRENCY)
        if balance is None:
            raise unclear(reply, is_read=True)
        return balance

    def _collected(self, request: RefundRequest, deadline: Deadline) -> Status:
        return self._fetch_status(request.transaction_id, deadline, is_link=request.is_link)

    def _fetch_status(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> Status:
        try:
            reply = self._api.read_transaction(transaction_id, deadline)
        except NotFound as error:
            if not is_link:
                raise
            word = "not started"
            return Status(Outcome.WAITING, transaction_id, "", None, word=word, exchange=error.exchange)
        status = read_status(reply.record, reply)
        if is_link and status.outcome is Outcome.NOT_PAID:
            # The page may take the money yet: whether a FAILED is final there is not documented.
            return replace(status, outcome=Outcome.WAITING)
        return status


def _common(request: CollectRequest) -> dict[str, object]:
    if request.money.currency != CURRENCY or request.money.amount_minor < 1:
        raise Rejected(f"only whole {CURRENCY}", code="amount_refused", fields={"amount": "currency or amount"})
    text = re.sub(r"[<>]", " ", request.description)[: MAX_DESCRIPTION - 1 - len(request.reference)]
    return {
        "amount": str(request.money.amount_minor),
        "currency": CURRENCY,
        "description": f"{text} {request.reference}".strip(),
        "external_reference": request.reference,
        "external_user": request.reference,
    }


def _link_options(request: CollectRequest) -> dict[str, object]:
    options = {
        "from": COUNTRY + request.phone if request.phone else "",
        "email": request.email,
        "redirect_url": request.return_url,
        "failure_redirect_url": request.return_url,
        "payment_options": "MOMO",
        "payer_can_pay_more": "no",
    }
    return {name: value for name, value in options.items() if value}


def _read_fields(method: str, body: bytes, query: Mapping[str, str]) -> Mapping[str, object]:
    if method == "GET":
        return dict(query)
    try:
        record = read_json(body)
    except ValueError as error:
        raise Rejected(f"not a callback: {error}") from None
    if not isinstance(record, dict) or any(isinstance(value, dict | list) for value in record.values()):
        raise Rejected("not a callback: it is not one flat object")
    return record
