"""One gateway's bad day is its own: Fapshi answers nothing at all, and CamPay's payments keep their speed (INV-9).

The same stream of CamPay payments before, meanwhile and after, in one stack. The circuit is off: it would soon leave
Fapshi alone, and hide what the bulkheads do. A longer run: BULKHEAD_SECONDS=60.
"""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from tests.flows.streams import Stream, percentile, seconds_between, wait_while
from tests.live import Live, running_stack

QUIET_SECONDS = float(os.environ.get("BULKHEAD_SECONDS", "12"))
SINKING_SECONDS = 8  # until every call that may hang does
CAMPAY_PER_SECOND, FAPSHI_PER_SECOND = 5.0, 2.5
RATIO = 1.5
# Of two cores that compute for others too. What is looked for is seconds: 25 of them before there were bulkheads.
NOISE_SECONDS = 0.25
SHARE = 0.95

SETTINGS = {
    "PAYMENT_CIRCUIT_LEAST_CALLS": "100000",
    "PAYMENT_FAILOVER": "false",
    "PAYMENT_LEASE_SECONDS": "14",
    "FAPSHI_READ_TIMEOUT_SECONDS": "10",
    "FAPSHI_TOTAL_TIMEOUT_SECONDS": "12",
    "FAPSHI_ABSENCE_PROVES_AFTER_SECONDS": "0",
    "RAZORPAY_ABSENCE_PROVES_AFTER_SECONDS": "14",
    "CASHFREE_ABSENCE_PROVES_AFTER_SECONDS": "14",
    "FAPSHI_RATE_PER_SECOND": "50",
    "CAMPAY_RATE_PER_SECOND": "50",
}


@pytest.fixture
def bulkheads() -> Iterator[Live]:
    with running_stack("bulkheads", **SETTINGS) as live:
        live.control("PATCH", "campay", {"latency_ms": 80, "latency_jitter_ms": 80})
        campay_payments(live, 3)  # the first calls of each process take their time
        yield live


def campay_payments(live: Live, seconds: float, *, sinking: float = 0) -> list[int]:
    """Those of so long, with payments by Fapshi beside them, that were begun after it had time to sink."""
    campay, fapshi = Stream(live, "campay", CAMPAY_PER_SECOND), Stream(live, "fapshi", FAPSHI_PER_SECOND)
    with fapshi.flowing(), campay.flowing():
        time.sleep(sinking)
        before = len(campay.payments)
        time.sleep(seconds)
    wait_while(lambda: len(settled_after(live, campay.payments)) < len(campay.payments), seconds=15)
    return campay.payments[before:]


def settled_after(live: Live, payments: list[int]) -> list[float]:
    return seconds_between(live, "queued_at", "settled_at", payments)


def is_anything_waiting(live: Live) -> bool:
    return bool(live.column("SELECT 1 FROM payments_payment WHERE state IN ('QUEUED', 'REQUESTED') LIMIT 1"))


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.invariant("INV-9")
def test_campay_keeps_its_speed_while_fapshi_answers_nothing(bulkheads: Live, tell: Callable[..., None]) -> None:
    live = bulkheads
    before = campay_payments(live, QUIET_SECONDS)
    live.control("PATCH", "fapshi", {"timeout_rate": 1, "timeout_hold_ms": 60_000})
    meanwhile = campay_payments(live, 2 * QUIET_SECONDS, sinking=SINKING_SECONDS)
    live.control("PATCH", "fapshi", {"timeout_rate": 0})
    wait_while(lambda: is_anything_waiting(live), seconds=30)
    after = campay_payments(live, QUIET_SECONDS)

    for end in ("requested_at", "settled_at"):
        waits = [seconds_between(live, "queued_at", end, payments) for payments in (before, meanwhile, after)]
        assert [len(found) for found in waits] == [len(before), len(meanwhile), len(after)], "all have got so far"
        calm, disturbed, calm_again = (percentile(found, SHARE) for found in waits)
        tell(proof="bulkheads", p95_seconds_to=end, calm=calm, disturbed=disturbed, calm_again=calm_again)
        # What differs between the two undisturbed ones is the machine's doing.
        assert disturbed <= RATIO * max(calm, calm_again) + NOISE_SECONDS, (end, calm, disturbed, calm_again)
