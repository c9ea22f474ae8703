"""Fapshi: Cameroon, XAF. Static headers, unsigned webhooks, no idempotency: only a status query is the truth.

A transaction cannot be looked up by externalId, so the attempt's reference also goes in as userId, which can be listed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import product
from urllib.parse import quote

from choptym.lib.deadline import Deadline
from choptym.lib.errors import BadSignature, NotFound, OutcomeUnknown, Rejected
from choptym.lib.money import Money
from choptym.lib.outbound import Door
from choptym.lib.signatures import any_secret_matches
from payments.gateways.base import Accepted, CollectRequest, Event, History, Line, OnlyCollects, Rules, Status, best_of
from payments.gateways.fapshi_records import CURRENCY, MEDIA, OPERATORS, is_collection, read_reference, read_status
from payments.gateways.http import Reply, Wire, busy, unclear, with_exchange
from payments.gateways.masking import mask
from payments.gateways.operators import INSTRUCTIONS, is_national, operator_of
from payments.gateways.reading import read_header, read_instant, read_json, read_rounded_down, read_text

MINIMUM_MINOR = 100
MAX_MESSAGE = 200
BUSY_SECONDS = 60.0  # when a 429 does not say
SEARCH_LIMIT = 100
SEARCH_STATUSES = ("created", "successful", "failed", "expired")  # there is no "pending"
# A 4xx created nothing. Not in here: 408 and what proxies make up.
REFUSING = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # documented as 8 to 10 letters and digits; whatever is safe in a path


class Fapshi(OnlyCollects):
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
        )
        self._wire = Wire(door, base_url)
        self._headers = {"apiuser": api_user, "apikey": api_key}
        self._webhook_secrets = tuple(webhook_secrets)

    def collect(self, request: CollectRequest) -> Accepted:
        if not is_national(request.phone):
            raise Rejected("not a number in Cameroon", code="invalid_phone", fields={"phone": "nine digits from 6"})
        operator = request.operator or operator_of(request.phone)
        medium = {"medium": MEDIA[operator]} if operator in MEDIA else {}
        reply = self._create("/direct-pay", {**self._common(request), "phone": request.phone, **medium})
        return Accepted(self._read_id(reply), INSTRUCTIONS.get(operator, ""), exchange=reply.exchange)

    def create_link(self, request: CollectRequest) -> Accepted:
        takes_url = request.return_url.startswith("https://") or (self._wire.is_plain and request.return_url)
        back = {"redirectUrl": request.return_url} if takes_url else {}
        reply = self._create("/initiate-pay", {**self._common(request), **back})
        link = read_text(reply.record.get("link"))
        if not link.startswith("https://") and not (self._wire.is_plain and link.startswith("http://")):
            raise with_exchange(OutcomeUnknown("the gateway made a payment link and did not tell it"), reply)
        return Accepted(self._read_id(reply), link=link, exchange=reply.exchange)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        return self._fetch_status(transaction_id, self._wire.start_deadline(), is_link=is_link)

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """By the list of the userId, which is the attempt's own: `since` narrows nothing here."""
        path = f"/transaction/{quote(reference, safe='')}"
        try:
            reply = self._read(path, self._wire.start_deadline())
        except NotFound:
            return None
        found = [
            read_status(row, reply, is_link=is_link)
            for row in _rows(reply)
            if reference in (row.get("externalId"), row.get("userId"))
        ]
        return best_of(found)

    def expire_link(self, transaction_id: str) -> Status:
        deadline = self._wire.start_deadline()
        _check_id(transaction_id)
        with suppress(Rejected, OutcomeUnknown):  # closed before, paid before, perhaps closed: the status tells
            self._post("/expire-pay", {"transId": transaction_id}, deadline)
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
        if not _ID.fullmatch(transaction_id):
            raise Rejected("a webhook without transId")
        return Event(
            key=f"{transaction_id}:{word}",
            transaction_id=transaction_id,
            reference=read_reference(record),
            word=word,
            payload=mask(record),
        )

    def history(self, day: date) -> History:
        """Search has no pages. A full answer is narrowed by status and operator, and still never called complete."""
        deadline = self._wire.start_deadline()
        # One day more than asked: whether `end` counts, and in which zone, is not documented.
        span = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
        rows, is_complete = self._search(span, day, deadline)
        if not is_complete:
            parts = [
                self._search({**span, "status": status, "medium": medium}, day, deadline)
                for status, medium in product(SEARCH_STATUSES, OPERATORS)
            ]
            for part, _ in parts:
                rows.update(part)
            # PENDING cannot be asked for, and rows without a medium fall through: absence proves nothing now.
        return History(tuple(Line(read_status(row), is_collection(row)) for row in rows.values()), is_complete)

    def fetch_balance(self) -> Money:
        reply = self._read("/balance", self._wire.start_deadline())
        balance = read_rounded_down(reply.record.get("balance"), CURRENCY)
        if balance is None:
            raise unclear(reply, is_read=True)
        return balance

    def _common(self, request: CollectRequest) -> dict[str, object]:
        if request.money.currency != CURRENCY or request.money.amount_minor < MINIMUM_MINOR:
            raise Rejected(f"from {MINIMUM_MINOR} {CURRENCY}", code="amount_refused", fields={"amount": "too small"})
        body = {
            "amount": request.money.amount_minor,
            "externalId": request.reference,
            "userId": request.reference,
            "message": request.description[:MAX_MESSAGE],
        }
        return {**body, **({"email": request.email} if request.email else {})}

    def _create(self, path: str, body: Mapping[str, object]) -> Reply:
        return self._post(path, body, self._wire.start_deadline())

    def _post(self, path: str, body: Mapping[str, object], deadline: Deadline) -> Reply:
        reply = self._wire.post(path, headers=self._headers, body=body, deadline=deadline)
        _raise_refusal(reply)
        if reply.status != 200 or not reply.record:
            raise unclear(reply, is_read=False)
        return reply

    def _read(self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None) -> Reply:
        reply = self._wire.get(path, headers=self._headers, deadline=deadline, query=query)
        if reply.status == 404 and reply.record:
            raise with_exchange(NotFound("Fapshi knows no such transaction"), reply)
        _raise_refusal(reply)
        if reply.status != 200 or reply.document is None:
            raise unclear(reply, is_read=True)
        return reply

    def _fetch_status(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> Status:
        _check_id(transaction_id)
        reply = self._read(f"/payment-status/{transaction_id}", deadline)
        try:
            record = unwrap(reply.document)
        except ValueError:
            raise unclear(reply, is_read=True) from None
        if read_text(record.get("transId")) != transaction_id:
            raise unclear(reply, is_read=True)
        return read_status(record, reply, is_link=is_link)

    def _read_id(self, reply: Reply) -> str:
        transaction_id = read_text(reply.record.get("transId"))
        if not _ID.fullmatch(transaction_id):
            raise unclear(reply, is_read=False)
        return transaction_id

    def _search(
        self, query: Mapping[str, str], day: date, deadline: Deadline
    ) -> tuple[dict[str, Mapping[str, object]], bool]:
        """The day's rows by id, and whether all that fit the query are there. An unknown filter is ignored there."""
        reply = self._read("/search", deadline, {**query, "sort": "asc", "limit": str(SEARCH_LIMIT)})
        rows = list(_rows(reply))
        days = [_day(row) for row in rows]
        of_day = {read_text(row.get("transId")): row for row, own in zip(rows, days, strict=True) if own in (day, None)}
        known = [own for own in days if own is not None]
        is_past_the_day = known == sorted(known) and bool(known) and known[-1] > day
        return of_day, len(rows) < SEARCH_LIMIT or is_past_the_day


def _raise_refusal(reply: Reply) -> None:
    if reply.status == 429:
        raise busy(reply, otherwise_seconds=BUSY_SECONDS)
    if reply.status in {401, 403} and reply.record:
        message = "Fapshi refuses our credentials, our address or this service"
        raise with_exchange(Rejected(message, code="gateway_credentials"), reply)
    if reply.status in REFUSING and reply.record:
        raise with_exchange(Rejected(f"Fapshi refused ({reply.status})", code="refused"), reply)


def _check_id(transaction_id: str) -> None:
    if not _ID.fullmatch(transaction_id):
        raise Rejected("not an id of Fapshi")


def unwrap(document: object) -> Mapping[str, object]:
    """One transaction, bare or as the only item of a list. Raises ValueError."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, dict):
        return document
    raise ValueError("not one object")


def _rows(reply: Reply) -> Iterator[Mapping[str, object]]:
    if not isinstance(reply.document, list):
        raise unclear(reply, is_read=True)
    return (row for row in reply.document if isinstance(row, dict))


def _day(row: Mapping[str, object]) -> date | None:
    instant = read_instant(row.get("dateInitiated"))
    return instant.date() if instant else None
