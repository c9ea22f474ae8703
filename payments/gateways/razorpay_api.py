"""Razorpay's HTTP: basic authentication, its errors in our words, lists page by page."""

import re
from base64 import b64encode
from collections.abc import Mapping

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Unavailable
from choptym.lib.outbound import Door
from payments.gateways.http import Refused, Reply, Wire, busy, unclear, with_exchange
from payments.gateways.masking import mask_text
from payments.gateways.reading import read_object, read_objects, read_text

PAGE = 100  # the most that a list of payments or refunds gives at once
# By what stands in the description: there is one code for all refusals.
_TEXTS = (
    (re.compile(r"authentication failed|api key", re.IGNORECASE), "gateway_credentials"),
    (re.compile(r"url was not found|not enabled|not activated|not allowed", re.IGNORECASE), "gateway_disabled"),
    (re.compile(r"\b(contact|phone)\b", re.IGNORECASE), "invalid_phone"),
    (re.compile(r"\b(amount|currency)\b", re.IGNORECASE), "amount_refused"),
)
_FIELDS = {"contact": "invalid_phone", "amount": "amount_refused", "currency": "amount_refused"}
_ABSENT = re.compile(r"id provided does not exist|is not a valid id", re.IGNORECASE)
_RUNNING = re.compile(r"still in progress", re.IGNORECASE)


class RazorpayApi:
    """Threads share it."""

    def __init__(self, door: Door, base_url: str, key_id: str, key_secret: str) -> None:
        self._wire = Wire(door, base_url)
        self._headers = {"Authorization": "Basic " + b64encode(f"{key_id}:{key_secret}".encode()).decode()}

    def page(self, url: object) -> str:
        return self._wire.page(url)

    def start_deadline(self) -> Deadline:
        return self._wire.start_deadline()

    def read(self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None) -> Reply:
        """Raises NotFound for an id that does not exist, which Razorpay answers with 400."""
        reply = self._wire.get(path, headers=self._headers, deadline=deadline, query=query)
        _raise_refusal(reply, is_read=True)
        if not 200 <= reply.status < 300 or not reply.record:
            raise unclear(reply, is_read=True)
        return reply

    def act(
        self, path: str, body: Mapping[str, object], deadline: Deadline, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises Refused when nothing was done, and OutcomeUnknown for whatever is no clear answer."""
        reply = self._wire.post(path, headers={**self._headers, **(headers or {})}, body=body, deadline=deadline)
        _raise_refusal(reply, is_read=False)
        if not 200 <= reply.status < 300 or not reply.record:
            raise unclear(reply, is_read=False)
        return reply

    def read_list(
        self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None, *, key: str = "items"
    ) -> tuple[list[dict[str, object]], Reply]:
        reply = self.read(path, deadline, query)
        if not isinstance(reply.record.get(key), list):
            raise unclear(reply, is_read=True)
        return read_objects(reply.record[key]), reply

    def read_pages(
        self, path: str, deadline: Deadline, query: Mapping[str, str], *, page_size: int = PAGE
    ) -> tuple[list[dict[str, object]], bool]:
        """All rows, each id once, and whether they are all: a long day may not fit into one deadline.

        There is no cursor. New rows shift the pages, so a row may come twice; none is left out, because they are
        added at the front.
        """
        rows: dict[str, dict[str, object]] = {}
        skip = 0
        while True:
            try:
                page, _ = self.read_list(path, deadline, {**query, "count": str(page_size), "skip": str(skip)})
            except Unavailable:
                if not rows:
                    raise
                return list(rows.values()), False
            rows.update((_own_id(row), row) for row in page)
            if len(page) < page_size:
                return list(rows.values()), True
            skip += page_size


def _own_id(row: Mapping[str, object]) -> str:
    """A row of the reconciliation has no id of its own, but that of what it is about."""
    return read_text(row.get("id")) or f"{read_text(row.get('type'))}:{read_text(row.get('entity_id'))}"


def _raise_refusal(reply: Reply, *, is_read: bool) -> None:
    """Only what the reference page calls a refusal; the rest is for the caller to call unclear."""
    if reply.status == 429:
        raise busy(reply)
    error = read_object(reply.record.get("error"))
    if not 400 <= reply.status < 500 or reply.status == 408 or not error:
        return
    if read_text(error.get("code")) in {"GATEWAY_ERROR", "SERVER_ERROR"}:
        return  # the bank or Razorpay: something may have happened
    said = mask_text(read_text(error.get("description"), 200))
    if is_read and _ABSENT.search(said):
        raise with_exchange(NotFound("Razorpay knows no such id"), reply)
    if reply.status == 409 and _RUNNING.search(said):
        raise busy(reply)
    raise Refused(f"Razorpay refused: {said}", code=_code_of(reply.status, error, said), word=said, reply=reply)


def _code_of(status: int, error: Mapping[str, object], said: str) -> str:
    if status in {401, 403}:
        return "gateway_credentials" if status == 401 else "gateway_disabled"
    by_field = _FIELDS.get(read_text(error.get("field")))
    if by_field is not None:
        return by_field
    return next((code for text, code in _TEXTS if text.search(said)), "refused")
