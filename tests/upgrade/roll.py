"""A release as it is rolled out: process after process, while the others go on with the other code."""

import random
import re
from pathlib import Path

from tests.chaos.world import World

WORKERS = ("worker-high", "worker-charge", "worker-confirm", "worker-notify", "worker-maintenance", "worker-reports")
# The order of the runbook, the other way round, and none at all.
ORDERS = ("workers first", "web first", "mixed")
# What one code says when it does not understand the other: its messages, or its tables.
MISUNDERSTOOD = re.compile(
    r"Received unregistered task|Received and deleted unknown|(column|relation) .* does not exist"
    r"|violates not-null constraint|got an unexpected keyword argument|required positional argument"
    r"|positional arguments? but"
)


def order_of(name: str, chance: random.Random) -> list[str]:
    """All processes of ours in this order, workers among themselves by chance."""
    workers = chance.sample(WORKERS, len(WORKERS))
    doors = ["web", "events"]
    if name == "workers first":
        return [*workers, *doors, "beat", "flower"]
    if name == "web first":
        return [*doors, *workers, "beat", "flower"]
    return chance.sample([*workers, *doors, "beat", "flower"], len(workers) + 4)


def two_orders(chance: random.Random) -> tuple[list[str], list[str], str]:
    """How to go forward, how to go back, and both in words."""
    there, back = chance.sample(ORDERS, 2)
    return order_of(there, chance), order_of(back, chance), f"{there}; back: {back}"


def sizes_of_logs(world: World) -> dict[Path, int]:
    """How much was said until now: processes that start before the tables are there complain, and rightly."""
    return {log: log.stat().st_size for log in (world.stack.root / "log").glob("*.log")}


def misunderstandings(sizes: dict[Path, int]) -> list[str]:
    """Lines written since then in which a process says that it cannot read what the other code wrote."""
    return [
        f"{log.name}: {line[:200]}" for log in sizes for line in _lines(log, sizes[log]) if MISUNDERSTOOD.search(line)
    ]


def _lines(log: Path, start: int) -> list[str]:
    return log.read_bytes()[start:].decode(errors="replace").splitlines()
