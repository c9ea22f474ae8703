"""Connections for outbound.py: urllib3's, taught to keep a total deadline and to know whether bytes may have left.

urllib3's read timeout starts anew with every received byte, so a peer that trickles can hold a thread for hours; and
its errors do not say whether the request was already on its way. Both are learnt here, at the socket.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import create_connection
from urllib3.util.ssl_ import create_urllib3_context

from choptym.lib.deadline import Deadline


@dataclass(slots=True)
class Call:
    """What one exchange may take, and how far it came."""

    deadline: Deadline
    wait_seconds: float  # for a free connection
    connect_seconds: float
    read_seconds: float  # between two pieces of the answer
    bytes_left: int  # of the whole answer, with its headers and whatever holds its pieces together
    is_fresh: bool = False  # do not use a connection that was used before
    is_reused: bool = False
    has_sent: bool = False  # bytes may have left: from here on the other side may have acted
    has_answer: bool = False  # at least one byte came back
    has_timed_out: bool = False


_AT_ONCE_SECONDS = 0.001  # a timeout of 0 would mean "do not block", which is another thing

CALL: ContextVar[Call] = ContextVar("outbound_call")


class _TimedReader(io.RawIOBase):
    """Reads from the socket, each time with no more patience than the call has left."""

    def __init__(self, inner: io.BufferedReader, sock: socket.socket, call: Call) -> None:
        super().__init__()
        self._inner, self._sock, self._call = inner, sock, call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self._call.deadline.left_seconds(self._call.read_seconds)
        if not left:  # though there may always be one more byte to read
            self._call.has_timed_out = True
            raise TimeoutError("the deadline passed before the answer had ended")
        try:
            self._sock.settimeout(left)
            count = int(self._inner.raw.readinto(buffer) or 0)
        except TimeoutError:
            self._call.has_timed_out = True
            raise
        self._call.has_answer = self._call.has_answer or bool(count)
        self._call.bytes_left -= count
        if self._call.bytes_left < 0:
            raise OSError("the answer does not end")
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp, sock, CALL.get()))

    def _read_status(self) -> tuple[str, int, str]:
        """Any interim answer may come before the real one (RFC 9110, 15.2). Python skips "100 Continue" only: after
        another one the next request on this connection would get the answer to this one.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while 100 < status < 200 and status != HTTPStatus.SWITCHING_PROTOCOLS:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


class _Marks:
    """The part of a connection that notes when it sends, and that cannot hang in a name lookup."""

    sock: Any
    port: int
    _dns_host: str
    socket_options: Any
    last_used: float = 0.0

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        call = CALL.get()
        left = call.deadline.left_seconds(call.read_seconds)
        if not left and not call.has_sent:
            # Others may already act on our being over: after a pause of the whole process, say.
            raise TimeoutError("the deadline passed before anything was sent")
        self.sock.settimeout(left or _AT_ONCE_SECONDS)
        call.has_sent = True
        super().send(data)  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        call = CALL.get()
        error: OSError = TimeoutError("no time left to connect")
        for address in look_up(self._dns_host, self.port, call.deadline.left_seconds(call.connect_seconds)):
            left = call.deadline.left_seconds(call.connect_seconds)
            if not left:
                break
            try:
                return create_connection(address, left, socket_options=self.socket_options)
            except OSError as refusal:
                error = refusal
        raise error


class _Connection(_Marks, HTTPConnection):
    response_class = _Response


class _SecureConnection(_Marks, HTTPSConnection):
    response_class = _Response


def look_up(host: str, port: int, seconds: float) -> list[tuple[str, int]]:
    """The addresses of a host. The system's lookup cannot be told when to give up, so a thread of its own does it."""
    found: list[tuple[str, int]] = []
    problems: list[OSError | ValueError] = []

    def ask() -> None:
        try:
            found.extend((str(entry[4][0]), port) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # a name that cannot be one is a ValueError
            problems.append(error)

    thread = threading.Thread(target=ask, name=f"look-up-{host}", daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if thread.is_alive() or not found:
        raise TimeoutError(f"no address for {host} in {seconds:.1f} s")
    return found


class _Pooled:
    """The part of a pool that waits as long as the call allows, and throws away what lay idle for too long."""

    idle_seconds: float = 4.0

    def _get_conn(self, timeout: float | None = None) -> Any:
        call = CALL.get()
        connection: Any = super()._get_conn(timeout=call.deadline.left_seconds(call.wait_seconds))  # type: ignore[misc]
        if connection.sock is not None and (
            call.is_fresh or time.monotonic() - connection.last_used > self.idle_seconds
        ):
            connection.close()  # it connects again when it sends
        call.is_reused = connection.sock is not None
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.last_used = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]


class _Pool(_Pooled, HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(_Pooled, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe. One for the process: with a list of its own each connection takes 700 kB and 16 ms of CPU."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(certifi.where())
    return context


def open_pools(pool_size: int) -> PoolManager:
    """The connections to one peer, `pool_size` at a time. There are no cookies, no proxies, and no unchecked peers."""
    pools = PoolManager(num_pools=2, maxsize=pool_size, block=True, cert_reqs="CERT_REQUIRED", ssl_context=_trust())
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pools
