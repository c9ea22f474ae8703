"""A gateway that takes so many calls a second and refuses the rest, in a world whose seconds pass by themselves.

The scripts are those of the throttle, in a real Redis; only the clock that they read is ours. So a minute of a rush is
a second of a test, and the same every time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush
from itertools import count
from typing import Any

import pytest
from redis.commands.core import Script

from payments.throttle import store as scripts
from payments.throttle.store import PREFIX, store

BEGINS_AT_MS = 1_000_000_000.0
_CLOCK = f"{PREFIX}clock-of-the-test"


def use_our_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a script asks for the server's time it hears ours."""

    @cache
    def script(name: str) -> Script:
        text = "\n".join(scripts._read(part) for part in (*scripts._SHARED, name))
        asked = "local time = redis.call('TIME')\n  return time[1] * 1000 + time[2] / 1000"
        assert text.count(asked) == 1
        return Script(store(), text.replace(asked, f"return tonumber(redis.call('GET', '{_CLOCK}'))"))

    monkeypatch.setattr(scripts, "_script", script)


def set_our_clock(now_ms: float) -> None:
    """So long after it began."""
    store().set(_CLOCK, f"{BEGINS_AT_MS + now_ms:.3f}")


@dataclass
class Strict:
    """Takes `capacity(now in seconds)` calls in any one second, and answers after so long: 429s quicker."""

    capacity: Callable[[float], int]
    latency_ms: float = 50
    retry_after_seconds: float | None = None
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _window: "deque[float]" = field(default_factory=deque)

    def takes(self, now: float) -> bool:
        while self._window and self._window[0] <= now - 1:
            self._window.popleft()
        if len(self._window) >= self.capacity(now):
            self.refused.append(now)
            return False
        self._window.append(now)
        self.taken.append(now)
        return True

    def taken_per_second(self, begin: float, end: float) -> float:
        return sum(begin <= at < end for at in self.taken) / (end - begin)

    def refused_within(self, begin: float, end: float) -> int:
        return sum(begin <= at < end for at in self.refused)


class Rush:
    """So many callers that each want to send the next call at once, for ever."""

    def __init__(self, gateway: Strict, *, per_second: float, callers: int = 20) -> None:
        self._gateway, self._per_second = gateway, per_second
        self._numbers = count()
        self._todo: list[tuple[float, int, str, float]] = []  # when (ms), a number, what, since when (ms)
        for _ in range(callers):
            self._later(0, "ask")
        self.paces: list[tuple[float, float]] = []

    def go_on_until(self, seconds: float) -> None:
        while self._todo[0][0] < seconds * 1000:
            now, _, what, since = heappop(self._todo)
            set_our_clock(now)
            {"ask": self._ask, "send": self._send, "hear no": self._hear_no}[what](now, since)

    def _ask(self, now: float, _since: float) -> None:
        answer, wait_ms, _ = scripts.run("pass", "fapshi", "charge", "", 45_000, self._per_second, 1000, 0)
        self._later(now + (max(wait_ms, 1) if answer == b"go" else wait_ms + 100), "send" if answer == b"go" else "ask")

    def _send(self, now: float, _since: float) -> None:
        if self._gateway.takes(now / 1000):
            self._later(now + self._gateway.latency_ms, "ask")
        else:
            self._later(now + min(30, self._gateway.latency_ms), "hear no", now)

    def _hear_no(self, now: float, since: float) -> None:
        wait_ms = 1000 * (self._gateway.retry_after_seconds or 0.05)
        scripts.run("slow", "fapshi", wait_ms, now - since, self._per_second)
        self.paces.append((now / 1000, self.pace()))
        self._later(now, "ask")

    def pace(self) -> float:
        return float(scripts.run("pace", "fapshi", self._per_second)) / 1000

    def _later(self, at: float, what: str, since: float = 0) -> None:
        heappush(self._todo, (at, next(self._numbers), what, since))


__all__: list[Any] = ["BEGINS_AT_MS", "Rush", "Strict", "set_our_clock", "use_our_clock"]
