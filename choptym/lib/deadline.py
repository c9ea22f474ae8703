"""A point in time by which something must be over, however many steps it takes."""

import time


class Deadline:
    """Begins to run when it is made. Uses the monotonic clock, so a change of the wall clock does not move it."""

    __slots__ = ("_ends", "total_seconds")

    def __init__(self, seconds: float) -> None:
        self.total_seconds = seconds
        self._ends = time.monotonic() + seconds

    def left_seconds(self, at_most: float | None = None) -> float:
        """What is left, never below zero; no more than `at_most` when that is given."""
        left = max(0.0, self._ends - time.monotonic())
        return left if at_most is None else min(left, at_most)
