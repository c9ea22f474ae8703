"""What all gateway workers together hold in memory while 500 calls are in flight, in MiB, and how fast they drain.

In flight by the sandbox's own count, whose answers take ten seconds then. Memory as the kernel counts it for each
process with its share of what several use (PSS). Then SIGTERM, as a deployment sends it.
"""

import os
import signal
import time

from choptym.local.processes import is_alive
from tests.bench.checkouts import GATEWAYS, begin, open_shops
from tests.bench.cpu import memory_mb
from tests.bench.line import Line
from tests.bench.ours import Ours, wait_until

NAME = "gateway_workers_mb"
REACH = 400.0
IN_FLIGHT = 500
PAYMENTS = 800
LATENCY_MS = 10_000
SETTINGS = {
    "MAX_CONCURRENT_PAYMENTS": str(IN_FLIGHT),
    **{f"{gateway.upper()}_MAX_CONCURRENT": str(IN_FLIGHT) for gateway in GATEWAYS},
    **{f"{gateway.upper()}_POOL_SIZE": str(IN_FLIGHT) for gateway in GATEWAYS},
}
# Who talks to gateways.
WORKERS = ("worker-charge", "worker-high", "worker-confirm")


def run(ours: Ours) -> Line:
    menus = open_shops(ours)
    for gateway in GATEWAYS:
        ours.control("PATCH", gateway, {"latency_ms": LATENCY_MS})
    with begin(ours, menus, PAYMENTS):
        wait_until("calls in flight", lambda: _in_flight(ours), IN_FLIGHT, ours.say)
        memory = {name: round(memory_mb(ours.stack.pids[name]), 1) for name in WORKERS}
        drained = _drain(ours)
    return Line(
        bench=NAME,
        value=sum(memory.values()),
        unit="MiB, all gateway workers",
        reach=REACH,
        at_most=True,
        against={"in_flight": IN_FLIGHT},
        figures={"mib": memory, "drained_after_seconds": round(drained, 1), "call_seconds": LATENCY_MS / 1000},
    )


def _in_flight(ours: Ours) -> int:
    return sum(int(ours.control("GET", f"{gateway}/books?limit=0")["in_flight"]) for gateway in GATEWAYS)


def _drain(ours: Ours) -> float:
    """Seconds from SIGTERM until every worker has gone."""
    pids = [ours.stack.pids[name] for name in WORKERS]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    began = time.monotonic()
    wait_until("workers drained", lambda: sum(not is_alive(pid) for pid in pids), len(pids), ours.say)
    return time.monotonic() - began
