"""A world of discrete events: time jumps from one to the next. Whoever lives in it is a generator that waits.

It yields Wait(seconds), or Take(places) until one is free, which it gives back with `places.give()`.
"""

import heapq
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

Life = Generator["Wait | Take", None, None]


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Life]] = []
        self._turns = count()  # who came first goes first, of those at the same moment

    def begin(self, life: Life, *, at: float = 0.0) -> None:
        heapq.heappush(self._due, (at, next(self._turns), life))

    def run(self) -> None:
        """Until nothing is to happen any more."""
        while self._due:
            self.now, _, life = heapq.heappop(self._due)
            self.go_on(life)

    def go_on(self, life: Life) -> None:
        for step in life:
            if isinstance(step, Wait):
                self.begin(life, at=self.now + step.seconds)
                return
            if not step.places.take(life):
                return


class Places:
    """So many of something that one has at a time: cores, threads, calls in flight. First come, first served."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._free = number
        self._line: deque[Life] = deque()

    def take(self, life: Life) -> bool:
        """Whether there was one. Who has to wait is called when it is their turn."""
        if self._free:
            self._free -= 1
            return True
        self._line.append(life)
        return False

    def give(self) -> None:
        if self._line:
            self._world.begin(self._line.popleft(), at=self._world.now)
        else:
            self._free += 1


@dataclass(frozen=True, slots=True)
class Take:
    places: Places
