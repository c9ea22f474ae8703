"""The control loop: every two seconds it looks at the queue and the gateways, and writes down what shall hold.

What it writes is in force everywhere within a second (payments/in_force.py), until it looks again or has not looked for
30 seconds. It may run twice, at once, or die anywhere: the row says when it last looked.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from redis import RedisError

from choptym.lib import clock
from payments import in_force
from payments.models import ALL, Payment, QueueControl, Steering
from payments.profiles import FLASH_SALE
from payments.states import PaymentState
from payments.steering import decide
from payments.steering.decide import Range, Sale, Seen, Verdict
from payments.steering.locks import lock_steering
from payments.throttle.heard import look_at

log = structlog.get_logger(__name__)

# A second look before this is none: two beats, or a message that comes twice, must not go up two steps at once.
LEAST_BETWEEN = timedelta(seconds=1.5)
# Longer queues are all the same to the loop.
MOST_COUNTED = 2000


@dataclass(frozen=True, slots=True)
class Decision:
    """What is written into the row."""

    flash_sale_since: datetime | None
    long_since: datetime | None
    short_since: datetime | None
    profile: str
    max_concurrent: int | None
    batch_size: int | None
    gateway_caps: dict[str, int]
    good_latencies: dict[str, float]


def steer() -> bool:
    """Look, and decide. False: nothing was decided, because profiles are off, it is too soon, or Redis is away.

    Commits: the decision.
    Locks:   the row of Steering.
    """
    if not settings.PAYMENT_PROFILES or (seen := _look()) is None:
        return False
    with transaction.atomic(durable=True):
        steering, now = lock_steering(), clock.now()
        if steering.decided_at is not None and abs(now - steering.decided_at) < LEAST_BETWEEN:
            return False
        controls = {control.gateway: control for control in QueueControl.objects.all()}
        verdicts = {name: decide.judge(look, steering.good_latencies.get(name)) for name, look in seen.gateways.items()}
        decision = _decide(steering, controls, seen, verdicts, now)
        Steering.objects.filter(pk=steering.pk).update(**asdict(decision), decided_at=now)
    _tell(steering, decision, seen, verdicts, now)
    return True


def _look() -> Seen | None:
    """None without Redis: nothing is known of the gateways, and nobody is let through anyway."""
    try:
        gateways = {name: look_at(name, seconds=decide.WINDOW_SECONDS) for name in settings.GATEWAYS}
    except RedisError as error:
        log.warning("the control loop cannot look", error=str(error))
        return None
    return Seen(Payment.objects.filter(state=PaymentState.QUEUED)[:MOST_COUNTED].count(), gateways)


def _decide(
    steering: Steering,
    controls: Mapping[str, QueueControl],
    seen: Seen,
    verdicts: Mapping[str, Verdict],
    now: datetime,
) -> Decision:
    # What was decided long ago does not hold, and is not gone on from.
    last = in_force.decided(now, steering)
    sale = _sale(steering, last, seen, now)
    steered = Steering(pinned_profile=steering.pinned_profile, flash_sale_since=sale.since, decided_at=now)
    profile = in_force.profile_of(now, steered)
    everything = controls.get(ALL)
    calls = Range(
        profile.concurrent,
        profile.most_concurrent,
        decide.LEAST_CONCURRENT,
        is_pinned=bool(everything and everything.max_concurrent),
    )
    batch = Range(profile.batch, profile.most_batch, decide.LEAST_BATCH)
    return Decision(
        flash_sale_since=sale.since,
        long_since=sale.long_since,
        short_since=sale.short_since,
        profile=profile.name,
        max_concurrent=decide.next_for_all(last.max_concurrent, calls, seen.queue_length, verdicts),
        batch_size=decide.next_for_all(last.batch_size, batch, seen.queue_length, verdicts),
        gateway_caps=_caps(last, controls, verdicts),
        good_latencies=_good_latencies(steering, last, seen),
    )


def _sale(steering: Steering, last: Steering, seen: Seen, now: datetime) -> Sale:
    """A person who has pinned a profile decides about the flash sale too."""
    if steering.pinned_profile:
        return Sale(since=steering.flash_sale_since if steering.pinned_profile == FLASH_SALE.name else None)
    return decide.next_sale(Sale(last.flash_sale_since, last.long_since, last.short_since), seen.queue_length, now)


def _good_latencies(steering: Steering, last: Steering, seen: Seen) -> dict[str, float]:
    latencies = {}
    for name, look in seen.gateways.items():
        is_spared = decide.is_spared(last.gateway_caps.get(name), settings.GATEWAYS[name]["max_concurrent"])
        latency = decide.next_good_latency(steering.good_latencies.get(name), look, is_spared=is_spared)
        if latency is not None:
            latencies[name] = round(latency, 1)
    return latencies


def _caps(last: Steering, controls: Mapping[str, QueueControl], verdicts: Mapping[str, Verdict]) -> dict[str, int]:
    """Not of a gateway whose figure a person has pinned."""
    caps = {}
    for name, verdict in verdicts.items():
        control = controls.get(name)
        if control is not None and control.max_concurrent:
            continue
        most = settings.GATEWAYS[name]["max_concurrent"]
        if (cap := decide.next_cap(last.gateway_caps.get(name), most, verdict)) is not None:
            caps[name] = cap
    return caps


def _tell(was: Steering, now_is: Decision, seen: Seen, verdicts: Mapping[str, Verdict], now: datetime) -> None:
    """A line for every change: what, from, to, why. None: what the profile or the gateway's own limit says."""
    last = in_force.decided(now, was)
    queue = f"{seen.queue_length} payments wait"
    unwell = [f"{name}: {verdict.why}" for name, verdict in verdicts.items() if verdict.why]
    why = "; ".join(unwell) if decide.is_all_unwell(verdicts) else queue
    begun, begins = last.flash_sale_since is not None, now_is.flash_sale_since is not None
    changes = [
        ("flash sale", "", begun, begins, queue),
        (
            "profile",
            "",
            was.profile,
            now_is.profile,
            "flash sale" if begun != begins else was.pinned_profile or "clock",
        ),
        ("max_concurrent", "", last.max_concurrent, now_is.max_concurrent, why),
        ("batch_size", "", last.batch_size, now_is.batch_size, why),
    ]
    for name, verdict in verdicts.items():
        caps = (last.gateway_caps.get(name), now_is.gateway_caps.get(name))
        changes.append(("max_concurrent", name, *caps, verdict.why or "it is well"))
    for what, gateway, before, after, reason in changes:
        if before != after:
            log.warning("steered", what=what, gateway=gateway, was=before, to=after, why=reason)
