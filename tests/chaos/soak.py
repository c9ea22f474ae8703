"""Running for long: what a process takes of the machine must stand still, under load and at rest.

`make chaos FAULT=soak` takes ten minutes, or MINUTES. The first fifth is for warming up: threads are started, caches
fill, the allocator finds its size. Then every figure is compared with itself: the middle value of the first third of
a phase with that of its last third.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import requests

from choptym.local.processes import group_members
from tests.chaos.load import Load, Tally
from tests.chaos.patience import eventually
from tests.chaos.plan import make_plan
from tests.chaos.proof import is_quiet, prove, unpaid_since
from tests.chaos.run import QUIET_SECONDS, Result, Show, newest_payment, note
from tests.chaos.world import World

SAMPLE_SECONDS = 3.0
WARM_UP, UNDER_LOAD = 0.3, 0.4  # shares of the whole; the rest is spent at rest
# Not ours: the sandbox keeps its books in memory, the sink its last messages.
OUTSIDE = {"sandbox", "sink"}
MIB = 1024 * 1024
# How much more than before is still flat: noise of the allocator, a pool that breathes.
ALLOWED = {
    "memory_mib": 4.0,
    "open_files": 8.0,
    "threads": 4.0,
    "redis_keys": 15.0,
    "redis_mib": 2.0,
    "connections": 5.0,
}
ALLOWED_SHARE = 0.02
# Flower fills its list of the last 10,000 tasks (flowerconfig.py), some 3 KiB each.
FILLS = {("flower", "memory_mib"): 32.0}


@dataclass(slots=True)
class Figures:
    """One figure of one thing over the time of a phase."""

    of: str
    name: str
    values: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """From the first third to the last."""
        third = max(1, len(self.values) // 3)
        return median(self.values[-third:]) - median(self.values[:third])

    @property
    def is_flat(self) -> bool:
        allowed = FILLS.get((self.of, self.name), ALLOWED[self.name])
        return self.growth <= max(allowed, ALLOWED_SHARE * median(self.values))


def soak(world: World, *, minutes: float, per_second: float, show: Show) -> Result:
    """Load for most of the time, then rest; proved like every fault."""
    result = Result("soak", seed=world.seed)
    began_at = time.monotonic()
    world.check_weather()
    after = newest_payment(world)
    menu = requests.get(f"{world.stack.web}/api/products/", timeout=30).json()
    loaded_seconds = minutes * 60 * (WARM_UP + UNDER_LOAD)
    wishes = make_plan(f"{world.seed} soak", int(loaded_seconds * per_second), menu)
    load = Load(world.stack.web, world.customers, wishes, per_second=per_second, staff=world.staff_token)
    load.start()
    _watch(world, minutes * 60 * WARM_UP, "warming up", load.tally, show)
    began_with = world.stack.pids
    under_load = _watch(world, minutes * 60 * UNDER_LOAD, "under load", load.tally, show)
    load.wait(QUIET_SECONDS)
    eventually(lambda: is_quiet(world), QUIET_SECONDS)
    at_rest = _watch(world, minutes * 60 * (1 - WARM_UP - UNDER_LOAD), "at rest", load.tally, show)
    note(result, prove(world, load.tally, after=after), load.tally, repeats=False)
    result.breaks += unpaid_since(world, after)
    result.breaks += _rises(under_load, "under load") + _rises(at_rest, "at rest")
    result.breaks += [f"{role} ended and was started again" for role in _others(began_with, world.stack.pids)]
    result.extra = {"under_load": _told(under_load), "at_rest": _told(at_rest)}
    result.seconds = time.monotonic() - began_at
    result.ok = not result.breaks and result.payments > 0
    return result


def _watch(world: World, seconds: float, phase: str, tally: Tally, show: Show) -> list[Figures]:
    series: dict[tuple[str, str], Figures] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        show(phase, tally)
        for (of, name), value in read(world).items():
            series.setdefault((of, name), Figures(of, name)).values.append(value)
        time.sleep(SAMPLE_SECONDS)
    return list(series.values())


def read(world: World) -> dict[tuple[str, str], float]:
    """What every process, Redis and PostgreSQL take at this moment, by (whose, figure)."""
    figures: dict[tuple[str, str], float] = {}
    for role, pid in world.stack.pids.items():
        if role not in OUTSIDE and role != "postgres":
            for name, value in _of_group(pid).items():
                figures[role, name] = value
    with world.redis() as client:
        figures["redis", "redis_keys"] = client.dbsize()
        figures["redis", "redis_mib"] = client.info("memory")["used_memory"] / MIB
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    figures["postgres", "connections"] = world.number(query)
    return figures


def _of_group(leader: int) -> dict[str, float]:
    """Of a process with its children."""
    pids = {leader, *group_members(leader)}
    return {
        "memory_mib": sum(_resident_bytes(pid) for pid in pids) / MIB,
        "open_files": sum(_entries(pid, "fd") for pid in pids),
        "threads": sum(_entries(pid, "task") for pid in pids),
    }


def _resident_bytes(pid: int) -> int:
    """Its own pages only: what it shares with its parent counts once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _entries(pid: int, what: str) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/{what}").iterdir()))
    except OSError:
        return 0


def _rises(series: Sequence[Figures], phase: str) -> list[str]:
    return [
        f"{phase}: {figures.name} of {figures.of} rose by {figures.growth:.1f} to {figures.values[-1]:.1f}"
        for figures in series
        if not figures.is_flat
    ]


def _others(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """The roles of which another process runs now: what it took of the machine was forgotten."""
    return [role for role, pid in before.items() if now.get(role) != pid]


def _told(series: Sequence[Figures]) -> dict[str, Any]:
    """The middle value and the growth of each figure, by whose it is."""
    told: dict[str, Any] = {}
    for figures in series:
        told.setdefault(figures.of, {})[figures.name] = [round(median(figures.values), 1), round(figures.growth, 1)]
    return told
