"""Doing for many at once: nobody is left out, nobody is acted on twice, and nobody fails for another one."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from choptym.lib.together import Together
from tests.live import eventually


class Act:
    """Keeps what it was given. The first call waits until it is let go, so that a crowd comes together behind it."""

    def __init__(self, fails: Callable[[Sequence[int]], Exception | None] = lambda _: None) -> None:
        self.calls: list[list[int]] = []
        self.go = threading.Event()
        self._fails = fails

    def __call__(self, things: Sequence[int]) -> None:
        self.calls.append(list(things))
        if len(self.calls) == 1:
            assert self.go.wait(10)
        if (error := self._fails(things)) is not None:
            raise error


def crowd(act: Act) -> dict[int, Future[None]]:
    """1 comes first, and 2 to 5 while it is acted on."""
    together = Together(act, shared=(ConnectionError,), apart=(OSError,))
    with ThreadPoolExecutor(5) as threads:
        calls = {1: threads.submit(together.call, 1)}
        eventually(lambda: _is_true(act.calls == [[1]]))
        calls |= {number: threads.submit(together.call, number) for number in (2, 3, 4, 5)}
        eventually(lambda: _is_true(len(together._waiting) == 4))
        act.go.set()
    return calls


def _is_true(holds: bool) -> None:
    assert holds


def failed(calls: dict[int, Future[None]]) -> dict[int, type[BaseException]]:
    return {number: type(error) for number, call in calls.items() if (error := call.exception()) is not None}


def test_who_comes_meanwhile_is_acted_on_together() -> None:
    act = Act()

    calls = crowd(act)

    assert failed(calls) == {}
    assert [sorted(things) for things in act.calls] == [[1], [2, 3, 4, 5]]


def test_who_comes_alone_is_acted_on_at_once() -> None:
    act = Act()
    act.go.set()
    together = Together(act, shared=(), apart=())

    together.call(1)
    together.call(2)

    assert act.calls == [[1], [2]]


def test_after_what_concerns_one_each_is_acted_on_by_itself() -> None:
    act = Act(lambda things: OSError("3 is odd") if 3 in things else None)

    calls = crowd(act)

    assert failed(calls) == {3: OSError}
    assert sorted(map(sorted, act.calls)) == [[1], [2], [2, 3, 4, 5], [3], [4], [5]]


def test_what_concerns_all_is_tried_once() -> None:
    act = Act(lambda things: ConnectionError("nobody is there") if len(things) > 1 else None)

    calls = crowd(act)

    assert failed(calls) == dict.fromkeys((2, 3, 4, 5), ConnectionError)
    assert len(act.calls) == 2


def test_nobody_takes_a_mistake_for_success() -> None:
    act = Act(lambda things: ZeroDivisionError() if len(things) > 1 else None)

    calls = crowd(act)

    assert sorted(kind.__name__ for kind in failed(calls).values()) == [*["RuntimeError"] * 3, "ZeroDivisionError"]


def test_after_a_failure_it_goes_on() -> None:
    act = Act(lambda things: OSError() if 1 in things else None)
    act.go.set()
    together = Together(act, shared=(), apart=(OSError,))

    with pytest.raises(OSError):  # noqa: PT011
        together.call(1)
    together.call(2)

    assert act.calls == [[1], [2]]
