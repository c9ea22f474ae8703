"""Which process used how much of the machine, as the kernel counts it: so that nobody takes the load for the limit."""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

LEAST_SHARE = 0.005


class Meter:
    """Starts to count when it is made. A role is its first process and all that this one has started."""

    def __init__(self, roles: Mapping[str, int]) -> None:
        self._roles = dict(roles)
        self._at = time.monotonic()
        self._before = self._now()

    def shares(self) -> dict[str, float]:
        """Cores that each role kept busy on average since then; what used next to nothing is left out."""
        passed = time.monotonic() - self._at
        shares = {name: round((used - self._before[name]) / passed, 3) for name, used in self._now().items()}
        return dict(sorted(((name, one) for name, one in shares.items() if one >= LEAST_SHARE), key=lambda it: -it[1]))

    def _now(self) -> dict[str, float]:
        return {name: _seconds_of(pid) for name, pid in self._roles.items()}


def _seconds_of(pid: int) -> float:
    """Of this process and its children, with those of them that have ended."""
    seconds = 0.0
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def memory_mb(pid: int) -> float:
    """What this process and its children hold for themselves, in MiB (what they share is counted in part)."""
    found = 0
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                found += process.memory_full_info().pss
    return found / 1024**2
