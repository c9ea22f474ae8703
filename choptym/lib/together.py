"""Doing for many at once what each would do alone: who comes while others are at it is taken along by the next of them.

Nobody waits for a crowd: who comes alone acts at once. In a crowd one commit is for all that came during the last one.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Place(Generic[T]):
    def __init__(self, thing: T) -> None:
        self.thing = thing
        self.is_done = False
        self.error: Exception | None = None


class Together(Generic[T]):
    """`act` is given the things of several threads, by one of them.

    After a failure of the kinds `apart` each thing is acted on by itself, so that nobody suffers for what another one
    brought. After one of the kinds `shared`, which are looked at first, none is: it would fail like the others.
    """

    def __init__(
        self,
        act: Callable[[Sequence[T]], None],
        *,
        shared: tuple[type[Exception], ...],
        apart: tuple[type[Exception], ...],
    ) -> None:
        self._act = act
        self._shared, self._apart = shared, apart
        self._waiting: deque[_Place[T]] = deque()
        self._turn = threading.Lock()

    def call(self, thing: T) -> None:
        """Come back when this was acted on, whoever did. Raises what `act` raised."""
        place = _Place(thing)
        self._waiting.append(place)
        with self._turn:
            if not place.is_done:
                self._act_on(self._take_all())
        if place.error is not None:
            raise place.error
        if not place.is_done:
            raise RuntimeError("whoever acted for this one did not come to its end")

    def _take_all(self) -> list[_Place[T]]:
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    def _act_on(self, places: Sequence[_Place[T]]) -> None:
        try:
            self._act([place.thing for place in places])
        except self._shared as error:
            _end(places, error)
        except self._apart as error:
            if len(places) == 1:
                _end(places, error)
                return
            for place in places:
                self._act_on([place])
        else:
            _end(places, None)


def _end(places: Sequence[_Place[T]], error: Exception | None) -> None:
    for place in places:
        place.is_done, place.error = True, error
