"""The figures of the queue, read from the rows. Cached for a second, because crowds ask.

Nothing here looks at all payments: what has ended is counted as it ends (payments/tally), what waits by a partial
index, and what went on lately by the times of the rows (payments/flow.py).
"""

from typing import Any

from django.conf import settings

from choptym.lib.snapshot import Snapshot
from payments import in_force
from payments.flow import WINDOW_SECONDS, Flow, read_flow, read_spread
from payments.models import WALLET
from payments.states import FINAL_STATES, PaymentState
from payments.tally.read import Counts, read_counts

__all__ = [
    "WINDOW_SECONDS",
    "Counts",
    "Flow",
    "counts",
    "flow",
    "metrics",
    "queue_status",
    "read_counts",
    "read_flow",
    "read_spread",
    "spread",
]

flow = Snapshot(read_flow)
counts = Snapshot(read_counts, seconds=2.0)
spread = Snapshot(read_spread, seconds=5.0)


def queue_status() -> dict[str, Any]:
    """The body of /api/payment/queue/status: the whole, then the same per priority and per gateway."""
    now, places, most = flow.get(), counts.get(), in_force.current().max_concurrent
    names = [*settings.GATEWAYS, WALLET]
    return {
        **_figures(places, now, most),
        "priorities": {
            str(priority): _figures(places, now.of_priority(priority), most, priority=priority)
            for priority in settings.QUEUE_OF_PRIORITY
        },
        "gateways": {
            name: _figures(places, now.of_gateway(name), _most_at(name, most), gateway=name) for name in names
        },
        "modes": in_force.modes(),
    }


def metrics() -> dict[str, Any]:
    """The body of /api/payment/metrics: rates over the last WINDOW_SECONDS.

    Numbers always: where nothing ended, nothing failed; where nothing was measured, a time is 0.
    """
    now, places, times = flow.get(), counts.get(), spread.get()
    ended = now.settled + now.failed
    return {
        "queueLength": places.total(PaymentState.QUEUED),
        "processing": places.total(PaymentState.REQUESTED, PaymentState.PENDING),
        "processingRatePerMinute": _per_minute(now.settled),
        "startedPerMinute": _per_minute(now.started),
        "endedPerMinute": _per_minute(ended),
        "started": now.started,
        "ended": ended,
        "successRate": round(now.settled / ended, 4) if ended else 1.0,
        "errorRate": round(now.failed / ended, 4) if ended else 0.0,
        "retryRate": round(now.retried / now.started, 4) if now.started else 0.0,
        "averageProcessingTime": round(now.average_processing_seconds, 3),
        "averageWaitingTime": round(now.average_wait_seconds, 3),
        "processingTimePercentiles": times.processing,
        "waitingTimePercentiles": times.wait,
        "windowSeconds": WINDOW_SECONDS,
    }


def _per_minute(number: int) -> float:
    return round(number * 60 / WINDOW_SECONDS, 2)


def _most_at(gateway: str, most: int) -> int:
    """How many payments may be in flight there at once; the wallet has no limit of its own."""
    return min(in_force.limits_of(gateway).most, most) if gateway in settings.GATEWAYS else most


def _figures(
    rows: Counts, now: Flow, most: int, *, gateway: str | None = None, priority: int | None = None
) -> dict[str, Any]:
    state = PaymentState
    return {
        "totalProcessed": rows.total(*FINAL_STATES, gateway=gateway, priority=priority),
        "successful": rows.total(state.SETTLED, gateway=gateway, priority=priority),
        "failed": rows.total(state.FAILED, gateway=gateway, priority=priority),
        "cancelled": rows.total(state.CANCELLED, gateway=gateway, priority=priority),
        "expired": rows.total(state.EXPIRED, gateway=gateway, priority=priority),
        "inReview": rows.total(state.REVIEW, gateway=gateway, priority=priority),
        "retried": rows.retries(gateway=gateway, priority=priority),
        "averageProcessingTime": round(now.average_processing_seconds, 3),
        "averageWaitingTime": round(now.average_wait_seconds, 3),
        "queueLength": rows.total(state.QUEUED, gateway=gateway, priority=priority),
        "processing": rows.total(state.REQUESTED, state.PENDING, gateway=gateway, priority=priority),
        "maxConcurrent": most,
    }
