"""What passes between the server and a dialect: a call in, an answer out, a webhook to send."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from payments.sandbox.books import Entry
from payments.sandbox.knobs import Knobs

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None


def as_json(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, _encode(document).encode(), "application/json", headers)


def as_html(page: str, status: int = 200) -> Answer:
    return Answer(status, page.encode(), "text/html; charset=utf-8")


def parse_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None when it holds anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


@dataclass
class Call:
    """One request to a gateway. `key` is what chance is rolled on; `knobs` are those in force for this call."""

    method: str
    tail: str  # the path below /<gateway>/
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str  # http://host:port as the caller sees us, for links
    argument: str = ""  # the part of the path that varies, such as a transaction id
    arguments: tuple[str, ...] = ()  # all of them, where there are several
    key: str = ""
    knobs: Knobs = field(default_factory=Knobs)
    override: Mapping[str, Any] = field(default_factory=dict)
    created: Entry | None = None

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is something else."""
        return parse_object(self.body)

    def text(self, name: str) -> str:
        """A string field of the body; "" when it is absent or something else."""
        value = (self.document or {}).get(name)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Message:
    """A webhook, ready to go: a snapshot of the transaction at the time of the event."""

    gateway_id: str
    word: str  # the status as the gateway spells it
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    query: Mapping[str, str] | None = None
    # Headers that differ from one try to the next, by the number of the try; the first is 1.
    stamp: Callable[[int], Mapping[str, str]] | None = None
