"""Fapshi: Cameroon, XAF. Static headers, unsigned webhooks, no idempotency: only a status query is the truth.

A transaction cannot be looked up by externalId, so the attempt's reference also goes in as userId, which can be listed.
Money goes back by a payout, a second service with credentials of its own: fapshi_payouts.py.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import product
from urllib.parse import quote

from choptym.lib.deadline import Deadline
from choptym.lib.errors import BadSignature, NotFound, OutcomeUnknown, Rejected
from choptym.lib.money import Money
from choptym.lib.outbound import Door
from choptym.lib.signatures import any_secret_matches
from payments.gateways.base import (
    Accepted,
    CollectRequest,
    Event,
    History,
    Line,
    RefundRequest,
    Rules,
    Status,
    best_of,
)
from payments.gateways.fapshi_api import FapshiApi, is_id, read_named_rows, read_new_id, read_rows, unwrap
from payments.gateways.fapshi_payouts import FapshiPayouts, PayoutOptions
from payments.gateways.fapshi_records import (
    CURRENCY,
    MEDIA,
    OPERATORS,
    is_collection,
    is_payout,
    read_payout_line,
    read_reference,
    read_status,
)
from payments.gateways.http import Wire, with_exchange
from payments.gateways.masking import mask
from payments.gateways.operators import INSTRUCTIONS, is_national, operator_of
from payments.gateways.payouts import RefundsByPayout
from payments.gateways.reading import read_header, read_instant, read_json, read_text

MINIMUM_MINOR = 100
MAX_MESSAGE = 200
SEARCH_LIMIT = 100
SEARCH_STATUSES = ("created", "successful", "failed", "expired")  # there is no "pending"


class Fapshi(RefundsByPayout):
    """See docs of base.Gateway. FAILED on a link is only one failed try: the payer may try again until it closes."""

    def __init__(
        self,
        *,
        base_url: str,
        api_user: str,
        api_key: str,
        webhook_secrets: Sequence[str],
        door: Door,
        absence_proves_after_seconds: float | None = 120.0,
        payouts: PayoutOptions | None = None,
    ) -> None:
        self.rules = Rules(
            name="fapshi",
            currencies=frozenset({CURRENCY}),
            minimum_minor={CURRENCY: MINIMUM_MINOR},
            has_links=True,
            signs_events=False,
            # Six reads a minute for one transaction are allowed.
            poll_seconds=(10.0, 15.0, 30.0) + (60.0,) * 30 + (300.0,) * 18 + (3600.0,),
            absence_proves_after_seconds=absence_proves_after_seconds,
            can_refund=payouts is not None and payouts["are_refunds"],
            refund_minimum_minor={CURRENCY: MINIMUM_MINOR},  # payouts have the same
            refund_absence_proves_after_seconds=payouts["absence_proves_after_seconds"] if payouts else None,
        )
        wire = Wire(door, base_url)
        self._api = FapshiApi(wire, api_user, api_key)
        self._payout_api = FapshiApi(wire, payouts["user"], payouts["key"]) if payouts else None
        if self._payout_api is not None:
            self._payouts = FapshiPayouts(self._payout_api, self._collected)
        self._webhook_secrets = tuple(webhook_secrets)

    def collect(self, request: CollectRequest) -> Accepted:
        if not is_national(request.phone):
            raise Rejected("not a number in Cameroon", code="invalid_phone", fields={"phone": "nine digits from 6"})
        operator = request.operator or operator_of(request.phone)
        medium = {"medium": MEDIA[operator]} if operator in MEDIA else {}
        body = {**_common(request), "phone": request.phone, **medium}
        reply = self._api.post("/direct-pay", body, self._api.start_deadline())
        return Accepted(read_new_id(reply), INSTRUCTIONS.get(operator, ""), exchange=reply.exchange)

    def create_link(self, request: CollectRequest) -> Accepted:
        back = {"redirectUrl": request.return_url} if self._api.page(request.return_url) else {}
        reply = self._api.post("/initiate-pay", {**_common(request), **back}, self._api.start_deadline())
        link = self._api.page(reply.record.get("link"))
        if not link:
            raise with_exchange(OutcomeUnknown("the gateway made a payment link and did not tell it"), reply)
        return Accepted(read_new_id(reply), link=link, exchange=reply.exchange)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        return self._fetch_status(transaction_id, self._api.start_deadline(), is_link=is_link)

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """By the list of the userId, which is the attempt's own: `since` narrows nothing here."""
        path = f"/transaction/{quote(reference, safe='')}"
        try:
            reply = self._api.read(path, self._api.start_deadline())
        except NotFound:
            return None
        found = [
            read_status(row, reply, is_link=is_link)
            for row in read_named_rows(reply)
            if reference in (row.get("externalId"), row.get("userId"))
        ]
        return best_of(found)

    def expire_link(self, transaction_id: str) -> Status:
        deadline = self._api.start_deadline()
        if not is_id(transaction_id):
            raise Rejected("not an id of Fapshi")
        with suppress(Rejected, OutcomeUnknown):  # closed before, paid before, perhaps closed: the status tells
            self._api.post("/expire-pay", {"transId": transaction_id}, deadline)
        return self._fetch_status(transaction_id, deadline, is_link=True)

    def read_webhook(self, *, method: str, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Event:
        if not any_secret_matches(read_header(headers, "x-wh-secret"), self._webhook_secrets):
            raise BadSignature("x-wh-secret is not ours")
        if method != "POST":
            raise Rejected("only POST is a webhook")
        try:
            record = unwrap(read_json(body))
        except ValueError as error:
            raise Rejected(f"not a webhook: {error}") from None
        transaction_id, word = read_text(record.get("transId")), read_text(record.get("status"), 20)
        if not is_id(transaction_id):
            raise Rejected("a webhook without transId")
        return Event(
            key=f"{transaction_id}:{word}",
            transaction_id=transaction_id,
            reference=read_reference(record),
            word=word,
            is_refund=not is_collection(record),
            payload=mask(record),
        )

    def history(self, day: date) -> History:
        """Search has no pages. A full answer is narrowed by status and operator, and still never called complete."""
        deadline = self._api.start_deadline()
        rows, is_complete = self._rows_of(self._api, day, deadline)
        lines = [Line(read_status(row), is_collection(row)) for row in rows]
        if self._payout_api is not None:
            payouts, has_all = self._rows_of(self._payout_api, day, deadline)
            lines += [read_payout_line(row) for row in payouts if is_payout(row)]
            is_complete = is_complete and has_all
        return History(tuple(lines), is_complete)

    def fetch_balance(self) -> Money:
        """Of the service that collects."""
        return self._api.read_balance(self._api.start_deadline())

    def _collected(self, request: RefundRequest, deadline: Deadline) -> Status:
        return self._fetch_status(request.transaction_id, deadline, is_link=request.is_link)

    def _fetch_status(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> Status:
        record, reply = self._api.read_transaction(transaction_id, deadline)
        return read_status(record, reply, is_link=is_link)

    def _rows_of(self, api: FapshiApi, day: date, deadline: Deadline) -> tuple[list[Mapping[str, object]], bool]:
        """A day of one service, and whether that is all."""
        # One day more than asked: whether `end` counts, and in which zone, is not documented.
        span = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
        rows, is_complete = _search(api, span, day, deadline)
        if not is_complete:
            parts = [
                _search(api, {**span, "status": status, "medium": medium}, day, deadline)
                for status, medium in product(SEARCH_STATUSES, OPERATORS)
            ]
            for part, _ in parts:
                rows.update(part)
            # PENDING cannot be asked for, and rows without a medium fall through: absence proves nothing now.
        return list(rows.values()), is_complete


def _common(request: CollectRequest) -> dict[str, object]:
    if request.money.currency != CURRENCY or request.money.amount_minor < MINIMUM_MINOR:
        raise Rejected(f"from {MINIMUM_MINOR} {CURRENCY}", code="amount_refused", fields={"amount": "too small"})
    body = {
        "amount": request.money.amount_minor,
        "externalId": request.reference,
        "userId": request.reference,
        "message": request.description[:MAX_MESSAGE],
    }
    return {**body, **({"email": request.email} if request.email else {})}


def _search(
    api: FapshiApi, query: Mapping[str, str], day: date, deadline: Deadline
) -> tuple[dict[str, Mapping[str, object]], bool]:
    """The day's rows by id, and whether all that fit the query are there. An unknown filter is ignored there."""
    reply = api.read("/search", deadline, {**query, "sort": "asc", "limit": str(SEARCH_LIMIT)})
    rows = read_rows(reply)
    days = [_day(row) for row in rows]
    of_day = {read_text(row.get("transId")): row for row, own in zip(rows, days, strict=True) if own in (day, None)}
    known = [own for own in days if own is not None]
    is_past_the_day = known == sorted(known) and bool(known) and known[-1] > day
    return of_day, len(rows) < SEARCH_LIMIT or is_past_the_day


def _day(row: Mapping[str, object]) -> date | None:
    instant = read_instant(row.get("dateInitiated"))
    return instant.date() if instant else None
