"""One gateway's bad day is its own: Fapshi answers nothing at all, and CamPay's payments keep their speed (INV-9).

The same stream of CamPay payments before, during and after, in one stack, so that a busy machine slows all alike.
The circuit is off: it would soon leave Fapshi alone, and hide what the bulkheads do. A longer run is for `make bench`.
"""

import os
import time

import pytest

from tests.flows.streams import Stream, percentile, seconds_between, wait_while
from tests.live import Live, running_stack

QUIET_SECONDS = float(os.environ.get("BULKHEAD_SECONDS", "12"))
SINKING_SECONDS = 8.0  # until every call that may hang does
CAMPAY_PER_SECOND, FAPSHI_PER_SECOND = 8.0, 4.0
RATIO = 1.5
# Two cores that compute for others too: a few of 192 payments may meet a stall that is none of ours.
NOISE_SECONDS = 0.15

SETTINGS = {
    "PAYMENT_CIRCUIT_LEAST_CALLS": os.environ.get("BULKHEAD_LEAST_CALLS", "100000"),
    "PAYMENT_FAILOVER": "false",
    "PAYMENT_LEASE_SECONDS": "14",
    "FAPSHI_READ_TIMEOUT_SECONDS": "10",
    "FAPSHI_TOTAL_TIMEOUT_SECONDS": "12",
    "FAPSHI_ABSENCE_PROVES_AFTER_SECONDS": "0",
    "RAZORPAY_ABSENCE_PROVES_AFTER_SECONDS": "20",
    "CASHFREE_ABSENCE_PROVES_AFTER_SECONDS": "20",
    "FAPSHI_RATE_PER_SECOND": "50",
    "CAMPAY_RATE_PER_SECOND": "50",
}


def campay_payments(live: Live, seconds: float, sink: float = 0) -> list[int]:
    """Those of a while in which Fapshi is asked for too. What was begun while the trouble was new does not count."""
    campay, fapshi = Stream(live, "campay", CAMPAY_PER_SECOND), Stream(live, "fapshi", FAPSHI_PER_SECOND)
    with fapshi.flowing(), campay.flowing():
        time.sleep(sink)
        skipped = len(campay.payments)
        time.sleep(seconds)
    wait_while(lambda: len(seconds_between(live, "queued_at", "settled_at", campay.payments)) < len(campay.payments),
               seconds=15)
    return campay.payments[skipped:]


@pytest.mark.timeout(240)
@pytest.mark.invariant("INV-9")
def test_campay_keeps_its_speed_while_fapshi_answers_nothing() -> None:
    with running_stack("bulkheads", **SETTINGS) as live:
        live.control("PATCH", "campay", {"latency_ms": 80, "latency_jitter_ms": 80})
        campay_payments(live, 3)
        began = time.monotonic()
        undisturbed = campay_payments(live, QUIET_SECONDS)
        live.control("PATCH", "fapshi", {"timeout_rate": 1, "timeout_hold_ms": 60_000})
        disturbed = campay_payments(live, 2 * QUIET_SECONDS, SINKING_SECONDS)
        live.control("PATCH", "fapshi", {"timeout_rate": 0})
        wait_while(lambda: bool(live.column("SELECT 1 FROM payments_payment WHERE state = 'QUEUED' LIMIT 1")), seconds=40)
        print("recovered", time.monotonic()-began)
        calm1 = undisturbed
        undisturbed = campay_payments(live, QUIET_SECONDS)
        for ids in (calm1, undisturbed): 
            for end in ("requested_at", "settled_at"):
                c = seconds_between(live, "queued_at", end, ids)
                print(end, [round(percentile(c, s),3) for s in (.5,.9,.95,.99)])
        undisturbed = calm1 + undisturbed

        for end in ("requested_at", "settled_at"):
            calm, rough = (seconds_between(live, "queued_at", end, ids) for ids in (undisturbed, disturbed))
            print(end, len(calm), len(rough), [(round(percentile(calm, s), 3), round(percentile(rough, s), 3)) for s in (.5, .9, .95, .99)])
        for end in ("requested_at", "settled_at"):
            calm, rough = (seconds_between(live, "queued_at", end, ids) for ids in (undisturbed, disturbed))
            assert len(calm) == len(undisturbed)
            assert len(rough) == len(disturbed)
            assert percentile(rough, 0.95) <= RATIO * percentile(calm, 0.95) + NOISE_SECONDS
