"""Counting tries in Redis, so that all processes count together."""

import unicodedata

import structlog
from redis import RedisError
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from choptym.lib import clock
from choptym.lib.jobs import redis

log = structlog.get_logger(__name__)

_KEY = "choptym:tries:"


class Tries:
    """At most so many tries within a period for each name. The rate is one of REST_FRAMEWORK's, such as "30/min"."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def seconds_to_wait(self, name: str) -> float:
        """Count a try. 0: go ahead; else how long until the next one is looked at.

        Without Redis nothing is counted: customers must be able to log in.
        """
        rate = api_settings.DEFAULT_THROTTLE_RATES[self._scope]
        most, period = SimpleRateThrottle.parse_rate(None, rate)  # type: ignore[arg-type]
        if most is None or period is None:
            return 0
        slot, gone = divmod(clock.known().timestamp(), period)
        key = f"{_KEY}{self._scope}:{int(slot)}:{same(name)}"
        try:
            with redis().pipeline() as pipe:
                pipe.incr(key)
                pipe.expire(key, int(period) + 1)
                count = int(pipe.execute()[0])
        except RedisError as error:
            log.warning("tries are not counted", scope=self._scope, error=str(error))
            return 0
        return period - gone if count > most else 0


def same(name: str) -> str:
    """One spelling for all that log in alike: without spaces around, in one case and one form of Unicode."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[:150]
