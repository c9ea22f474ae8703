"""The figures of the queue, read from the rows. Cached for a second, because crowds ask."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection

from choptym.lib.snapshot import Snapshot
from payments import in_force
from payments.states import FINAL_STATES, PaymentState

# How far back rates and averages look.
WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Flow:
    """What went on during the last WINDOW_SECONDS."""

    started: int = 0
    settled: int = 0
    failed: int = 0
    retried: int = 0
    average_wait_seconds: float = 0.0  # from checkout to the gateway
    average_processing_seconds: float = 0.0  # from the gateway call to its acceptance: our share
    average_total_seconds: float = 0.0  # from checkout to settled


@dataclass(frozen=True, slots=True)
class Counts:
    """How many payments stand where, per (gateway, priority)."""

    by_state: dict[tuple[str, int, str], int] = field(default_factory=dict)
    retried: dict[tuple[str, int], int] = field(default_factory=dict)

    def total(self, *states: str, gateway: str | None = None, priority: int | None = None) -> int:
        return sum(
            count
            for (name, level, state), count in self.by_state.items()
            if state in states and gateway in {None, name} and priority in {None, level}
        )

    def retries(self, *, gateway: str | None = None, priority: int | None = None) -> int:
        return sum(
            count
            for (name, level), count in self.retried.items()
            if gateway in {None, name} and priority in {None, level}
        )


def read_flow() -> Flow:
    """One pass over the payments of the window, by their index."""
    rows = _fetch(
        """
        SELECT count(*) FILTER (WHERE requested_at > since), count(*) FILTER (WHERE settled_at > since),
               count(*) FILTER (WHERE finished_at > since AND state = %(failed)s),
               count(*) FILTER (WHERE requested_at > since AND attempts_made > 1),
               coalesce(extract(epoch FROM avg(requested_at - queued_at) FILTER (WHERE requested_at > since)), 0),
               coalesce(extract(epoch FROM avg(pending_at - requested_at) FILTER (WHERE pending_at > since)), 0),
               coalesce(extract(epoch FROM avg(settled_at - queued_at) FILTER (WHERE settled_at > since)), 0)
        FROM (SELECT *, now() - make_interval(secs => %(window)s) AS since FROM payments_payment
              WHERE requested_at > now() - make_interval(secs => %(window)s)
                 OR finished_at > now() - make_interval(secs => %(window)s)) recent
        """,
        {"failed": PaymentState.FAILED, "window": WINDOW_SECONDS},
    )
    started, settled, failed, retried, *averages = rows[0]
    return Flow(started, settled, failed, retried, *(float(average) for average in averages))


def read_counts() -> Counts:
    rows = _fetch(
        """
        SELECT gateway, priority, state, count(*), count(*) FILTER (WHERE attempts_made > 1)
        FROM payments_payment GROUP BY gateway, priority, state
        """,
        {},
    )
    retried: dict[tuple[str, int], int] = {}
    for gateway, priority, _, _, count in rows:
        retried[gateway, priority] = retried.get((gateway, priority), 0) + count
    return Counts({(row[0], row[1], row[2]): row[3] for row in rows}, retried)


flow = Snapshot(read_flow)
counts = Snapshot(read_counts, seconds=2.0)


def queue_status() -> dict[str, Any]:
    """The body of /api/payment/queue/status: the whole, then the same per priority and per gateway."""
    now = flow.get()
    status = _figures(counts.get())
    status |= {
        "averageProcessingTime": round(now.average_processing_seconds, 3),
        "averageWaitingTime": round(now.average_wait_seconds, 3),
        "maxConcurrent": in_force.current().max_concurrent,
        "priorities": {
            str(priority): _figures(counts.get(), priority=priority) for priority in settings.QUEUE_OF_PRIORITY
        },
        "gateways": {name: _figures(counts.get(), gateway=name) for name in (*settings.GATEWAYS, "wallet")},
        "modes": in_force.modes(),
    }
    return status


def metrics() -> dict[str, Any]:
    """The body of /api/payment/metrics: rates over the last WINDOW_SECONDS.

    Numbers always: where nothing ended, nothing failed; where nothing was measured, a time is 0.
    """
    now = flow.get()
    ended = now.settled + now.failed
    return {
        "queueLength": counts.get().total(PaymentState.QUEUED),
        "processing": counts.get().total(PaymentState.REQUESTED, PaymentState.PENDING),
        "processingRatePerMinute": round(now.settled * 60 / WINDOW_SECONDS, 2),
        "started": now.started,
        "ended": ended,
        "successRate": round(now.settled / ended, 4) if ended else 1.0,
        "errorRate": round(now.failed / ended, 4) if ended else 0.0,
        "retryRate": round(now.retried / now.started, 4) if now.started else 0.0,
        "averageProcessingTime": round(now.average_processing_seconds, 3),
        "averageWaitingTime": round(now.average_wait_seconds, 3),
        "windowSeconds": WINDOW_SECONDS,
    }


def _figures(rows: Counts, *, gateway: str | None = None, priority: int | None = None) -> dict[str, Any]:
    state = PaymentState
    return {
        "totalProcessed": rows.total(*FINAL_STATES, gateway=gateway, priority=priority),
        "successful": rows.total(state.SETTLED, gateway=gateway, priority=priority),
        "failed": rows.total(state.FAILED, gateway=gateway, priority=priority),
        "cancelled": rows.total(state.CANCELLED, gateway=gateway, priority=priority),
        "expired": rows.total(state.EXPIRED, gateway=gateway, priority=priority),
        "inReview": rows.total(state.REVIEW, gateway=gateway, priority=priority),
        "retried": rows.retries(gateway=gateway, priority=priority),
        "queueLength": rows.total(state.QUEUED, gateway=gateway, priority=priority),
        "processing": rows.total(state.REQUESTED, state.PENDING, gateway=gateway, priority=priority),
    }


def _fetch(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
