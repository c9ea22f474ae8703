"""One of two is stopped between two of its statements, and the other runs meanwhile until it ends or waits for a lock.

The stop stands in Django's own door to the database (`execute_wrapper`): no verb knows of it, and whatever the stopped
one has locked in PostgreSQL stays locked.
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

# A lock, a claim, or any other write: from here on others may have to wait.
_TAKES = re.compile(r"FOR (NO KEY )?UPDATE|pg_try_advisory|^\s*(UPDATE|DELETE|INSERT)|\)\s*UPDATE ", re.IGNORECASE)
LONGEST_SECONDS = 10.0
# Who neither ends nor waits for a lock in PostgreSQL waits for something else: it is not stopped for longer.
LONGEST_APART_SECONDS = 2.0
_LOOK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Stop:
    """Where. By number: the n-th place at which it could be stopped. Else around the first that it locks or writes."""

    number: int = 0
    after_first_lock: bool = False

    def __str__(self) -> str:
        if self.number:
            return f"at its place {self.number}"
        return "right after its first lock" if self.after_first_lock else "right before its first lock"


BEFORE, AFTER = Stop(), Stop(after_first_lock=True)


class _Gate:
    """Counts the places of one thread: before a statement outside transactions, and after one inside."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._count = 0
        self._is_open = False
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        takes = bool(_TAKES.search(str(sql)))
        if not self._stop.number:
            if takes and not self._stop.after_first_lock:
                self._stand()
        elif _is_between():
            self._pass()
        result = execute(sql, params, many, context)
        if not self._stop.number:
            if takes and self._stop.after_first_lock:
                self._stand()
        elif not _is_between():
            self._pass()
        return result

    def _pass(self) -> None:
        self._count += 1
        if self._count == self._stop.number:
            self._stand()

    def _stand(self) -> None:
        if self._is_open:
            return
        self._is_open = True
        self.reached.set()
        self.opened.wait(LONGEST_SECONDS)


def _is_between() -> bool:
    """Whether this thread has no transaction open in PostgreSQL."""
    found = connection.connection
    return found is None or found.info.transaction_status == TransactionStatus.IDLE


def stopped_for(first: Callable[[], object], second: Callable[[], object], stop: Stop) -> tuple[list[Any], bool]:
    """What both returned or raised, and whether the first one came to the stop at all."""
    gate = _Gate(stop)

    def run_first() -> object:
        with connection.execute_wrapper(gate):
            return first()

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(_caught(run_first))
        while not (gate.reached.wait(_LOOK_SECONDS) or one.done()):
            pass
        other = threads.submit(_caught(second))
        _until_it_ends_or_waits(other)
        gate.opened.set()
        results = [one.result(LONGEST_SECONDS * 2), other.result(LONGEST_SECONDS * 2)]
    return results, gate.reached.is_set()


def _caught(action: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - what it raised is what the race looks at
            return error
        finally:
            connection.close()

    return run


def _until_it_ends_or_waits(other: Future[object]) -> None:
    with connection.cursor() as cursor:
        for _ in range(int(LONGEST_APART_SECONDS / _LOOK_SECONDS)):
            if wait([other], timeout=_LOOK_SECONDS).done:
                return
            # Nobody else is at work in this database: who waits for a lock is the second one.
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock')"
            )
            if cursor.fetchone()[0]:
                return


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of this thread while the block runs."""
    seen: list[str] = []

    def count(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        seen.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen
