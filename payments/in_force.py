"""What holds now: modes and limits, from settings, people and the control loop. In force everywhere within 2 seconds.

A person's word goes before the settings, and the settings before the loop. Every process reads the two tables once a
second. When the database is away, what was last read holds.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone
from psycopg_pool import PoolTimeout

from choptym.lib.snapshot import Snapshot
from payments.models import WALLET
from payments.models.steering import ALL, QueueControl, QueueMode, Steering
from payments.throttle.limits import Limits

# From the most permissive to the strictest: of two orders the stricter one holds.
_STRICTNESS = (QueueMode.RUN, QueueMode.DRAIN, QueueMode.STOP)
# What is older than this, by the reading itself, is used by nobody: an order is in force everywhere within 2 seconds.
_OLDEST_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Orders:
    """The rows as they were read. Empty: nobody has said anything, so the settings hold."""

    controls: dict[str, QueueControl] = field(default_factory=dict)
    steering: Steering = field(default_factory=Steering)


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for all gateways together. `queue_alert` is a length, `cleanup_seconds` a period."""

    max_concurrent: int
    batch_size: int
    attempts: int
    queue_alert: int
    cleanup_seconds: float


def read_orders() -> Orders:
    is_borrowed = connection.connection is None and not connection.in_atomic_block
    try:
        controls = {control.gateway: control for control in QueueControl.objects.all()}
        steering = Steering.objects.filter(pk=1).first()
    finally:
        if is_borrowed:  # by a thread that waits for the network, perhaps: others need the connection
            connection.close()
    return Orders(controls, steering or Steering())


orders = Snapshot(read_orders, oldest_seconds=_OLDEST_SECONDS, survives=(DatabaseError, PoolTimeout))


def current() -> InForce:
    """Raises DatabaseError or PoolTimeout when this process has never been able to read."""
    everything = orders.get().controls.get(ALL)
    pinned = everything.max_concurrent if everything else None
    return InForce(
        max_concurrent=pinned or settings.MAX_CONCURRENT_PAYMENTS,
        batch_size=settings.PAYMENT_BATCH_SIZE,
        attempts=settings.PAYMENT_RETRY_ATTEMPTS,
        queue_alert=settings.PAYMENT_QUEUE_ALERT_THRESHOLD,
        cleanup_seconds=settings.PAYMENT_QUEUE_CLEANUP_INTERVAL_MS / 1000,
    )


def limits_of(gateway: str) -> Limits:
    """What the throttle asks for."""
    entry = settings.GATEWAYS[gateway]
    control = orders.get().controls.get(gateway)
    return Limits(
        per_second=(control and control.rate_per_second) or entry["rate_per_second"],
        most=(control and control.max_concurrent) or entry["max_concurrent"],
        most_of_all=current().max_concurrent,
        may_charge=may_send(gateway),
        may_ask=may_ask(gateway),
    )


def mode_of(gateway: str) -> QueueMode:
    """The stricter of what was ordered for this gateway (or the wallet) and for all."""
    return max((QueueMode(control.mode) for control in held_by(gateway)), key=_STRICTNESS.index, default=QueueMode.RUN)


def may_send(gateway: str) -> bool:
    """Whether anything new may go there now: a charge, a refund, a payment from the wallet."""
    return mode_of(gateway) is QueueMode.RUN


def may_ask(gateway: str) -> bool:
    """Whether the gateway may be asked about what it has."""
    return mode_of(gateway) is not QueueMode.STOP


def held_by(gateway: str) -> list[QueueControl]:
    """The orders that keep this gateway (or the wallet) from running now: one of its own, one for all, or both."""
    now = timezone.now()
    found = [control for name, control in orders.get().controls.items() if name in {gateway, ALL}]
    return [one for one in found if one.mode != QueueMode.RUN and (one.until is None or one.until > now)]


def held_until(gateway: str) -> datetime | None:
    """When it runs again by itself; None when it runs now, or nobody has said when it will."""
    ends = [control.until for control in held_by(gateway)]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def modes() -> dict[str, QueueMode]:
    """The mode of every gateway that is switched on, and of the wallet."""
    return {name: mode_of(name) for name in (*settings.GATEWAYS, WALLET)}
