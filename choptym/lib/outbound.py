"""The door to the network: shut while a database transaction is open, and honest about what may have left.

A slow peer must never hold row locks or a database connection, and a caller must know whether a failed request was
executed: NotSent says no, OutcomeUnknown says perhaps.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Protocol

from django.db import connections
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import EmptyPoolError, HTTPError

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotSent, OutcomeUnknown, Unavailable
from choptym.lib.wire import CALL, Call, open_pools

# A call is not begun with less than this share of its deadline left: it would hardly hear the answer.
LEAST_SHARE = 1 / 6
# Headers, and the sizes of chunks, that may come beside the body.
MOST_AROUND_BYTES = 256 * 1024

# Takes the status and the headers of an answer.
Hear = Callable[[int, Mapping[str, str]], None]

# A ValueError is of an address or a header that cannot be sent, or of an answer that cannot be read.
_FAILURES = (HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_seconds: float


def refuse_in_transaction() -> None:
    """Raise if a transaction is open: a slow peer must never hold row locks. A test's own wrapper does not count."""
    for connection in connections.all(initialized_only=True):
        blocks = connection.atomic_blocks
        is_manual = not blocks and connection.connection is not None and not connection.autocommit
        if is_manual or any(not getattr(block, "_from_testcase", False) for block in blocks):
            raise RuntimeError(f"network call inside a transaction on database {connection.alias!r}")


def give_back_connections() -> None:
    """Let others use this thread's database connections while it waits for the network."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


class Gate(Protocol):
    """What every request passes before it leaves, and whom its answer is told."""

    def passing(self, deadline: Deadline) -> AbstractContextManager[Hear]:
        """Wait for this request's turn, within the deadline. Raises Held: nothing was sent."""
        ...


class NoGate:
    """Everybody may pass."""

    @contextmanager
    def passing(self, deadline: Deadline) -> Iterator[Hear]:
        yield lambda _status, _headers: None


# Told of every request that passed the gate: method, address, outcome (2xx … 5xx, 429, or what went wrong) and seconds.
Tell = Callable[[str, str, str, float], None]


_HEADERS = {"User-Agent": "choptym-payments", "Accept-Encoding": "identity"}


class Door:
    """One peer's pooled connections in this process, shared by its threads; a forked child gets its own."""

    def __init__(
        self,
        *,
        pool_size: int = 20,
        wait_seconds: float = 30.0,  # for a free connection, within the total
        connect_seconds: float = 3.0,
        read_seconds: float = 20.0,
        total_seconds: float = 30.0,  # waiting, connecting, sending and reading together
        max_bytes: int = 1_000_000,
        gate: Gate | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._pool_size = pool_size
        self._wait_seconds = wait_seconds
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self.total_seconds = total_seconds
        self._max_bytes = max_bytes
        self._gate = gate or NoGate()
        self._tell = tell
        self._lock = threading.Lock()
        self._pools: PoolManager | None = None
        self._process_id = 0

    def start_deadline(self) -> Deadline:
        """For several calls that together may take no longer than one."""
        return Deadline(self.total_seconds)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: Deadline | None = None,
        is_read: bool | None = None,
    ) -> Answer:
        """Send one request and read its answer, whatever the HTTP status.

        A read (by default: GET) that meets a connection which the peer had closed is sent once more; anything else is
        never sent twice. Raises NotSent; when bytes may have left, OutcomeUnknown, or for a read plain Unavailable.
        And Held, from the gate: nothing was sent.
        """
        refuse_in_transaction()
        give_back_connections()
        is_read = method == "GET" if is_read is None else is_read
        call = self._make_call(deadline or self.start_deadline())
        try:
            return self._pass(call, method, url, headers, body)
        except _FAILURES as error:
            is_stale = call.is_reused and not call.has_answer and not call.has_timed_out
            if not (is_read and is_stale):
                raise _explain(error, call, is_read=is_read) from error
        call = self._make_call(call.deadline, is_fresh=True)
        try:
            return self._pass(call, method, url, headers, body)
        except _FAILURES as error:
            raise _explain(error, call, is_read=True) from error

    def close(self) -> None:
        """Close the idle connections. The next call opens new ones."""
        with self._lock:
            pools, self._pools = self._pools, None
        if pools is not None:
            pools.clear()

    def _make_call(self, deadline: Deadline, *, is_fresh: bool = False) -> Call:
        reserve = deadline.total_seconds * LEAST_SHARE
        wait = min(self._wait_seconds, deadline.left_seconds() - reserve)
        if wait <= 0:
            raise NotSent("no time is left for another request")
        most = self._max_bytes + MOST_AROUND_BYTES
        return Call(deadline, wait, self._connect_seconds, self._read_seconds, most, is_fresh=is_fresh)

    def _open_pools(self) -> PoolManager:
        with self._lock:
            if self._pools is None or self._process_id != os.getpid():  # sockets must not be shared after a fork
                self._pools = open_pools(self._pool_size)
                self._process_id = os.getpid()
            return self._pools

    def _pass(self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        with self._gate.passing(call.deadline) as hear:
            began, outcome = time.monotonic(), ""
            try:
                answer = self._exchange(call, method, url, headers, body)
                outcome = _outcome(answer.status)
            finally:
                if self._tell is not None:
                    self._tell(method, url, outcome or _failure(call), time.monotonic() - began)
            hear(answer.status, answer.headers)
        return answer

    def _exchange(self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        pools = self._open_pools()
        token = CALL.set(call)
        started = time.monotonic()
        try:
            answer = pools.urlopen(
                method,
                url,
                body=body,
                headers={**_HEADERS, **headers},
                timeout=Timeout(connect=call.connect_seconds, read=call.read_seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                if answer.status < HTTPStatus.OK:
                    raise HTTPError(f"{answer.status} is no answer")
                content = self._read_body(answer)
            finally:  # closes what was not read to its end, and gives the place in the pool back
                answer.close()
                answer.release_conn()
        finally:
            CALL.reset(token)
        if 300 <= answer.status < 400:
            raise HTTPError(f"redirect {answer.status} refused")
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, lowered, content, time.monotonic() - started)

    def _read_body(self, answer: BaseHTTPResponse) -> bytes:
        content = bytearray()
        while piece := answer.read(self._max_bytes + 1 - len(content), decode_content=True):
            content += piece
            if len(content) > self._max_bytes:
                raise HTTPError(f"answer of more than {self._max_bytes} bytes")
        return bytes(content)


def _outcome(status: int) -> str:
    return "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"{str(status)[0]}xx"


def _failure(call: Call) -> str:
    """Whether the other side may have acted."""
    return "no_answer" if call.has_sent else "not_sent"


def _explain(error: Exception, call: Call, *, is_read: bool) -> Unavailable:
    if isinstance(error, EmptyPoolError):
        return NotSent(f"no free connection within {call.wait_seconds:.1f} s")
    what = f"{type(error).__name__}: {str(error)[:200]}"
    if not call.has_sent:
        return NotSent(what)
    return Unavailable(what) if is_read else OutcomeUnknown(what)
