"""Calls in flight: so many for all payments together, so many at each gateway.

A slot is a lease. Whoever takes it gives it back; if the holder dies, it ends by itself, after the longest time that
a call may take.
"""

from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from redis import RedisError

from payments.throttle.heard import Heard, as_arguments
from payments.throttle.store import run


def lease_milliseconds() -> int:
    """It outlives the call: the total deadline of every gateway is shorter (see choptym/settings/gateways.py)."""
    return int(settings.PAYMENT_LEASE_SECONDS * 1000)


def give_back_question(gateway: str, holder: str, answers: Sequence[Heard]) -> None:
    """A question has its answer. Without Redis its slot ends with the lease."""
    with suppress(RedisError):
        run("give_back", gateway, "question", holder, *as_arguments(answers))
