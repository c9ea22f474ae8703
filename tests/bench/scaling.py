"""Throughput over 1, 2, 4 … machines of gateway workers: payments a second, the curve, its knee, and what limits there.

A machine is one charge worker with a few threads (tests/bench/machine.py), and gateways take a second for a call. So a
machine is limited by its own threads, not by the cores that all of them share here, until those are busy: that is the
knee. Checkouts are offered somewhat faster than the machines could charge them if the curve went on straight. What
counts is the pace at which payments are settled in between (tests/bench/pace.py).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from tests.bench.checkouts import GATEWAYS, Menus, Run, open_shops, pay
from tests.bench.line import Line
from tests.bench.machine import THREADS, Machines, machines
from tests.bench.ours import Ours
from tests.bench.pace import steady_pace
from tests.bench.pictures import Curve, draw_curves
from tests.bench.settle_vs_sql import make_facts, settle

NAME = "scaling"
REACH = 0.8  # of what the machines of the curve's straight part would do if each did as much as one alone
# `BENCH_SHORT=1`: the first two points alone, in less than a minute.
IS_SHORT = os.environ.get("BENCH_SHORT") == "1"
COUNTS = (1, 2) if IS_SHORT else (1, 2, 4, 8, 16)
# Up to here the curve is to be straight: beyond it two cores are busy. The count that falls behind ends the curve.
STRAIGHT_UP_TO = 2 if IS_SHORT else 4
LATENCY_MS = 1_000
SECONDS, WARM_UP = (8 if IS_SHORT else 15), 40
# Payments a second. Razorpay and Cashfree want two calls for one, Fapshi and CamPay one call: a second and a half on
# average. A fifth more is offered than a thread can so charge.
OFFERED_A_THREAD = 0.8
# Processes that do nothing but settle: they wait for nobody, so the cores are their limit.
SETTLERS, SETTLED_EACH, SETTLED_AT_ONCE = (1, 2, 4), 2_000, 50
BUSY_SHARE = 0.9  # who works for more of the time than this is the limit
DISTURBED = "cores, others use them too"  # such a point says nothing of us
# Neither the most in flight nor a gateway's pace is to be the limit here.
SETTINGS = {
    "MAX_CONCURRENT_PAYMENTS": "400",
    **{f"{gateway.upper()}_MAX_CONCURRENT": "200" for gateway in GATEWAYS},
    **{f"{gateway.upper()}_POOL_SIZE": "100" for gateway in GATEWAYS},
}


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve. `threads_busy` and `cores_busy` are shares of all there are; `taken`: of the cores, what
    anybody on this machine used."""

    machines: int
    per_second: float
    threads_busy: float
    cores_busy: float
    taken: float
    run: Run

    @property
    def limit(self) -> str:
        if self.threads_busy >= BUSY_SHARE:
            return "threads"
        if self.cores_busy >= BUSY_SHARE:
            return "cores"
        return DISTURBED if self.taken >= BUSY_SHARE else "neither threads nor cores"


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    # From the first call on: who has known a gateway to answer in 50 ms takes a second for an ill day, and lets no more
    # than two calls through (payments/steering/decide.py).
    for gateway in GATEWAYS:
        ours.control("PATCH", gateway, {"latency_ms": LATENCY_MS})
    pay(ours, menus, WARM_UP)
    settled = {} if IS_SHORT else _settle(ours, menus)
    with machines(ours) as running:
        points = _climb(ours, menus, running)
    _draw(points)
    one = points[0].per_second
    straight = [point for point in points if point.machines <= STRAIGHT_UP_TO][-1]
    return Line(
        bench=NAME,
        value=straight.per_second / (STRAIGHT_UP_TO * one),
        unit=f"of {STRAIGHT_UP_TO} times one machine, by {STRAIGHT_UP_TO}",
        reach=REACH,
        against={"per_second_by_machines": {str(point.machines): round(point.per_second, 1) for point in points}},
        problems=tuple(problem for point in points for problem in point.run.problems),
        cpu=points[-1].run.cpu,
        figures={
            "threads_each": THREADS,
            "call_seconds": LATENCY_MS / 1000,
            "offered_a_thread": OFFERED_A_THREAD,
            "seconds": SECONDS,
            "limit": {str(point.machines): point.limit for point in points},
            "threads_busy": {str(point.machines): round(point.threads_busy, 2) for point in points},
            "cores_busy": {str(point.machines): round(point.cores_busy, 2) for point in points},
            "settled_per_second_by_processes": {str(count): round(rate) for count, rate in settled.items()},
            "knee": next((point.machines for point in points if _falls_behind(point, one)), None),
        },
    )


def _settle(ours: Ours, menus: Menus) -> dict[int, float]:
    """Payments a second of the settling side alone, over processes; all else stands still."""
    with ours.frozen():
        return {
            count: settle(ours, make_facts(ours, menus.dishes["INR"], SETTLED_EACH), SETTLED_AT_ONCE, count)
            for count in SETTLERS
        }


def _climb(ours: Ours, menus: Menus, running: Machines) -> list[Point]:
    """Twice the machines each time, until they no longer do what they should."""
    points: list[Point] = []
    for count in COUNTS:
        running.grow_to(count)
        pay(ours, menus, count * THREADS)  # so that all threads are there
        points.append(_measure(ours, menus, running))
        if _falls_behind(points[-1], points[0].per_second):
            break
    return points


def _falls_behind(point: Point, one: float) -> bool:
    return point.per_second < REACH * point.machines * one


def _measure(ours: Ours, menus: Menus, running: Machines) -> Point:
    count, threads = len(running.pids), len(running.pids) * THREADS
    offered = OFFERED_A_THREAD * threads
    newest = int(ours.number("SELECT coalesce(max(id), 0) FROM payments_paymentattempt"))
    beside = {f"machine {number}": pid for number, pid in enumerate(running.pids)}
    before = psutil.cpu_times()
    found = pay(ours, menus, int(offered * SECONDS) // 4 * 4, per_second=offered, beside=beside)
    pace = steady_pace([at + took for at, took in zip(found.queued, found.settled, strict=True)])
    held = ours.number(_HELD_SECONDS, newest)
    load_cores = found.load.cpu_seconds * found.per_second / found.payments
    cores = (sum(found.cpu.values()) + load_cores) / (os.cpu_count() or 1)
    return Point(count, pace, pace * held / threads, cores, _busy_share(before, psutil.cpu_times()), found)


def _busy_share(before: Any, after: Any) -> float:
    """Of all cores, between these two counts of the kernel's."""
    idle = (after.idle + after.iowait) - (before.idle + before.iowait)
    return float(1 - idle / (sum(after) - sum(before)))


# From the claim until what the gateway answered is written down.
_HELD_SECONDS = "SELECT avg(extract(epoch FROM ended_at - started_at)) FROM payments_paymentattempt WHERE id > %s"


def _draw(points: Sequence[Point]) -> None:
    places = [float(point.machines) for point in points]
    draw_curves(
        "scaling.svg",
        f"Payments a second, over machines of {THREADS} threads, calls of {LATENCY_MS / 1000:g} s",
        places,
        [
            Curve("settled", [point.per_second for point in points]),
            Curve("straight", [points[0].per_second * place for place in places]),
        ],
    )
