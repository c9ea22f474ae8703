"""Tries and requests of everybody, counted in Redis for all processes together. Without Redis nothing is counted.

That is the side on which this fails: a payment must go on, and whoever follows one, and staff who steer the queue in an
outage. What guards the money are locks and rows, never these counts.
"""

import unicodedata
from http import HTTPStatus

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import salted_hmac
from django.utils.deprecation import MiddlewareMixin
from redis import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from choptym.lib import clock
from choptym.lib.addresses import counted_as
from choptym.lib.jobs import broker_rests, let_broker_rest, redis

log = structlog.get_logger(__name__)

_KEY = "choptym:tries:"
# One command in place of a transaction of two: every request sends it. The first try says when all are forgotten.
_COUNT = """
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
    return count
"""
_ONLY_READ = frozenset({"GET", "HEAD", "OPTIONS"})


class Tries:
    """At most so many tries within a period for each name. The rate is one of REST_FRAMEWORK's, such as "30/min"."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def seconds_to_wait(self, name: str) -> float:
        """Count a try. 0: go ahead; else how long until the next one is looked at."""
        rate = api_settings.DEFAULT_THROTTLE_RATES[self._scope]
        most, period = SimpleRateThrottle.parse_rate(None, rate)  # type: ignore[arg-type]
        if most is None or period is None:
            return 0
        slot, gone = divmod(clock.known().timestamp(), period)
        count = self._count(f"{_KEY}{self._scope}:{int(slot)}:{_code_of(name)}", int(period))
        return period - gone if count > most else 0

    def _count(self, key: str, period: int) -> int:
        """How many there were in this period; 0 when nobody counts."""
        if broker_rests():
            return 0
        try:
            return int(redis().eval(_COUNT, 1, key, period + 1))
        except (RedisError, OSError) as error:
            let_broker_rest()
            log.warning("tries are not counted", scope=self._scope, error=str(error))
            return 0


_READS, _WRITES, _STRANGERS = Tries("read"), Tries("write"), Tries("stranger")


class AddressThrottle(BaseThrottle):
    """Counts whoever has not logged in by where they come from: an address that is easily changed is no other one."""

    def get_ident(self, request: Request) -> str:
        return counted_as(super().get_ident(request))


class RequestThrottle(AddressThrottle):
    """Every request to the API: by customer once they have logged in, else by address. No question to the database.

    Gateways are no customers: their webhooks go through no view of the API, and are not counted.
    """

    _wait_seconds = 0.0

    def allow_request(self, request: Request, view: object) -> bool:
        if request.user is None or request.user.pk is None:
            self._wait_seconds = _STRANGERS.seconds_to_wait(self.get_ident(request))
        else:
            tries = _READS if request.method in _ONLY_READ else _WRITES
            self._wait_seconds = tries.seconds_to_wait(str(request.user.pk))
        return self._wait_seconds == 0

    def wait(self) -> float:
        return self._wait_seconds


def count_read(user_id: int) -> None:
    """What RequestThrottle does, for a door that is no view of the API.

    Raises:  Throttled.
    """
    if wait_seconds := _READS.seconds_to_wait(str(user_id)):
        raise Throttled(wait_seconds)


class WaitPage(MiddlewareMixin):
    """Who has to wait at a page of staff, which is no view of the API, is told so on a page."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Throttled):
            return None
        page = render(request, "admin/too_many_tries.html", status=HTTPStatus.TOO_MANY_REQUESTS)
        page.headers["Retry-After"] = str(exception.wait)  # type: ignore[attr-defined]
        add_never_cache_headers(page)
        return page


def _code_of(name: str) -> str:
    """What stands for a name in Redis: people type their phone number or e-mail address where a name is asked for."""
    return salted_hmac(_KEY, same(name)).hexdigest()[:24]


def same(name: str) -> str:
    """One spelling for all that log in alike: without spaces around, in one case and one form of Unicode."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[:150]
