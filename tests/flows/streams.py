"""Streams of customers at the running stack, each steady, and how long their payments took."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.live import Customer, Live

_PAYING_THREADS = 4


@dataclass
class Stream:
    """So many top-ups a second by one gateway, from when it is entered until it is left; `payments` are their ids."""

    live: Live
    method: str
    per_second: float
    amount_minor: int = 500
    payments: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._customers = [self.live.payer(self.method) for _ in range(8)]  # before: the tables are asked by one thread
        self._is_over = threading.Event()

    @contextmanager
    def flowing(self) -> Iterator["Stream"]:
        self._is_over.clear()
        thread = threading.Thread(target=self._flow)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    def _flow(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(_PAYING_THREADS) as threads:
            number = 0
            while not self._is_over.wait(max(0.0, began + number / self.per_second - time.monotonic())):
                threads.submit(self._pay, self._customers[number % len(self._customers)])
                number += 1

    def _pay(self, customer: Customer) -> None:
        self.payments.append(customer.top_up(self.amount_minor, self.method))


def seconds_between(live: Live, begin: str, end: str, payments: Sequence[int]) -> list[float]:
    """Of the payments that have both moments, shortest first."""
    assert {begin, end} <= {"queued_at", "requested_at", "pending_at", "settled_at"}
    found = live.column(
        f"SELECT extract(epoch FROM {end} - {begin})::float8 FROM payments_payment WHERE id = ANY(%s)",  # noqa: S608
        list(payments),
    )
    return sorted(seconds for seconds in found if seconds is not None)


def percentile(sorted_seconds: Sequence[float], share: float) -> float:
    return sorted_seconds[math.ceil(share * len(sorted_seconds)) - 1]


def wait_while(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Until it is so no more, or the time is over."""
    end = time.monotonic() + seconds
    while is_so() and time.monotonic() < end:
        time.sleep(0.1)
