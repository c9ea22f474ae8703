"""A fault: something that is broken in a running world, and mended again."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from choptym.local import processes
from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """`breaks` returns once the fault is over: whatever it took away is back, or is being started again.

    `needs`: the server ("postgres" or "redis") that must be the stack's own. `repeats`: a sender, or its database,
    goes away between a message and the note that it was sent, so that some may come twice; else none may.
    """

    name: str
    says: str
    breaks: Callable[[World, random.Random], None]
    needs: str = ""
    repeats: bool = False


def rest(world: World, chance: random.Random, shortest: float, longest: float) -> None:
    """Let the load go on for a while, as long as the seed says."""
    last(world, chance.uniform(shortest, longest))


def away(world: World, role: str, number: signal.Signals, seconds: float) -> None:
    """This process is stopped in good order, and started again so much later, with what it had written down."""
    with world.stack.held_down(role):
        os.kill(world.stack.pids[role], number)
        last(world, seconds)


@contextmanager
def standing_still(pids: Sequence[int]) -> Iterator[None]:
    """These processes do nothing while the block runs, and do not know of it afterwards."""
    for pid in pids:
        processes.send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            processes.send(pid, signal.SIGCONT)


def times(world: World, often: int) -> range:
    """So often; in the short form once."""
    return range(max(1, round(often * world.form.scale)))


def last(world: World, seconds: float) -> None:
    """Let the fault last for so long; in the short form, for a part of it."""
    time.sleep(seconds * world.form.scale)
