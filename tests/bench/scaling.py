"""Throughput over 1, 2, 4 … machines of gateway workers: payments charged a second, and the curve.

A machine here is one charge worker that may have so many calls under way (its threads) at gateways that take their
time; what it waits for costs no CPU, as in life. Near-linear until something else is the limit: on this machine its
cores, whose shares at the knee the line tells.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from choptym.local.role import PROJECT, launched
from tests.bench.checkouts import GATEWAYS, Run, open_shops, pay
from tests.bench.line import Line
from tests.bench.ours import FOLDER, Ours
from tests.bench.pictures import Curve, draw_curves

NAME = "scaling"
REACH = 0.8  # of what the machines of the curve's straight part would do if each did as much as one alone
MACHINES = (1, 2, 4, 8)
THREADS = 4  # of one machine
LATENCY_MS = 1_000
SECONDS, WARM_UP = 20, 40
# Up to here the curve is to be straight: beyond it two cores are busy.
STRAIGHT_UP_TO = 4
QUEUES = "p1.high,p2.medium,p3.normal"
# The stack's own charge workers stand still.
OURS = ("worker-charge", "worker-high")


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    pay(ours, menus, WARM_UP)
    for gateway in GATEWAYS:
        ours.control("PATCH", gateway, {"latency_ms": LATENCY_MS})
    runs: dict[int, Run] = {}
    with ours.frozen(*OURS):
        for machines in MACHINES:
            expected = machines * THREADS * 1000 / LATENCY_MS
            with ExitStack() as started:
                for number in range(machines):
                    started.enter_context(_machine(ours, number))
                pay(ours, menus, machines * THREADS)
                runs[machines] = pay(ours, menus, int(expected * SECONDS) // 2 * 2)
    _draw(runs)
    straight = runs[STRAIGHT_UP_TO].per_second / (STRAIGHT_UP_TO * runs[1].per_second)
    return Line(
        bench=NAME,
        value=straight,
        unit=f"of {STRAIGHT_UP_TO} times one machine, by {STRAIGHT_UP_TO}",
        reach=REACH,
        against={"per_second_by_machines": {str(count): round(run.per_second, 1) for count, run in runs.items()}},
        problems=tuple(problem for run in runs.values() for problem in run.problems),
        cpu=runs[MACHINES[-1]].cpu,
        figures={"calls_at_a_time_each": THREADS, "call_seconds": LATENCY_MS / 1000},
    )


@contextmanager
def _machine(ours: Ours, number: int) -> Iterator[None]:
    """One more charge worker, of the stack's settings."""
    name = f"machine-{number}"
    command = (
        *(sys.executable, "-m", "celery", "-A", "choptym", "worker", "-P", "threads", "-c", str(THREADS)),
        *("-Q", QUEUES, "-n", f"{name}@%h", "--without-gossip", "--without-mingle", "-l", "WARNING"),
    )
    environment = {**ours.stack.environment, "PROCESS_ROLE": "worker-charge", "METRICS_PORT": ""}
    with (FOLDER / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            launched(command, None, signal.SIGTERM), cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _draw(runs: dict[int, Run]) -> None:
    machines = [float(count) for count in runs]
    one = runs[1].per_second
    draw_curves(
        "scaling.svg",
        f"Payments a second, over machines that make {THREADS} calls of {LATENCY_MS / 1000:g} s at a time",
        machines,
        [
            Curve("settled and told", [run.per_second for run in runs.values()]),
            Curve("straight", [one * count for count in runs]),
        ],
    )
