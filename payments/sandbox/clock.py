"""The sandbox's own time: it runs like the real one and can be pushed ahead, timers included."""

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count


class Clock:
    """One clock and one heap of timers for the whole sandbox.

    The heap lets `advance` fire what falls due, and needs a single timer of the event loop however many wait.
    """

    def __init__(self) -> None:
        self._offset_seconds = _real_offset()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = count()
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.monotonic() + self._offset_seconds

    def call_later(self, delay_seconds: float, action: Callable[[], object]) -> None:
        timer = (self.now() + delay_seconds, next(self._serial), action)
        heapq.heappush(self._timers, timer)
        if self._timers[0] is timer:
            self._set_alarm()

    def advance(self, seconds: float) -> None:
        """Move the clock ahead and do at once what fell due meanwhile."""
        self._offset_seconds += seconds
        self._fire()

    def reset(self) -> None:
        """Forget all timers and go back to the real time."""
        self._timers.clear()
        self._offset_seconds = _real_offset()
        self._set_alarm()

    def _fire(self) -> None:
        now = self.now()
        try:
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
        finally:
            # Also after an action that raised, or every later timer would be lost with it.
            self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._timers:
            delay_seconds = max(0.0, self._timers[0][0] - self.now())
            self._alarm = asyncio.get_running_loop().call_later(delay_seconds, self._fire)


def _real_offset() -> float:
    # Monotonic underneath: a correction of the machine's clock must not expire tokens and links.
    return time.time() - time.monotonic()


def as_iso(at: float) -> str:
    """2026-11-05T09:30:00.000Z"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def as_date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
