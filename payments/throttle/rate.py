"""Calls per second: what a gateway that says "too many" makes of the pace. The line itself: scripts/rate.lua."""

import structlog
from redis import RedisError

from payments.throttle.limits import limits_of
from payments.throttle.store import run

log = structlog.get_logger(__name__)

# A 429 that does not say how long: the lower pace is all that it asks for.
PAUSE_SECONDS = 0.05
# No gateway keeps everybody away for longer by one answer.
LONGEST_PAUSE_SECONDS = 60.0


def slow_down(gateway: str, retry_after_seconds: float | None, *, sent_seconds_ago: float = 0.0) -> None:
    """The gateway said "too many requests": nobody calls it for so long, and then at the pace that it takes."""
    seconds = min(retry_after_seconds or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    log.warning("the gateway asks us to slow down", gateway=gateway, seconds=seconds)
    try:
        run("slow", gateway, seconds * 1000, sent_seconds_ago * 1000, limits_of(gateway).per_second)
    except RedisError as error:
        log.warning("the others are not told to slow down", gateway=gateway, error=str(error))


def pace_of(gateway: str) -> float:
    """Calls per second as they are sent now: the limit's pace, or less while it says "too many". Raises RedisError."""
    return float(run("pace", gateway, limits_of(gateway).per_second)) / 1000
