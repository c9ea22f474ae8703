"""CamPay's API: its token, its refusals, its history."""

import re
from collections.abc import Mapping
from datetime import date, timedelta

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected
from payments.gateways.campay_records import CURRENCY
from payments.gateways.http import Refused, Reply, Wire, busy, unclear, with_exchange
from payments.gateways.reading import read_rounded_down, read_text, read_uuid
from payments.gateways.token import TokenCache

TOKEN_MARGIN_SECONDS = 60.0  # a token is not used in its last minute
REFUSALS = {"ER101": "invalid_phone", "ER102": "operator_unsupported", "ER201": "amount_refused"}
_REFUSAL = re.compile(r"\bER[0-9]{3}\b|malicious_payload_rejected")
_LIMIT = re.compile(r"rate.?limit|too many", re.IGNORECASE)  # per telephone number; comes as a 400 without a code


class CamPayApi:
    """Threads share it."""

    def __init__(
        self, wire: Wire, *, username: str, password: str, permanent_token: str, trusts_refusals: bool
    ) -> None:
        self._wire = wire
        self._login = {"username": username, "password": password}
        self._permanent_token = permanent_token
        self._token = TokenCache(self._fetch_token)
        self._trusts_refusals = trusts_refusals  # False: "refused" does not prove that nothing was done

    def page(self, url: object) -> str:
        return self._wire.page(url)

    def start_deadline(self) -> Deadline:
        return self._wire.start_deadline()

    def act(self, path: str, body: Mapping[str, object], deadline: Deadline, *, has_limit: bool = True) -> Reply:
        """Raises Refused. `has_limit`: a 400 that speaks of too many requests is one, and nothing was done."""
        reply = self._send("POST", path, body, deadline, is_read=False)
        if reply.status == 200 and reply.record:
            return reply
        _raise_refusal(reply, trusts_refusals=self._trusts_refusals, has_limit=has_limit)
        raise unclear(reply, is_read=False)

    def read(self, method: str, path: str, deadline: Deadline, body: Mapping[str, object] | None = None) -> Reply:
        reply = self._send(method, path, body or {}, deadline, is_read=True)
        if reply.status == 404:
            raise with_exchange(NotFound("CamPay knows no such transaction"), reply)
        _raise_refusal(reply, trusts_refusals=True, has_limit=True)
        if reply.status != 200 or reply.document is None:
            raise unclear(reply, is_read=True)
        return reply

    def read_transaction(self, transaction_id: str, deadline: Deadline) -> Reply:
        """One transaction by CamPay's reference. Raises NotFound."""
        if not transaction_id or read_uuid(transaction_id) != transaction_id.lower():  # a stranger may have named it
            raise Rejected("not a reference of CamPay")
        reply = self.read("GET", f"/transaction/{transaction_id}/", deadline)
        if read_uuid(reply.record.get("reference")) != transaction_id.lower():
            raise unclear(reply, is_read=True)
        return reply

    def read_history(self, first: date, last: date, deadline: Deadline) -> list[Mapping[str, object]]:
        """Final rows only."""
        # One day more than asked: whether the end counts is not documented.
        span = {"start_date": first.isoformat(), "end_date": (last + timedelta(days=1)).isoformat()}
        reply = self.read("POST", "/history/", deadline, span)
        rows = reply.record.get("data", reply.document)
        if not isinstance(rows, list):
            raise unclear(reply, is_read=True)
        return [row for row in rows if isinstance(row, dict)]

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


def _raise_refusal(reply: Reply, *, trusts_refusals: bool, has_limit: bool) -> None:
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
        raise Refused(f"CamPay refused: {refusal[0]}", code=code, word=refusal[0], reply=reply)
    if has_limit and not refusal and _LIMIT.search(reply.text):
        raise busy(reply)
