"""A point in time by which something must be over, however many steps it takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Counts the time that the machine slept, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_began: ContextVar[float | None] = ContextVar("began", default=None)


def moment() -> float:
    """Now, in seconds, on a clock that a change of the wall clock does not move."""
    return time.clock_gettime(_CLOCK)


@contextmanager
def begun_at(moment_of_claim: float) -> Iterator[None]:
    """Let the deadlines that are made within have begun then: with the claim of a row, not with the call.

    A process that was paused after its claim finds its time over, and sends nothing: others may act for it already.
    """
    token = _began.set(moment_of_claim)
    try:
        yield
    finally:
        _began.reset(token)


class Deadline:
    """Begins to run when it is made, or when begun_at() says."""

    __slots__ = ("_ends", "total_seconds")

    def __init__(self, seconds: float) -> None:
        self.total_seconds = seconds
        began = _began.get()
        self._ends = (moment() if began is None else began) + seconds

    def left_seconds(self, at_most: float | None = None) -> float:
        """What is left, never below zero; no more than `at_most` when that is given."""
        left = max(0.0, self._ends - moment())
        return left if at_most is None else min(left, at_most)
