"""Fapshi's API for one service: its two headers, its refusals, its shapes. Collections and payouts are two services."""

import re
from collections.abc import Mapping

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected
from choptym.lib.money import Money
from payments.gateways.fapshi_records import CURRENCY, read_reference
from payments.gateways.http import Reply, Wire, busy, unclear, with_exchange
from payments.gateways.reading import read_rounded_down, read_text

BUSY_SECONDS = 60.0  # when a 429 does not say
# A 4xx created nothing. Not in here: 408 and what proxies make up.
REFUSING = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # documented as 8 to 10 letters and digits; whatever is safe in a path


class FapshiApi:
    """Threads share it."""

    def __init__(self, wire: Wire, user: str, key: str) -> None:
        self._wire = wire
        self._headers = {"apiuser": user, "apikey": key}

    def page(self, url: object) -> str:
        return self._wire.page(url)

    def start_deadline(self) -> Deadline:
        return self._wire.start_deadline()

    def post(self, path: str, body: Mapping[str, object], deadline: Deadline) -> Reply:
        reply = self._wire.post(path, headers=self._headers, body=body, deadline=deadline)
        _raise_refusal(reply)
        if reply.status != 200 or not reply.record:
            raise unclear(reply, is_read=False)
        return reply

    def read(self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None) -> Reply:
        reply = self._wire.get(path, headers=self._headers, deadline=deadline, query=query)
        if reply.status == 404 and reply.record:
            raise with_exchange(NotFound("Fapshi knows no such transaction"), reply)
        _raise_refusal(reply)
        if reply.status != 200 or reply.document is None:
            raise unclear(reply, is_read=True)
        return reply

    def read_transaction(self, transaction_id: str, deadline: Deadline) -> tuple[Mapping[str, object], Reply]:
        """One transaction of this service, by its id. Raises NotFound."""
        if not is_id(transaction_id):
            raise Rejected("not an id of Fapshi")
        reply = self.read(f"/payment-status/{transaction_id}", deadline)
        try:
            record = unwrap(reply.document)
        except ValueError:
            raise unclear(reply, is_read=True) from None
        if read_text(record.get("transId")) != transaction_id:
            raise unclear(reply, is_read=True)
        return record, reply

    def read_balance(self, deadline: Deadline) -> Money:
        reply = self.read("/balance", deadline)
        balance = read_rounded_down(reply.record.get("balance"), CURRENCY)
        if balance is None:
            raise unclear(reply, is_read=True)
        return balance


def _raise_refusal(reply: Reply) -> None:
    if reply.status == 429:
        raise busy(reply, otherwise_seconds=BUSY_SECONDS)
    if reply.status in {401, 403} and reply.record:
        message = "Fapshi refuses our credentials, our address or this service"
        raise with_exchange(Rejected(message, code="gateway_credentials"), reply)
    if reply.status in REFUSING and reply.record:
        raise with_exchange(Rejected(f"Fapshi refused ({reply.status})", code="refused"), reply)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def read_new_id(reply: Reply) -> str:
    """The id of what was just created. Raises OutcomeUnknown when it is not told."""
    transaction_id = read_text(reply.record.get("transId"))
    if not is_id(transaction_id):
        raise unclear(reply, is_read=False)
    return transaction_id


def unwrap(document: object) -> Mapping[str, object]:
    """One transaction, bare or as the only item of a list. Raises ValueError."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, dict):
        return document
    raise ValueError("not one object")


def read_rows(reply: Reply) -> list[Mapping[str, object]]:
    """The transactions of a list. Raises Unavailable when it is none."""
    if not isinstance(reply.document, list):
        raise unclear(reply, is_read=True)
    return [row for row in reply.document if isinstance(row, dict)]


def read_named_rows(reply: Reply) -> list[Mapping[str, object]]:
    """The transactions of one userId's list. Raises Unavailable when one of them cannot be read, or names nothing.

    Absence may be taken for a proof: what cannot be read must not look like it.
    """
    rows = read_rows(reply)
    is_whole = isinstance(reply.document, list) and len(rows) == len(reply.document)
    if not is_whole or not all(read_reference(row) for row in rows):
        raise unclear(reply, is_read=True)
    return rows
