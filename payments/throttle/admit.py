"""A charge asks to be let through, before it claims its payment."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

import structlog
from django.conf import settings
from redis import RedisError

from choptym.lib.outbound import give_back_connections
from payments.throttle.breaker import Health, circuit_limits, health_of, tell_change
from payments.throttle.heard import Heard, as_arguments
from payments.throttle.lead import to_claim
from payments.throttle.limits import limits_of
from payments.throttle.slots import lease_milliseconds
from payments.throttle.store import run, text, texts

log = structlog.get_logger(__name__)

WITHOUT_REDIS_SECONDS = 3.0
# What is done between admission and request, such as the claim, takes no longer; the gate waits for the rest.
CLAIM_SECONDS = 0.1
# Those who were turned away together do not come back together.
JITTER_SHARE = 0.2
_JITTER_SECONDS = 0.5


@dataclass(slots=True)
class Admission:
    """Let through: a slot is held and one request may leave now. To be given back with release()."""

    gateway: str
    operator: str
    holder: str
    lease_ends: str  # as the script wrote it
    ready_at: float  # of time.monotonic()
    late_seconds: float = 0.0  # so much later the request may still leave
    is_unspent: bool = True
    is_held: bool = True
    heard: list[Heard] = field(default_factory=list)  # what its requests were answered


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not now. `reason`: circuit, gateway_slots, slots, turn, rate or redis; "held": somebody charges it already."""

    seconds: float
    reason: str


class Rank(StrEnum):
    """Who goes first where not all can go (docs/adr/0027): high ones and those who have waited long, half and half."""

    HIGH = "high"
    AGED = "aged"
    OTHER = "other"


_current: ContextVar[Admission | None] = ContextVar("admission", default=None)


def admit(gateway: str, operator: str, holder: str, rank: Rank = Rank.OTHER) -> Admission | Postponed:
    """Take a slot, a place in the line and, if the circuit is on trial, the probe; or say when to come back.

    `holder` names what is to be charged: the same one is let through once at a time. Waits until its place in the line
    is near, never longer than a line is (1.5 s). Without Redis nothing is let through.
    """
    asked_at = time.monotonic()
    if gateway not in settings.GATEWAYS:  # switched off: no request can leave, and whoever tries hears so
        return Admission(gateway, operator, holder, "0", asked_at)
    try:
        who = (gateway, operator, holder, rank)
        answer, wait_ms, lease_ends, late_ms = run("admit", *who, *_limits(gateway), *settings.GATEWAYS)
    except RedisError as error:
        log.warning("nothing is charged without Redis", gateway=gateway, error=str(error))
        return Postponed(_with_jitter(WITHOUT_REDIS_SECONDS), "redis")
    if text(answer) != "go":
        return Postponed(_with_jitter(wait_ms / 1000), text(answer))
    ready_at, late_seconds = asked_at + wait_ms / 1000, late_ms / 1000
    admission = Admission(gateway, operator, holder, text(lease_ends), ready_at, late_seconds)
    wait_until(admission.ready_at - CLAIM_SECONDS)
    return admission


def _limits(gateway: str) -> tuple[float, ...]:
    """As the script takes them: lease, rate, most at this gateway, most of all, time for a probe, lead."""
    now, lease = limits_of(gateway), lease_milliseconds()
    return lease, now.per_second, now.most, now.most_of_all, lease, to_claim[gateway].seconds * 1000


def release(admission: Admission, health: Health = Health.NONE) -> None:
    """Give the slot back, once, and tell how it went. Without Redis the slot ends with its lease."""
    if not admission.is_held:
        return
    admission.is_held = False
    try:
        changes = run(
            "release",
            *(admission.gateway, admission.operator, admission.holder, admission.lease_ends, health),
            *circuit_limits(),
            *as_arguments(admission.heard),
        )
    except RedisError as error:
        log.warning("a slot is not given back", gateway=admission.gateway, error=str(error))
        return
    for operator, change in zip(("", admission.operator), texts(changes), strict=True):
        tell_change(admission.gateway, operator, change)


@contextmanager
def holding(admission: Admission) -> Iterator[None]:
    """Give it back at the end, whatever happens within."""
    try:
        yield
    finally:
        release(admission)


@contextmanager
def asking(admission: Admission) -> Iterator[None]:
    """The requests that leave within are those of the admission. After them it is given back, with what was learnt."""
    token = _current.set(admission)
    error: Exception | None = None
    try:
        yield
    except Exception as raised:
        error = raised
        raise
    finally:
        _current.reset(token)
        # A charge that sent nothing has learnt nothing.
        release(admission, Health.NONE if admission.is_unspent else health_of(error))


def current_admission(gateway: str) -> Admission | None:
    admission = _current.get()
    return admission if admission is not None and admission.gateway == gateway else None


def wait_until(moment: float) -> None:
    """Sleep until this moment of time.monotonic(), without a database connection."""
    seconds = moment - time.monotonic()
    if seconds > 0:
        give_back_connections()
        time.sleep(seconds)


def _with_jitter(seconds: float) -> float:
    return seconds * (1 + random.uniform(0, JITTER_SHARE)) + random.uniform(0, _JITTER_SECONDS)  # noqa: S311
