"""CamPay: Cameroon, XAF. An hourly token; callbacks whose signature covers no content: only a status query is truth.

Nothing can be looked up by our reference, and the history shows final rows only and no external_reference; so the
attempt's reference also goes into external_user and the description.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

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
    OnlyCollects,
    Outcome,
    Rules,
    Status,
    best_of,
)
from payments.gateways.campay_records import CURRENCY, read_line, read_reference, read_status
from payments.gateways.http import Reply, Wire, busy, unclear, with_exchange
from payments.gateways.masking import mask
from payments.gateways.operators import is_national
from payments.gateways.reading import digest_of, read_json, read_rounded_down, read_text, read_uuid
from payments.gateways.token import TokenCache

COUNTRY = "237"
MAX_DESCRIPTION = 120
TOKEN_MARGIN_SECONDS = 60.0  # a token is not used in its last minute
REFUSALS = {"ER101": "invalid_phone", "ER102": "operator_unsupported", "ER201": "amount_refused"}
_REFUSAL = re.compile(r"\bER[0-9]{3}\b|malicious_payload_rejected")
_LIMIT = re.compile(r"rate.?limit|too many", re.IGNORECASE)  # per telephone number; comes as a 400 without a code


class CamPay(OnlyCollects):
    """See base.Gateway. There is no call that closes a link."""

    def __init__(
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
    ) -> None:
        self.rules = Rules(
            name="campay",
            currencies=frozenset({CURRENCY}),
            minimum_minor={CURRENCY: 1},  # undocumented, and not the same for both operators: its refusal tells
            has_links=True,
            signs_events=False,
            poll_seconds=(5.0,) * 12 + (15.0,) * 16 + (60.0,) * 25 + (3600.0,),
            absence_proves_after_seconds=absence_proves_after_seconds,
        )
        self._wire = Wire(door, base_url)
        self._login = {"username": username, "password": password}
        self._permanent_token = permanent_token
        self._token = TokenCache(self._fetch_token)
        self._webhook_keys = tuple(webhook_keys)
        self._trusts_refusals = trusts_refusals  # False: "refused" does not prove that no push was sent

    def collect(self, request: CollectRequest) -> Accepted:
        if not is_national(request.phone):
            raise Rejected("not a number in Cameroon", code="invalid_phone", fields={"phone": "nine digits from 6"})
        reply = self._act("/collect/", {**_common(request), "from": COUNTRY + request.phone})
        transaction_id = read_uuid(reply.record.get("reference"))
        if not transaction_id:
            raise unclear(reply, is_read=False)
        return Accepted(transaction_id, read_text(reply.record.get("ussd_code"), 160), exchange=reply.exchange)

    def create_link(self, request: CollectRequest) -> Accepted:
        reply = self._act("/get_payment_link/", {**_common(request), **_link_options(request)})
        link = read_text(reply.record.get("link"))
        if not link.startswith("https://") and not (self._wire.is_plain and link.startswith("http://")):
            raise unclear(reply, is_read=False)
        # Older answers have no reference: the callback will bring it.
        return Accepted(read_uuid(reply.record.get("reference")), link=link, exchange=reply.exchange)

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        return self._fetch_status(transaction_id, self._wire.start_deadline(), is_link=is_link)

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """In the history since then, which leaves out what is still pending."""
        deadline = self._wire.start_deadline()
        rows = self._history(since.astimezone(UTC).date(), datetime.now(UTC).date(), deadline)
        ids = {
            read_uuid(row.get("reference_uuid"))
            for row in rows
            if read_text(row.get("external_user")) == reference or reference in read_text(row.get("description"))
        }
        found = [self._fetch_status(one, deadline, is_link=is_link) for one in sorted(ids - {""})]
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
            payload=mask(record),
        )

    def history(self, day: date) -> History:
        rows = self._history(day, day, self._wire.start_deadline())
        lines = [read_line(row) for row in rows]
        of_day = (line for line in lines if (at := line.status.occurred_at) is None or at.date() == day)
        return History(tuple(of_day))

    def fetch_balance(self) -> Money:
        reply = self._read("GET", "/balance/", self._wire.start_deadline())
        balance = read_rounded_down(reply.record.get("total_balance"), CURRENCY)
        if balance is None:
            raise unclear(reply, is_read=True)
        return balance

    def _fetch_token(self, deadline: Deadline) -> tuple[str, float]:
        reply = self._wire.post("/token/", headers={}, body=self._login, deadline=deadline, is_read=True)
        if reply.status == 429:
            raise busy(reply)
        if reply.status in {400, 401, 403} and reply.record:
            raise with_exchange(Rejected("CamPay refuses our credentials", code="gateway_credentials"), reply)
        token = read_text(reply.record.get("token"), 8192)
        lifetime = read_rounded_down(reply.record.get("expires_in"), CURRENCY)
        if reply.status != 200 or not token:
            raise unclear(reply, is_read=True)
        seconds = float(lifetime.amount_minor) if lifetime else 0.0
        return token, max(1.0, seconds - TOKEN_MARGIN_SECONDS)

    def _send(self, method: str, path: str, body: Mapping[str, object], deadline: Deadline, *, is_read: bool) -> Reply:
        """With the token; once more with a new one after a 401, which executes nothing."""
        token = self._permanent_token or self._token.get(deadline)
        reply = self._send_once(method, path, body, deadline, token, is_read=is_read)
        if reply.status != 401 or self._permanent_token:
            return reply
        self._token.drop(token)
        return self._send_once(method, path, body, deadline, self._token.get(deadline), is_read=is_read)

    def _send_once(
        self, method: str, path: str, body: Mapping[str, object], deadline: Deadline, token: str, *, is_read: bool
    ) -> Reply:
        headers = {"Authorization": f"Token {token}"}
        if method == "GET":
            return self._wire.get(path, headers=headers, deadline=deadline)
        return self._wire.post(path, headers=headers, body=body, deadline=deadline, is_read=is_read)

    def _act(self, path: str, body: Mapping[str, object]) -> Reply:
        reply = self._send("POST", path, body, self._wire.start_deadline(), is_read=False)
        if reply.status == 200 and reply.record:
            return reply
        _raise_refusal(reply, trusts_refusals=self._trusts_refusals)
        raise unclear(reply, is_read=False)

    def _read(self, method: str, path: str, deadline: Deadline, body: Mapping[str, object] | None = None) -> Reply:
        reply = self._send(method, path, body or {}, deadline, is_read=True)
        if reply.status == 404:
            raise with_exchange(NotFound("CamPay knows no such transaction"), reply)
        _raise_refusal(reply, trusts_refusals=True)
        if reply.status != 200 or reply.document is None:
            raise unclear(reply, is_read=True)
        return reply

    def _fetch_status(self, transaction_id: str, deadline: Deadline, *, is_link: bool) -> Status:
        if not transaction_id or read_uuid(transaction_id) != transaction_id.lower():  # a stranger may have named it
            raise Rejected("not a reference of CamPay")
        try:
            reply = self._read("GET", f"/transaction/{transaction_id}/", deadline)
        except NotFound as error:
            if not is_link:
                raise
            word = "not started"
            return Status(Outcome.WAITING, transaction_id, "", None, word=word, exchange=error.exchange)
        if read_uuid(reply.record.get("reference")) != transaction_id.lower():
            raise unclear(reply, is_read=True)
        status = read_status(reply.record, reply)
        if is_link and status.outcome is Outcome.NOT_PAID:
            # The page may take the money yet: whether a FAILED is final there is not documented.
            return replace(status, outcome=Outcome.WAITING)
        return status

    def _history(self, first: date, last: date, deadline: Deadline) -> list[Mapping[str, object]]:
        # One day more than asked: whether the end counts is not documented.
        span = {"start_date": first.isoformat(), "end_date": (last + timedelta(days=1)).isoformat()}
        reply = self._read("POST", "/history/", deadline, span)
        rows = reply.record.get("data", reply.document)
        if not isinstance(rows, list):
            raise unclear(reply, is_read=True)
        return [row for row in rows if isinstance(row, dict)]


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


def _raise_refusal(reply: Reply, *, trusts_refusals: bool) -> None:
    """Only what the reference page calls a refusal; the rest is for the caller to call unclear."""
    if reply.status == 429:
        raise busy(reply)
    if not 400 <= reply.status < 500 or not reply.record:
        return
    if reply.status in {401, 403}:
        code = "gateway_credentials" if reply.status == 401 else "gateway_disabled"
        raise with_exchange(Rejected(f"CamPay does not let us ({reply.status})", code=code), reply)
    refusal = _REFUSAL.search(reply.text)  # in error_code, code, detail or the message: it was seen in all of them
    if refusal and trusts_refusals:
        code = REFUSALS.get(refusal[0], "refused")
        raise with_exchange(Rejected(f"CamPay refused: {refusal[0]}", code=code), reply)
    if not refusal and _LIMIT.search(reply.text):
        raise busy(reply)


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
