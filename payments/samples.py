"""A sample of the figures every few seconds: the dashboard shows how they went.

The period is the time rounded down and unique, so that two clocks write one sample. A figure's name says what it is of,
with colons between its parts; what was zero is left out. Whoever has another figure adds a function to SOURCES.

    seconds, redis                 how much time it covers; 1 when Redis was asked (else nothing of Redis is known)
    queued:GATEWAY:PRIORITY        payments that wait for their turn;  asked:GATEWAY  those that the gateway has
    ended:GATEWAY:STATE            payments that ended during the period
    wait:P, processing:P           seconds from checkout to the gateway, and of the gateway's call; P is p50 or p95 of
    processing:GATEWAY:P           those whose wait, or call, ended during the period
    mode:GATEWAY, circuit:GATEWAY[:OPERATOR]   0.5 and 1 as in the metrics
    limit:GATEWAY, in_flight:GATEWAY:SIDE, line:GATEWAY, messages:QUEUE
    connections:used|max, memory:used|max
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from redis import RedisError

from choptym.lib import clock
from choptym.lib.connections import read_connections
from choptym.lib.jobs import queue_lengths
from payments import in_force
from payments.models import WALLET, QueueMode, Sample
from payments.states import FINAL_STATES, WAITING_STATES, PaymentState
from payments.throttle.figures import CLOSED, HALF_OPEN, OPEN, read_figures
from payments.throttle.store import store

PERIOD_SECONDS = 10
# What ended is counted a little late: a transaction that is still open has written its times already.
LATE = timedelta(seconds=2)
# After a longer pause a sample covers its own period only: what went on before is not known, and is shown as a gap.
LONGEST = timedelta(seconds=3 * PERIOD_SECONDS)
# No call to a gateway takes longer, so that no more rows than these have to be looked at.
LONGEST_CALL = timedelta(minutes=2)
FORGOTTEN_AT_ONCE = 20
MODES = {QueueMode.RUN: 0.0, QueueMode.DRAIN: 0.5, QueueMode.STOP: 1.0}
CIRCUITS = {CLOSED: 0.0, HALF_OPEN: 0.5, OPEN: 1.0}

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a sample covers, its end excluded."""

    since: datetime
    until: datetime


def take_sample() -> bool:
    """Read the figures and keep them. False when this period has its sample.

    Commits: yes. Network: Redis; without it the sample holds what the database knows.
    """
    period = period_of(clock.now())
    last = Sample.objects.order_by("-at").values_list("at", flat=True).first()
    if last is not None and last >= period:
        return False
    window = _window(period, last)
    figures: Figures = {"seconds": (window.until - window.since).total_seconds()}
    for source in SOURCES:
        figures |= source(window)
    rounded = {name: round(value, 4) for name, value in figures.items()}
    Sample.objects.bulk_create([Sample(at=period, figures=rounded)], ignore_conflicts=True)
    return True


def forget_old_samples(limit: int) -> int:
    """Delete so many of those that are older than SAMPLES_KEPT_FOR_HOURS. Commits: yes."""
    age = timedelta(hours=settings.SAMPLES_KEPT_FOR_HOURS)
    old = Sample.objects.filter(at__lt=clock.now() - age).order_by("at")
    deleted, _ = Sample.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()
    return deleted


def period_of(at: datetime) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // PERIOD_SECONDS * PERIOD_SECONDS, UTC)


def _window(period: datetime, last: datetime | None) -> Window:
    """From where the last sample ended, so that what ended is counted once."""
    since = period - timedelta(seconds=PERIOD_SECONDS) if last is None or period - last > LONGEST else last
    return Window(since - LATE, period - LATE)


def _waiting(_: Window) -> Figures:
    rows = _fetch(
        """
        SELECT gateway, priority, state, count(*) FROM payments_payment
        WHERE state = ANY(%(waiting)s) GROUP BY gateway, priority, state
        """,
        waiting=list(WAITING_STATES),
    )
    found: Figures = {}
    for gateway, priority, state, count in rows:
        name = f"queued:{gateway}:{priority}" if state == PaymentState.QUEUED else f"asked:{gateway}"
        found[name] = found.get(name, 0) + count
    return found


def _ended(window: Window) -> Figures:
    rows = _fetch(
        """
        SELECT gateway, state, count(*) FROM payments_payment
        WHERE finished_at >= %(since)s AND finished_at < %(until)s AND state = ANY(%(final)s) GROUP BY gateway, state
        """,
        since=window.since,
        until=window.until,
        final=list(FINAL_STATES),
    )
    return {f"ended:{gateway}:{state}": count for gateway, state, count in rows}


def _times(window: Window) -> Figures:
    """The wait of what was sent, and the length of the calls that were answered."""
    rows = _fetch(
        """
        WITH times AS (
            SELECT gateway,
                   CASE WHEN requested_at >= %(since)s THEN extract(epoch FROM requested_at - queued_at) END AS wait,
                   CASE WHEN pending_at >= %(since)s AND pending_at < %(until)s
                        THEN extract(epoch FROM pending_at - asked_at) END AS processing
            FROM payments_payment WHERE requested_at >= %(asked_since)s AND requested_at < %(until)s
        )
        SELECT gateway, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY wait),
               percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY processing)
        FROM times WHERE wait IS NOT NULL OR processing IS NOT NULL GROUP BY GROUPING SETS ((), (gateway))
        """,
        since=window.since,
        until=window.until,
        asked_since=window.since - LONGEST_CALL,
    )
    found: Figures = {}
    for gateway, waits, calls in rows:
        if gateway is None and waits is not None:
            found |= {"wait:p50": waits[0], "wait:p95": waits[1]}
        if calls is not None:
            name = f"processing:{gateway}" if gateway else "processing"
            found |= {f"{name}:p50": calls[0], f"{name}:p95": calls[1]}
    return {name: max(0.0, value) for name, value in found.items()}


def _orders(_: Window) -> Figures:
    """Modes and limits that hold."""
    found = {f"mode:{name}": MODES[in_force.mode_of(name)] for name in (*settings.GATEWAYS, WALLET)}
    limits: Figures = {f"limit:{name}": in_force.limits_of(name).most for name in settings.GATEWAYS}
    return {name: mode for name, mode in found.items() if mode} | limits


def _throttle(_: Window) -> Figures:
    """What Redis knows. Nothing when it is away."""
    try:
        figures, memory, messages = read_figures(), store().info("memory"), queue_lengths()
    except RedisError:
        return {}
    if messages is None:
        return {}
    found = {
        **{f"circuit:{gateway}:{who}".rstrip(":"): CIRCUITS[at] for (gateway, who), at in figures.circuits.items()},
        **{f"in_flight:{gateway}:{side}": float(count) for (gateway, side), count in figures.in_flight.items()},
        **{f"line:{gateway}": seconds for gateway, seconds in figures.line_seconds.items()},
        **{f"messages:{queue}": float(count) for queue, count in messages.items()},
        "memory:used": float(memory["used_memory"]),
        "memory:max": float(memory.get("maxmemory", 0)),
        "redis": 1.0,
    }
    return {name: value for name, value in found.items() if value}


def _connections(_: Window) -> Figures:
    now = read_connections()
    return {"connections:used": now.used, "connections:max": now.most}


SOURCES: tuple[Callable[[Window], Figures], ...] = (_waiting, _ended, _times, _orders, _throttle, _connections)


def _fetch(query: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
