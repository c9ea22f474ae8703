"""A value that many ask for and few read."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from choptym.lib.outbound import give_back_connections

T = TypeVar("T")

MOST_READINGS = 3


class Snapshot(Generic[T]):
    """A value that is read again when it is older than a second, by one thread while the others use the last one.

    An error of a kind that it `survives` leaves the last value in use. One that is older than `oldest_seconds`, because
    nobody asked for a while, is used by nobody: all wait for the reading.
    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        seconds: float = 1.0,
        oldest_seconds: float = float("inf"),
        survives: tuple[type[Exception], ...] = (),
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._oldest_seconds = oldest_seconds
        self._survives = survives
        self._lock = Lock()
        self._value: T | None = None
        self._read_at = float("-inf")

    def get(self) -> T:
        if self._is_fresh() and self._value is not None:
            return self._value
        must_wait = self._value is None or self._age() > self._oldest_seconds
        if must_wait:
            give_back_connections()  # whoever reads may need one, and all of them may be in the hands of those who wait
        if self._lock.acquire(blocking=must_wait):
            try:
                if self._value is None or not self._is_fresh():
                    self._read_until_young()
            finally:
                self._lock.release()
        assert self._value is not None  # noqa: S101 - read above, or before
        return self._value

    def put(self, value: T) -> None:
        """Use this value until forget() is called."""
        with self._lock:
            self._value, self._read_at = value, float("inf")

    def forget(self) -> None:
        """Read again at the next question."""
        with self._lock:
            self._value, self._read_at = None, float("-inf")

    def _is_fresh(self) -> bool:
        return self._age() < self._seconds

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _read_until_young(self) -> None:
        """What took too long to read may have been overtaken meanwhile, so it is read again; not for ever."""
        for _ in range(MOST_READINGS):
            began = time.monotonic()
            try:
                self._value, self._read_at = self._read(), began
            except self._survives:
                if self._value is None:
                    raise
                self._read_at = time.monotonic()
            if self._age() <= self._oldest_seconds:
                return
