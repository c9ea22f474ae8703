"""One more machine of gateway workers, as a process beside those of the stack: what it is stands here and nowhere else.

A machine has so many threads that may each have one payment in hand at a gateway. What they wait for costs no CPU, as
in life; so on one computer several machines stand beside each other until its cores are busy.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from choptym.local.celery_ready import READY_FILE
from choptym.local.processes import is_alive
from choptym.local.role import PROJECT, launched
from choptym.local.roles import CHARGE_QUEUES
from tests.bench.ours import FOLDER, Ours, wait_until

THREADS = 12
# What the stack has of this kind: it stops for as long as the machines are measured. Were it only made to stand still,
# it would keep the message in its hands, and a payment would wait for the sweeper.
STACKS_OWN = ("worker-charge", "worker-high")
STOP_SECONDS = 30


class Machines:
    """As many as are asked for; those that run stay when there are to be more."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._running]

    def grow_to(self, count: int) -> None:
        """Start what is missing; returns when all of them take work."""
        fresh = range(len(self._running), count)
        ready = [FOLDER / f"machine-{number}.ready" for number in fresh]
        for number, file in zip(fresh, ready, strict=True):
            file.unlink(missing_ok=True)
            self._running.append(_start(self._ours, number, file))
        wait_until("machines ready", lambda: sum(file.exists() for file in ready), len(ready), self._ours.say)

    def stop(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def machines(ours: Ours) -> Iterator[Machines]:
    """None at first; the stack's own charge workers are gone meanwhile."""
    with ExitStack() as held:
        for role in STACKS_OWN:
            held.enter_context(ours.stack.held_down(role))
        _stop_own(ours, [ours.stack.pids[role] for role in STACKS_OWN])
        found = Machines(ours)
        try:
            yield found
        finally:
            found.stop()


def _stop_own(ours: Ours, pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    wait_until("the stack's own workers gone", lambda: sum(not is_alive(pid) for pid in pids), len(pids), ours.say)


def _start(ours: Ours, number: int, ready: Path) -> subprocess.Popen[bytes]:
    """A charge worker with the stack's settings. Both ways of naming its threads: a pool of the queue's, or a crew."""
    name, threads = f"machine-{number}", str(THREADS)
    command = (
        *(sys.executable, "-m", "celery", "-A", "choptym.local.celery_ready", "worker", "-P", "threads"),
        *("-c", threads, "-Q", CHARGE_QUEUES, "-n", f"{name}@%h"),
        *("--without-gossip", "--without-mingle", "-l", "WARNING"),
    )
    environment = {
        **ours.stack.environment,
        "PROCESS_ROLE": "worker-charge",
        "METRICS_PORT": "",
        "CHARGE_THREADS": str(THREADS * 4 // 3),  # a quarter is kept for high payments, of which there are none
        READY_FILE: str(ready),
    }
    with (FOLDER / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            launched(command, None, signal.SIGTERM), cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
