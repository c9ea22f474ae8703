"""The wall clock of every process of ours but the event streams jumps; PostgreSQL's and the gateways' stay right."""

import random
from collections.abc import Callable

from tests.chaos.faults.base import Fault, last
from tests.chaos.world import World

HOUR = 3600
WRONG_SECONDS = 20


def jumping(seconds: int) -> Callable[[World, random.Random], None]:
    """By so many seconds, and back again after a while."""

    def jump(world: World, _chance: random.Random) -> None:
        with world.clocks.ahead_by(seconds):
            last(world, WRONG_SECONDS)

    return jump


FAULTS = (
    Fault("clock_ahead", "every wall clock of ours jumps an hour ahead", jumping(HOUR)),
    Fault("clock_back", "every wall clock of ours jumps an hour back", jumping(-HOUR)),
)
