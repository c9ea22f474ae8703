"""What went on during the last minutes, read from the times of the rows by their indexes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection

# How far back rates and averages look.
WINDOW_SECONDS = 300

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Flow:
    """What went on during the last WINDOW_SECONDS: of all, and of each gateway and priority of which there was any."""

    started: int = 0
    settled: int = 0
    failed: int = 0
    retried: int = 0
    average_wait_seconds: float = 0.0  # from checkout to the gateway
    average_processing_seconds: float = 0.0  # from the gateway call to its acceptance: our share
    average_total_seconds: float = 0.0  # from checkout to settled
    gateways: Mapping[str, "Flow"] = field(default_factory=dict)
    priorities: Mapping[int, "Flow"] = field(default_factory=dict)

    def of_gateway(self, name: str) -> "Flow":
        return self.gateways.get(name, _NOTHING)

    def of_priority(self, priority: int) -> "Flow":
        return self.priorities.get(priority, _NOTHING)


_NOTHING = Flow()


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds that half, 95 and 99 of a hundred payments did not exceed; 0 when nothing was measured."""

    wait: Mapping[str, float]
    processing: Mapping[str, float]


FLOW = """
    SELECT gateway, priority, count(*) FILTER (WHERE requested_at > since), count(*) FILTER (WHERE settled_at > since),
           count(*) FILTER (WHERE finished_at > since AND state = 'FAILED'),
           count(*) FILTER (WHERE requested_at > since AND attempts_made > 1),
           coalesce(extract(epoch FROM avg(requested_at - queued_at) FILTER (WHERE requested_at > since)), 0),
           coalesce(extract(epoch FROM avg(pending_at - asked_at) FILTER (WHERE pending_at > since)), 0),
           coalesce(extract(epoch FROM avg(settled_at - queued_at) FILTER (WHERE settled_at > since)), 0)
    FROM (SELECT *, now() - make_interval(secs => %(window)s) AS since FROM payments_payment
          WHERE requested_at > now() - make_interval(secs => %(window)s)
             OR finished_at > now() - make_interval(secs => %(window)s)) recent
    GROUP BY GROUPING SETS ((), (gateway), (priority))
"""

SPREAD = """
    SELECT percentile_cont(%(shares)s::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM requested_at - queued_at)),
           percentile_cont(%(shares)s::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM pending_at - asked_at))
           FILTER (WHERE pending_at IS NOT NULL)
    FROM payments_payment WHERE requested_at > now() - make_interval(secs => %(window)s)
"""


def read_flow() -> Flow:
    """One pass over the payments of the window."""
    whole, gateways, priorities = _NOTHING, {}, {}
    for gateway, priority, started, settled, failed, retried, *averages in _fetch(FLOW, {"window": WINDOW_SECONDS}):
        wait, processing, total = map(float, averages)
        of_these = Flow(started, settled, failed, retried, wait, processing, total)
        if gateway is not None:
            gateways[gateway] = of_these
        elif priority is not None:
            priorities[priority] = of_these
        else:
            whole = of_these
    return replace(whole, gateways=gateways, priorities=priorities)


def read_spread() -> Spread:
    """Of the payments whose first call to a gateway was within the window."""
    [(wait, processing)] = _fetch(SPREAD, {"shares": list(PERCENTILES.values()), "window": WINDOW_SECONDS})
    return Spread(_named(wait), _named(processing))


def _named(seconds: list[float] | None) -> dict[str, float]:
    values = seconds or [0.0] * len(PERCENTILES)
    return {name: round(value, 3) for name, value in zip(PERCENTILES, values, strict=True)}


def _fetch(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
