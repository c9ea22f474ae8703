"""A crew: threads of this process that wait for others, such as gateways, each with one piece of work in hand.

A thread of Celery's own costs a message for each piece. Whoever finds many rows at once gives them to a crew instead.
At the end of the process the crew is waited for, as Celery waits for its own threads.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import structlog

from choptym.lib.outbound import give_back_connections

log = structlog.get_logger(__name__)


class Crew:
    """`size` threads, made when they are needed. What they have in hand is counted by kind."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._in_hand: Counter[str] = Counter()
        self._lock = Lock()

    def count_free(self) -> int:
        """Threads with nothing in hand."""
        with self._lock:
            return self._size - self._in_hand.total()

    def is_busy(self, kind: str) -> bool:
        """Whether anything of this kind is in hand."""
        with self._lock:
            return self._in_hand[kind] > 0

    def begin(self, kind: str, work: Callable[[], None]) -> None:
        """Let a thread do this; when none is free, as soon as one is. What it raises is logged: its row waits on."""
        with self._lock:
            self._in_hand[kind] += 1
        try:
            self._threads.submit(self._do, kind, work)
        except RuntimeError:  # the process is ending
            self._put_down(kind)
            raise

    def _do(self, kind: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("a thread of the crew failed", kind=kind)
        finally:
            give_back_connections()
            self._put_down(kind)

    def _put_down(self, kind: str) -> None:
        with self._lock:
            self._in_hand[kind] -= 1
