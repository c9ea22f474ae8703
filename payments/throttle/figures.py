"""What the throttle has done, and where it stands: read from Redis, so the same from every process."""

from contextlib import suppress
from dataclasses import dataclass, field
from math import exp

from django.conf import settings
from redis import RedisError

from payments.throttle.store import PREFIX, store

# Those that have a circuit of their own at each gateway.
OPERATORS = ("mtn", "orange")
CLOSED, HALF_OPEN, OPEN = "closed", "half_open", "open"
# Over how long rate.lua measures what is let through.
PACE_OVER_MS = 5000
_COUNTS = f"{PREFIX}counts"


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts since Redis began; the rest is now. A circuit's operator is "" for the gateway as a whole."""

    counts: dict[tuple[str, ...], int] = field(default_factory=dict)  # (what, gateway, …)
    circuits: dict[tuple[str, str], str] = field(default_factory=dict)
    in_flight: dict[tuple[str, str], int] = field(default_factory=dict)  # (gateway, side)
    line_seconds: dict[str, float] = field(default_factory=dict)


def count_failover(gateway: str, to: str) -> None:
    """A payment was moved. Without Redis it is not counted; the row tells of it all the same."""
    with suppress(RedisError):
        store().hincrby(_COUNTS, f"failover:{gateway}:{to}", 1)


def read_figures() -> Figures:
    """Raises RedisError."""
    seconds, micros = store().time()
    now = seconds * 1000 + micros / 1000
    with store().pipeline(transaction=False) as pipe:
        pipe.hgetall(_COUNTS)
        for gateway, operator in _circuit_names():
            pipe.hmget(_circuit_key(gateway, operator), "open_until", "probe_until")
        for gateway, side in _sides():
            pipe.zcount(f"{PREFIX}slots:{gateway}:{side}", f"({now}", "+inf")
        for gateway in settings.GATEWAYS:
            pipe.hget(f"{PREFIX}rate:{gateway}", "free_at")
        answers = iter(pipe.execute())
    return Figures(
        counts={tuple(name.decode().split(":")): int(count) for name, count in next(answers).items()},
        circuits={name: _state(next(answers), now) for name in _circuit_names()},
        in_flight={name: next(answers) for name in _sides()},
        line_seconds={gateway: max(0.0, float(next(answers) or 0) - now) / 1000 for gateway in settings.GATEWAYS},
    )


@dataclass(frozen=True, slots=True)
class Room:
    """At one gateway: charges in flight, and how many were let through a second over the last few seconds."""

    in_flight: int
    per_second: float


def read_rooms() -> dict[str, Room]:
    """Of each gateway. Raises RedisError."""
    seconds, micros = store().time()
    now = seconds * 1000 + micros / 1000
    with store().pipeline(transaction=False) as pipe:
        for gateway in settings.GATEWAYS:
            pipe.zcount(f"{PREFIX}slots:{gateway}:charge", f"({now}", "+inf")
            pipe.hmget(f"{PREFIX}rate:{gateway}", "pace", "paced_at")
        answers = iter(pipe.execute())
    return {gateway: Room(next(answers), _pace(next(answers), now)) for gateway in settings.GATEWAYS}


def _pace(kept: list[bytes | None], now: float) -> float:
    """As rate.lua keeps it: it fades by itself."""
    pace, paced_at = (float(value or 0) for value in kept)
    return pace * exp(min(0.0, paced_at - now) / PACE_OVER_MS)


def _circuit_names() -> list[tuple[str, str]]:
    return [(gateway, operator) for gateway in settings.GATEWAYS for operator in ("", *OPERATORS)]


def _circuit_key(gateway: str, operator: str) -> str:
    return f"{PREFIX}circuit:{gateway}" + (f":{operator}" if operator else "")


def _sides() -> list[tuple[str, str]]:
    return [(gateway, side) for gateway in settings.GATEWAYS for side in ("charge", "question")]


def _state(times: list[bytes | None], now: float) -> str:
    open_until = times[0]
    if open_until is None:
        return CLOSED
    return OPEN if now < float(open_until) else HALF_OPEN
