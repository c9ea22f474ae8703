"""Endless high payments, more than their gateway may be asked for: a normal one still starts, within a set time."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.flows.streams import Stream, percentile, seconds_between
from tests.live import Live, eventually, running_stack

WAITED_LONG_SECONDS = 4
# Told of by the sweeper, turned away once or twice, and a place in the line.
THEN_WITHIN_SECONDS = 6
RATE = 6
HIGH_PER_SECOND = 10.0
HIGH_WITHIN_SECONDS = 4  # a line, and perhaps turned away once
SETTINGS = {
    "PAYMENT_WAITED_LONG_SECONDS": str(WAITED_LONG_SECONDS),
    "CAMPAY_RATE_PER_SECOND": str(RATE),
    "PAYMENT_FAILOVER": "false",
}


def started_at(live: Live, payment: int) -> datetime | None:
    [at] = live.column("SELECT requested_at FROM payments_payment WHERE id = %s", payment)
    assert at is None or isinstance(at, datetime)
    return at


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_a_normal_payment_starts_though_high_ones_never_end(tell: Callable[..., None]) -> None:
    with running_stack("starvation", **SETTINGS) as live:
        highs = Stream(live, "campay", HIGH_PER_SECOND, amount_minor=20_000)
        customer = live.payer("campay")
        with highs.flowing():
            time.sleep(4)
            normal = customer.top_up(500, "campay")
            within = WAITED_LONG_SECONDS + THEN_WITHIN_SECONDS
            eventually(lambda: _assert_started(live, normal), seconds=within + 5)
            waiting = live.column("SELECT count(*) FROM payments_payment WHERE state = 'QUEUED' AND priority = 3")[0]

        [wait] = seconds_between(live, "queued_at", "requested_at", [normal])
        tell(proof="no starvation", normal_waited_seconds=wait, allowed=within, high_waiting=waiting)
        assert waiting > 2 * RATE, "high ones waited all the time"
        assert WAITED_LONG_SECONDS <= wait <= within


def _assert_started(live: Live, payment: int) -> None:
    assert started_at(live, payment) is not None


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_a_crowd_of_normal_payments_does_not_slow_high_ones_down(tell: Callable[..., None]) -> None:
    """Also one of which many have waited long: high ones are sure of a quarter of the calls, half being questions."""
    with running_stack("starvation", **SETTINGS) as live:
        crowd = Stream(live, "campay", 2.0 * RATE)
        highs = Stream(live, "campay", 0.15 * RATE, amount_minor=20_000)
        with crowd.flowing():
            time.sleep(WAITED_LONG_SECONDS + 4)
            with highs.flowing():
                time.sleep(10)
            old = live.column(
                "SELECT count(*) FROM payments_payment WHERE state = 'QUEUED' AND priority = 1"
                " AND queued_at < now() - make_interval(secs => %s)",
                WAITED_LONG_SECONDS,
            )[0]

        waits = seconds_between(live, "queued_at", "requested_at", highs.payments)
        tell(proof="high beside a crowd", p90_seconds=percentile(waits, 0.9), old_ones_waiting=old)
        assert old > 2 * RATE
        assert len(waits) >= 0.9 * len(highs.payments)
        assert percentile(waits, 0.9) <= HIGH_WITHIN_SECONDS
