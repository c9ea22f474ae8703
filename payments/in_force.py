"""What holds now: modes and limits, from settings, people and the control loop. In force everywhere within 2 seconds.

A person's word goes before a variable that is set, and that before the profile; within them the control loop goes up
and down. Every process reads the two tables once a second. When the database is away, what was last read holds: but a
decision of the loop holds for no longer than 30 seconds, wherever it was left off.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from psycopg_pool import PoolTimeout

from choptym.lib import clock
from choptym.lib.snapshot import Snapshot
from payments import profiles
from payments.models import WALLET
from payments.models.steering import ALL, QueueControl, QueueMode, Steering
from payments.profiles import Profile
from payments.throttle.limits import Limits

# A loop that has not looked for so long is dead, and what it said does not hold any more.
DECISION_HOLDS = timedelta(seconds=30)
# From the most permissive to the strictest: of two orders the stricter one holds.
_STRICTNESS = (QueueMode.RUN, QueueMode.DRAIN, QueueMode.STOP)
# What is older than this, by the reading itself, is used by nobody: an order is in force everywhere within 2 seconds.
_OLDEST_SECONDS = 1.5


# Each variable with its setting, the figures of a profile that it stands for, and how many of its units make theirs.
_FIGURES: Mapping[str, tuple[str, tuple[str, ...], int]] = {
    "MAX_CONCURRENT_PAYMENTS": ("MAX_CONCURRENT_PAYMENTS", ("concurrent", "most_concurrent"), 1),
    "PAYMENT_BATCH_SIZE": ("PAYMENT_BATCH_SIZE", ("batch", "most_batch"), 1),
    "PAYMENT_RETRY_ATTEMPTS": ("PAYMENT_RETRY_ATTEMPTS", ("attempts",), 1),
    "PAYMENT_QUEUE_ALERT_THRESHOLD": ("PAYMENT_QUEUE_ALERT_THRESHOLD", ("queue_alert",), 1),
    "PAYMENT_QUEUE_CLEANUP_INTERVAL": ("PAYMENT_QUEUE_CLEANUP_INTERVAL_MS", ("cleanup_minutes",), 60_000),
}


@dataclass(frozen=True, slots=True)
class Orders:
    """The rows as they were read. Empty: nobody has said anything, so the settings hold."""

    controls: dict[str, QueueControl] = field(default_factory=dict)
    steering: Steering = field(default_factory=Steering)


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for all gateways together. `queue_alert` is a length, `cleanup_seconds` a period."""

    profile: str

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
        clock.now()  # read with them, for what is decided about orders in threads that may not ask
    finally:
        if is_borrowed:  # by a thread that waits for the network, perhaps: others need the connection
            connection.close()
    return Orders(controls, steering or Steering())


orders = Snapshot(read_orders, oldest_seconds=_OLDEST_SECONDS, survives=(DatabaseError, PoolTimeout))


def current() -> InForce:
    """Raises DatabaseError or PoolTimeout when this process has never been able to read."""
    return at(clock.known(), orders.get())


def at(moment: datetime, said: Orders) -> InForce:
    """What these orders make of this moment."""
    profile, loop = profile_of(moment, said.steering), decided(moment, said.steering)
    everything = said.controls.get(ALL)
    pinned = everything.max_concurrent if everything else None
    return InForce(
        profile=profile.name,
        max_concurrent=pinned or min(loop.max_concurrent or profile.concurrent, profile.most_concurrent),
        batch_size=min(loop.batch_size or profile.batch, profile.most_batch),
        attempts=profile.attempts,
        queue_alert=profile.queue_alert,
        cleanup_seconds=profile.cleanup_minutes * 60,
    )


def profile_of(moment: datetime, steering: Steering) -> Profile:
    """The pinned one, the flash sale, or that of the clock; with the figures that somebody has set in place of its own.

    With profiles switched off: all figures as they are set.
    """
    if not settings.PAYMENT_PROFILES:
        return _as_set(profiles.DEFAULT, _FIGURES)
    if steering.pinned_profile:
        profile = profiles.named(steering.pinned_profile, moment)
    elif decided(moment, steering).flash_sale_since:
        profile = profiles.FLASH_SALE
    else:
        profile = profiles.profile_at(moment)
    return _as_set(profile, settings.PAYMENT_FIGURES_GIVEN)


def pinned_profile() -> str:
    """What a person has chosen; empty: clock and load choose."""
    return orders.get().steering.pinned_profile


def _as_set(profile: Profile, variables: Collection[str]) -> Profile:
    figures: dict[str, float] = {}
    for variable in variables:
        setting, names, unit = _FIGURES[variable]
        value = getattr(settings, setting)
        figures |= dict.fromkeys(names, value if unit == 1 else value / unit)
    return replace(profile, **figures)  # type: ignore[arg-type]


def decided(moment: datetime, steering: Steering) -> Steering:
    """What the loop has said; nothing, if it said so long ago, or if profiles are switched off."""
    is_fresh = steering.decided_at is not None and steering.decided_at > moment - DECISION_HOLDS
    return steering if is_fresh and settings.PAYMENT_PROFILES else Steering()


def limits_of(gateway: str) -> Limits:
    """What the throttle asks for."""
    entry = settings.GATEWAYS[gateway]
    said = orders.get()
    control = said.controls.get(gateway)
    cap = decided(clock.known(), said.steering).gateway_caps.get(gateway, entry["max_concurrent"])
    return Limits(
        per_second=(control and control.rate_per_second) or entry["rate_per_second"],
        most=(control and control.max_concurrent) or min(cap, entry["max_concurrent"]),
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
    now = clock.known()
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
