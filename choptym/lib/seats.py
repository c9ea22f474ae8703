"""So many at a time of one kind of work in this process: a gateway that hangs holds its own seats and no more."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Seats:
    """`each` for every kind. Who finds none leaves: those who sit there look again before they stand up."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: Counter[str] = Counter()
        self._came: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def sitting(self, kind: str) -> Iterator[bool]:
        """Whether there was a seat; it is given back at the end."""
        with self._lock:
            is_free = self._taken[kind] < self._each
            if is_free:
                self._taken[kind] += 1
            else:
                self._came.add(kind)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._taken[kind] -= 1

    def somebody_came(self, kind: str) -> bool:
        """Whether anybody found no seat since this was last asked."""
        with self._lock:
            was_there = kind in self._came
            self._came.discard(kind)
            return was_there
