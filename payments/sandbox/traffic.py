"""How many calls a gateway sees: in flight, in any one second, in all. The other side of "never overrun"."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Traffic:
    def __init__(self) -> None:
        self.calls = 0
        self.turned_away = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.most_in_one_second = 0
        self._arrivals: deque[float] = deque()
        self._admitted: deque[float] = deque()
        self._served = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self, now: float) -> None:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        arrivals = self._arrivals
        arrivals.append(now)
        while arrivals[0] <= now - 1:
            arrivals.popleft()
        self.most_in_one_second = max(self.most_in_one_second, len(arrivals))

    def leave(self) -> None:
        self.in_flight -= 1

    def admit(self, now: float, per_second: int) -> float:
        """Let a call through and return 0, or return the seconds until there is room again."""
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()
        if len(self._admitted) >= per_second:
            self.turned_away += 1
            return self._admitted[-per_second] + 1 - now
        self._admitted.append(now)
        return 0.0

    @asynccontextmanager
    async def serving(self, capacity: Callable[[], int | None]) -> AsyncIterator[None]:
        """Wait until fewer calls than that are being served, first come first served; the capacity may change."""
        while (most := capacity()) is not None and self._served >= most:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._served += 1
        try:
            yield
        finally:
            self._served -= 1
            self.look_again()

    def look_again(self) -> None:
        """There may be room for those who wait."""
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
