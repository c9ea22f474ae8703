"""Calls per second: the pause that a gateway asks for. The line itself is kept by scripts/rate.lua."""

import structlog
from redis import RedisError

from payments.throttle.store import run

log = structlog.get_logger(__name__)

# A 429 that does not say how long.
PAUSE_SECONDS = 1.0
# No gateway keeps everybody away for longer by one answer.
LONGEST_PAUSE_SECONDS = 60.0


def slow_down(gateway: str, retry_after_seconds: float | None) -> None:
    """The gateway said "too many requests": nobody calls it for so long, and for a minute more slowly."""
    seconds = min(retry_after_seconds or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    log.warning("the gateway asks us to slow down", gateway=gateway, seconds=seconds)
    try:
        run("slow", gateway, seconds * 1000)
    except RedisError as error:
        log.warning("the others are not told to slow down", gateway=gateway, error=str(error))
