"""One gateway's HTTP: JSON over the door, every exchange written down masked, failures in our words."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Busy, ChoptymError, Exchange, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.outbound import Answer, Door
from payments.gateways.masking import mask, mask_response
from payments.gateways.reading import read_address, read_json, read_retry_after

E = TypeVar("E", bound=ChoptymError)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read. `document` is None when the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    document: object
    text: str
    exchange: Exchange

    @property
    def record(self) -> dict[str, object]:
        """The document when it is a JSON object, else an empty one."""
        return self.document if isinstance(self.document, dict) else {}


class Wire:
    """Speaks JSON to one base address. Threads share it."""

    def __init__(self, door: Door, base_url: str) -> None:
        self._door = door
        self._base_url = base_url.rstrip("/")

    def page(self, url: object) -> str:
        """An address that a customer may be sent to: with TLS, except at the sandbox. "": it is none."""
        schemes = ("https://", "http://") if self._base_url.startswith("http://") else ("https://",)
        return read_address(url, *schemes)

    def start_deadline(self) -> Deadline:
        return self._door.start_deadline()

    def get(
        self, path: str, *, headers: Mapping[str, str], deadline: Deadline, query: Mapping[str, str] | None = None
    ) -> Reply:
        tail = f"?{urlencode(query)}" if query else ""
        return self._call("GET", path + tail, headers, None, deadline, is_read=True)

    def post(
        self,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Mapping[str, object],
        deadline: Deadline,
        is_read: bool = False,
    ) -> Reply:
        return self._call("POST", path, headers, body, deadline, is_read=is_read)

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, object] | None,
        deadline: Deadline,
        *,
        is_read: bool,
    ) -> Reply:
        request = {"method": method, "path": path, **({"body": mask(body)} if body is not None else {})}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        kind = {} if body is None else {"Content-Type": "application/json"}
        started = time.monotonic()
        try:
            answer = self._door.call(
                method,
                self._base_url + path,
                headers={"Accept": "application/json", **kind, **headers},
                body=content,
                deadline=deadline,
                is_read=is_read,
            )
        except ChoptymError as error:
            error.exchange = Exchange(_milliseconds(time.monotonic() - started), None, request)
            raise
        return _read(answer, request)


def _read(answer: Answer, request: Mapping[str, object]) -> Reply:
    try:
        document = read_json(answer.body)
    except ValueError:
        document = None
    response = mask_response(document, answer.body)
    exchange = Exchange(_milliseconds(answer.elapsed_seconds), answer.status, request, response)
    text = answer.body[:8000].decode("utf-8", "replace")
    return Reply(answer.status, answer.headers, document, text, exchange)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def with_exchange(error: E, reply: Reply) -> E:
    """Hang what was said on the error, for the attempt's row."""
    error.exchange = reply.exchange
    return error


class Refused(Rejected):
    """A refusal with the gateway's own word for it, for the adapter that knows what else the word means."""

    def __init__(self, message: str, *, code: str, word: str, reply: Reply) -> None:
        super().__init__(message, code=code)
        self.word = word
        self.exchange = reply.exchange


def joined(first: Exchange, second: Exchange) -> Exchange:
    """Two calls that were one step, as one: the later one, and what went before."""
    return Exchange(
        first.latency_ms + second.latency_ms,
        second.http_status,
        {**second.request, "before": first.request},
        {**second.response, "before": first.response},
    )


@contextmanager
def after(first: Exchange) -> Iterator[None]:
    """Hang what went before on the error of a second call as well."""
    try:
        yield
    except ChoptymError as error:
        error.exchange = joined(first, error.exchange) if error.exchange is not None else first
        raise


def busy(reply: Reply, *, otherwise_seconds: float | None = None, header: str = "retry-after") -> Busy:
    """For an answer that says "too many requests". `header`: a gateway's own, besides the usual one."""
    wait = read_retry_after(reply.headers) or read_retry_after(reply.headers, header) or otherwise_seconds
    return with_exchange(Busy("the gateway asks us to slow down", retry_after_seconds=wait), reply)


def unclear(reply: Reply, *, is_read: bool) -> Unavailable:
    """For an answer that is neither a yes nor a no: after it, only asking again tells what happened."""
    kind = Unavailable if is_read else OutcomeUnknown
    return with_exchange(kind(f"the gateway answered {reply.status} and nothing that we can use"), reply)
