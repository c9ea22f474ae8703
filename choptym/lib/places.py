"""So many threads at once for slow work, and a few that wait a moment for their turn: all others are sent away at once.

Waiting costs a thread as working does. A bound on the work alone would let a crowd that waits for it take all threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from rest_framework.exceptions import Throttled

COME_BACK_SECONDS = 5


class Places:
    """`most` work at once in this process, `waiting` more wait for at most `wait_seconds`."""

    def __init__(self, *, most: int, waiting: int, wait_seconds: float) -> None:
        self._room = BoundedSemaphore(most + waiting)
        self._places = BoundedSemaphore(most)
        self._wait_seconds = wait_seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A place for as long as the block runs.

        Raises:  Throttled: none was free in time, or too many wait already.
        """
        with _held(self._room, 0), _held(self._places, self._wait_seconds):
            yield


@contextmanager
def _held(semaphore: BoundedSemaphore, wait_seconds: float) -> Iterator[None]:
    if not semaphore.acquire(timeout=wait_seconds):
        raise Throttled(COME_BACK_SECONDS)
    try:
        yield
    finally:
        semaphore.release()
