"""The broker: wiped, away, silent, killed, full. Messages, bells, limits and circuits are gone each time."""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from redis import RedisError

from choptym.local.errors import StackError
from choptym.local.redis import answers
from tests.chaos.faults.base import Fault, away, last, rest, standing_still, times
from tests.chaos.faults.processes import end
from tests.chaos.patience import eventually
from tests.chaos.world import World

AWAY_SECONDS = 20
FULL_SECONDS = 15
TIMES = 3


def wipe(world: World, chance: random.Random) -> None:
    """FLUSHALL, several times."""
    for _ in times(world, TIMES):
        rest(world, chance, 1, 3)
        with world.redis() as client:
            client.flushall()


def take_away(world: World, _chance: random.Random) -> None:
    """Stopped in good order; 20 seconds later it is started again, with what it had written down."""
    away(world, "redis", signal.SIGTERM, AWAY_SECONDS)
    _wait_for(world)


def freeze(world: World, _chance: random.Random) -> None:
    """It takes connections and answers nothing, for 20 seconds."""
    with standing_still([world.stack.pids["redis"]]):
        last(world, AWAY_SECONDS)
    _wait_for(world)


def kill(world: World, chance: random.Random) -> None:
    """`kill -9`, several times; the last second of its log may be gone."""
    for _ in times(world, TIMES):
        rest(world, chance, 1, 3)
        end(world, ["redis"], signal.SIGKILL)
        _wait_for(world)


def fill(world: World, _chance: random.Random) -> None:
    """Full, with the policy noeviction: every write is refused."""
    with configured(world, maxmemory="1"):
        last(world, FULL_SECONDS)


def refuse_to_save(world: World, _chance: random.Random) -> None:
    """As when its disk is full: it cannot write its snapshot, so it refuses every write (MISCONF)."""
    place = world.stack.root / "redis" / "no-such-place"
    place.mkdir(parents=True, exist_ok=True)
    with configured(world, save="3600 1", dir=str(place)):
        place.rmdir()  # under its feet
        with world.redis() as client:
            client.bgsave()
        last(world, FULL_SECONDS)


@contextmanager
def configured(world: World, **settings: str) -> Iterator[None]:
    """CONFIG SET while the block runs, and back."""
    with world.redis() as client:
        before = {name: client.config_get(name)[name] for name in settings}
        for name, value in settings.items():
            client.config_set(name, value)
    try:
        yield
    finally:
        with world.redis() as client:
            for name, value in before.items():
                client.config_set(name, value)
            if "dir" in before:
                client.bgsave()


def _wait_for(world: World) -> None:
    def is_back() -> bool:
        try:
            return answers(world.stack.redis_url)
        except RedisError:
            return False

    if not eventually(is_back, 30, every=0.1):
        raise StackError("Redis did not come back.")


FAULTS = (
    Fault("redis_wiped", "FLUSHALL, three times", wipe),
    Fault("redis_stopped", "Redis is stopped for 20 s", take_away, needs="redis"),
    Fault("redis_frozen", "Redis answers nothing for 20 s", freeze, needs="redis"),
    Fault("redis_killed", "kill -9 of Redis, three times, and restart", kill, needs="redis"),
    Fault("redis_full", "Redis is full for 15 s and refuses every write", fill, needs="redis"),
    Fault("redis_disk_full", "Redis cannot save for 15 s and refuses every write", refuse_to_save, needs="redis"),
)
