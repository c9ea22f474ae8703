"""Lanes in the web process: who asks a short question does not wait behind a crowd that checks out.

The server gives each request a thread as it comes; here the thread waits for one of the few places of its lane. While
it waits it costs memory only. Each lane is served first come, first served (docs/adr/0051).
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any

from prometheus_client import Histogram

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

WAIT_SECONDS = Histogram(
    "choptym_web_lane_wait_seconds",
    "From where a request has come in whole until it has a place in its lane",
    ["lane"],
    buckets=(0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
# Nobody has use for a longer body (nginx.conf refuses it), and of a shorter one no more than this is held in memory.
MOST_READ_BYTES = 2 * 1024 * 1024
IN_MEMORY_BYTES = 64 * 1024
# Digits of a length. Python reads no number of thousands of them.
LONGEST_NUMBER = 10
_CUT_OFF = json.dumps(
    {"code": "bad_request", "message": "The body is shorter than its Content-Length.", "fields": {}}
).encode()


class Turns:
    """So many at a time, in the order in which they came: who leaves hands the place to the first who waits.

    Python's semaphore makes a place free and wakes somebody; whoever comes meanwhile takes it, and who was woken goes
    to the end of the line.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._line: deque[Lock] = deque()
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = Lock()
            turn.acquire()
            self._line.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if not self._line:
                self._free += 1
                return
            turn = self._line.popleft()
        turn.release()


class Lane:
    """So many requests at a time, of those whose method and path, as in "GET /health/live", begin like this."""

    def __init__(self, name: str, places: int, requests: re.Pattern[str]) -> None:
        self.name = name
        self.requests = requests
        self._turns = Turns(places)

    def serve(self, application: Application, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """When there is a place: the answer of the application. Of a stream, which may last, its beginning."""
        began = time.monotonic()
        with self._turns:
            WAIT_SECONDS.labels(self.name).observe(time.monotonic() - began)
            answer = application(environ, start_response)
            return answer if getattr(answer, "streaming", False) else _whole(answer)


def in_lanes(application: Application, lanes: Sequence[Lane]) -> Application:
    """Each request in the first lane that takes it; the last one takes all."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with _body_read(environ) as is_whole:
            if not is_whole:
                return _refuse_part(start_response)
            return _lane_of(environ, lanes).serve(application, environ, start_response)

    return serve


def _whole(answer: Iterable[bytes]) -> list[bytes]:
    """A list is sent at once by the server; anything else piece by piece, each by way of its thread."""
    try:
        return list(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()


def _lane_of(environ: Environ, lanes: Sequence[Lane]) -> Lane:
    asked = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
    return next((lane for lane in lanes[:-1] if lane.requests.match(asked)), lanes[-1])


@contextmanager
def _body_read(environ: Environ) -> Iterator[bool]:
    """Who sends slowly is waited for before they have a place. False: less came than they said.

    Of a body that is too long nothing is read: it is refused by its length, and a form of it is empty.
    """
    length = _length_of_body(environ)
    if not length:
        yield True
        return
    sent, is_read = environ["wsgi.input"], length <= MOST_READ_BYTES
    with TemporaryFile() if is_read and length > IN_MEMORY_BYTES else BytesIO() as body:
        environ["wsgi.input"] = body
        yield _copy(sent, body, length) if is_read else True


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> bool:
    """Whether there was so much. It can be read from the beginning then."""
    while length and (piece := source.read(min(length, IN_MEMORY_BYTES))):
        target.write(piece)
        length -= len(piece)
    target.seek(0)
    return not length


def _length_of_body(environ: Environ) -> int:
    """As the client says; 0 when they say nothing, or nonsense."""
    said = environ.get("CONTENT_LENGTH") or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= LONGEST_NUMBER else 0


def _refuse_part(start_response: Callable[..., Any]) -> list[bytes]:
    """What was left out may be what matters: the last digits of an amount, say."""
    start_response("400 Bad Request", [("Content-Type", "application/json"), ("Content-Length", str(len(_CUT_OFF)))])
    return [_CUT_OFF]
