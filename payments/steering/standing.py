"""How the queue stands: per gateway what waits, what is in flight, and what holds it back."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone
from redis import RedisError

from choptym.lib import clock
from payments import in_force
from payments.models import ALL, WALLET, Payment, Priority, QueueMode
from payments.states import WAITING_STATES, PaymentState
from payments.steering.write import names
from payments.throttle.figures import CLOSED, Figures, read_figures


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one gateway, or of the wallet. None: the wallet has no such thing, or Redis is away.

    waiting       payments whose turn has not come, per priority
    under_way     payments that the gateway has, or may have
    in_flight     calls at this moment
    line_seconds  how far ahead the rate is booked
    circuits      those that are not closed: by operator, "" for the gateway as a whole
    reasons       why it does not run
    """

    gateway: str
    mode: QueueMode
    until: datetime | None
    reasons: list[str]
    waiting: dict[int, int]
    under_way: int
    in_flight: int | None = None
    max_concurrent: int | None = None
    rate_per_second: float | None = None
    line_seconds: float | None = None
    circuits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    at: datetime
    mode: QueueMode  # as ordered for all
    profile: str
    max_concurrent: int
    gateways: list[Standing]
    has_redis: bool = True

    @property
    def waiting(self) -> int:
        return sum(sum(one.waiting.values()) for one in self.gateways)

    @property
    def in_flight(self) -> int:
        return sum(one.in_flight or 0 for one in self.gateways)


def read_queue() -> Queue:
    """Two reads of partial indexes, and one of Redis. Without Redis its figures are missing."""
    figures: Figures | None = None
    with suppress(RedisError):
        figures = read_figures()
    counts, now = _counts(), in_force.current()
    return Queue(
        at=timezone.localtime(clock.now()),
        mode=in_force.mode_of(ALL),
        profile=now.profile + (", pinned" if in_force.pinned_profile() else ""),
        max_concurrent=now.max_concurrent,
        gateways=[_standing(name, counts, figures) for name in names()],
        has_redis=figures is not None,
    )


def as_json(queue: Queue) -> dict[str, Any]:
    """What --json prints."""
    rows = {
        one.gateway: {name: value for name, value in asdict(one).items() if name != "gateway"} for one in queue.gateways
    }
    return {**asdict(queue), "waiting": queue.waiting, "in_flight": queue.in_flight, "gateways": rows}


def _counts() -> dict[tuple[str, int, str], int]:
    waiting = Payment.objects.filter(state__in=WAITING_STATES).order_by()
    rows = waiting.values_list("gateway", "priority", "state").annotate(Count("pk"))
    return {(gateway, priority, state): count for gateway, priority, state, count in rows}


def _standing(name: str, counts: dict[tuple[str, int, str], int], figures: Figures | None) -> Standing:
    queued = PaymentState.QUEUED
    until = in_force.held_until(name)
    standing = Standing(
        gateway=name,
        mode=in_force.mode_of(name),
        until=timezone.localtime(until) if until else None,
        reasons=[control.reason for control in in_force.held_by(name)],
        waiting={int(level): counts.get((name, level, queued), 0) for level in sorted(Priority, reverse=True)},
        under_way=sum(count for (gateway, _, state), count in counts.items() if gateway == name and state != queued),
    )
    return standing if name == WALLET else _with_figures(standing, figures)


def _with_figures(standing: Standing, figures: Figures | None) -> Standing:
    name = standing.gateway
    limits = in_force.limits_of(name)
    limited = replace(standing, max_concurrent=limits.most, rate_per_second=limits.per_second)
    if figures is None:
        return limited
    circuits = {who: state for (gateway, who), state in figures.circuits.items() if gateway == name}
    return replace(
        limited,
        in_flight=sum(number for (gateway, _), number in figures.in_flight.items() if gateway == name),
        line_seconds=figures.line_seconds.get(name, 0.0),
        circuits={who: state for who, state in circuits.items() if state != CLOSED},
    )
