"""Cashfree's HTTP: its headers, its errors in our words. Amounts are decimal rupees on the wire."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import uuid4

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound
from choptym.lib.money import MINOR_DIGITS, Money
from choptym.lib.outbound import Door
from payments.gateways.http import Refused, Reply, Wire, busy, unclear, with_exchange
from payments.gateways.masking import mask_text
from payments.gateways.reading import read_objects, read_text

VERSION = "2025-01-01"
_CODES = {
    "feature_not_enabled": "gateway_disabled",  # also seen as the type
    "customer_phone_invalid": "invalid_phone",
    "order_amount_invalid": "amount_refused",
    "payment_amount_invalid": "amount_refused",
    "version_invalid": "gateway_disabled",
    "payment_method_unsupported": "gateway_disabled",
}
# Not refusals, whatever their HTTP status: something may have happened.
_UNCLEAR = frozenset({"api_connection_error", "api_request_timeout", "bank_processing_failure", "internal_error"})


class CashfreeApi:
    """Threads share it."""

    def __init__(self, door: Door, base_url: str, client_id: str, client_secret: str, version: str) -> None:
        self._wire = Wire(door, base_url)
        self._version = {"x-api-version": version}
        self._credentials = {"x-client-id": client_id, "x-client-secret": client_secret}

    def page(self, url: object) -> str:
        return self._wire.page(url)

    def start_deadline(self) -> Deadline:
        return self._wire.start_deadline()

    def read(self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None) -> Reply:
        """One object. Raises NotFound."""
        reply = self._get(path, deadline, query)
        if not reply.record:
            raise unclear(reply, is_read=True)
        return reply

    def read_list(
        self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None
    ) -> list[dict[str, object]]:
        """A bare list, as payments and refunds come."""
        reply = self._get(path, deadline, query)
        if not isinstance(reply.document, list):
            raise unclear(reply, is_read=True)
        return read_objects(reply.document)

    def ask(self, path: str, body: Mapping[str, object], deadline: Deadline) -> Reply:
        """A POST that only reads."""
        return self._post(path, body, deadline, self._credentials, is_read=True)

    def act(self, path: str, body: Mapping[str, object], deadline: Deadline) -> Reply:
        """Raises Refused when nothing was done, and OutcomeUnknown for whatever is no clear answer.

        The idempotency key is new each time: Cashfree remembers failures under it too, and our own ids in the body
        are what keeps a repeat from doing something twice.
        """
        headers = {**self._credentials, "x-idempotency-key": str(uuid4())}
        return self._post(path, body, deadline, headers, is_read=False)

    def pay(self, body: Mapping[str, object], deadline: Deadline) -> Reply:
        """Begin a payment of an order. The session in the body is the only credential, and nothing makes it harmless
        to send this twice."""
        return self._post("/orders/sessions", body, deadline, {}, is_read=False)

    def _get(self, path: str, deadline: Deadline, query: Mapping[str, str] | None) -> Reply:
        headers = {**self._version, **self._credentials, "x-request-id": str(uuid4())}
        reply = self._wire.get(path, headers=headers, deadline=deadline, query=query)
        _raise_refusal(reply, is_read=True)
        if not 200 <= reply.status < 300 or reply.document is None:
            raise unclear(reply, is_read=True)
        return reply

    def _post(
        self, path: str, body: Mapping[str, object], deadline: Deadline, headers: Mapping[str, str], *, is_read: bool
    ) -> Reply:
        headers = {**self._version, **headers, "x-request-id": str(uuid4())}
        reply = self._wire.post(path, headers=headers, body=body, deadline=deadline, is_read=is_read)
        _raise_refusal(reply, is_read=is_read)
        if not 200 <= reply.status < 300 or not reply.record:
            raise unclear(reply, is_read=is_read)
        return reply


def in_rupees(money: Money) -> float:
    """For the wire only. Written as the shortest text that reads back the same, which two decimals always are."""
    return float(Decimal(money.amount_minor).scaleb(-MINOR_DIGITS[money.currency]))


def _raise_refusal(reply: Reply, *, is_read: bool) -> None:
    """Only what the reference page calls a refusal; the rest is for the caller to call unclear."""
    if reply.status == 429:
        raise busy(reply, header="x-ratelimit-retry")
    word = read_text(reply.record.get("code"), 60)
    if not 400 <= reply.status < 500 or reply.status == 408 or not word or word in _UNCLEAR:
        return
    if is_read and reply.status == 404 and word.endswith("not_found"):
        raise with_exchange(NotFound("Cashfree knows no such id"), reply)
    said = mask_text(read_text(reply.record.get("message"), 150))
    code = _code_of(reply.status, read_text(reply.record.get("type")), word)
    raise Refused(f"Cashfree refused: {word} {said}", code=code, word=word, reply=reply)


def _code_of(status: int, kind: str, word: str) -> str:
    if status == 401 or kind == "authentication_error":
        return "gateway_credentials"
    if status == 403 or kind == "feature_not_enabled":
        return "gateway_disabled"
    return _CODES.get(word, "refused")
