"""One race, from its beginning to what was wrong with it."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.races.pairs.case import Case, World
from tests.races.pairs.doors import Door
from tests.races.pairs.ends import Pair
from tests.races.pairs.knocks import Knock
from tests.races.pairs.starts import STARTS
from tests.races.pairs.stops import Stop, stopped_for
from tests.races.pairs.truths import end_of, wrong_at_any_time, wrong_in_the_end
from tests.races.track import at_once


def race(world: World, pair: Pair, run: Callable[[Knock, Knock], Sequence[Any]]) -> list[str]:
    """Let the two doors of this pair knock as `run` says. What was wrong, right afterwards and in the end."""
    case = begin(world, pair)
    knocks = _prepare(case, pair.doors)
    both_charge = all(door.charges for door in pair.doors)
    calls = case.calls_made() if both_charge else 0
    wrong = _errors(pair.doors, run(*knocks))
    if both_charge and case.calls_made() > calls + 1:
        wrong.append(f"INV-2: the gateway was called {case.calls_made() - calls} times")
    wrong += [f"at once: {what}" for what in wrong_at_any_time(case, case.look())]
    case.settle_down()
    seen = case.look()
    wrong += [f"in the end: {what}" for what in [*wrong_at_any_time(case, seen), *wrong_in_the_end(seen)]]
    if end_of(seen) not in pair.ends:
        wrong.append(f"it ends as {end_of(seen)}, and only {sorted(pair.ends)} is allowed")
    case.leave()
    world.races += 1
    return wrong


def begin(world: World, pair: Pair) -> Case:
    may_charge = any(door.charges for door in pair.doors)
    case = Case(world, pair.gateway, fault=pair.fault, waits=not may_charge)
    STARTS[pair.start].begin(case)
    return case


def _prepare(case: Case, doors: tuple[Door, Door]) -> list[Knock]:
    """In the order in which the gateway may change its mind, another amount before the right one."""
    knocks: dict[int, Knock] = {}
    for number in sorted((0, 1), key=lambda number: (doors[number].rank, doors[number].money != "odd")):
        knocks[number] = doors[number].prepare(case)
    return [knocks[0], knocks[1]]


def _errors(doors: tuple[Door, Door], results: Sequence[Any]) -> list[str]:
    """What their callers could not have answered with."""
    return [
        f"{door.name} raised {type(result).__name__}: {result}"
        for door, result in zip(doors, results, strict=True)
        if isinstance(result, Exception) and not isinstance(result, door.refusals)
    ]


def together(first: Knock, second: Knock) -> Sequence[Any]:
    """From one signal."""
    return at_once(first, second)


class Stopped:
    """One of the two is stopped while the other runs; `was_reached` tells whether it came there at all."""

    def __init__(self, stop: Stop, *, is_second: bool = False) -> None:
        self._stop, self._is_second = stop, is_second
        self.was_reached = False

    def __call__(self, first: Knock, second: Knock) -> Sequence[Any]:
        one, other = (second, first) if self._is_second else (first, second)
        results, self.was_reached = stopped_for(one, other, self._stop)
        return results[::-1] if self._is_second else results
