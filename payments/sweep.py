"""Finding what was forgotten: rows whose message was lost, or whose worker died.

Every sweep is a look at a partial index of waiting rows, so it costs the same with a million payments behind it.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import ceil

from django.conf import settings
from redis import RedisError

from choptym.lib import clock
from choptym.lib.jobs import queue_lengths
from payments.in_force import limits_of, may_send
from payments.locks import claim_unpublished
from payments.models import WALLET, Priority
from payments.throttle.figures import Room, read_rooms

SWEEP_BATCH = 500
# A crowd that waits for one gateway stays in its rows: of each priority so many of its seconds are told of at a time,
# the oldest first. More would only be turned away, and be in the way of others.
SECONDS_AHEAD = 2
# Nor many more than were let through lately and find a slot now: a gateway that answers nothing is given a few to try.
GROWTH = 2
LEAST_TOLD = 2
# A queue that is empty while rows wait for it has lost their messages. One that is not empty is being worked on:
# its rows are told of again only after a while, or a rush would fill Redis with repetitions.
LOST_AFTER = timedelta(seconds=1)
LOST_IN_A_FULL_QUEUE_AFTER = timedelta(seconds=60)


def forgotten_charges() -> Iterator[tuple[int, str, str]]:
    """(payment, gateway, queue) of due payments that no message speaks of, most urgent first; each marked as told.

    Who has waited long is told of on the highest queue, also when a message lies in a lower one: nobody may come to it.
    """
    lengths = queue_lengths()
    if lengths is None:
        return
    limits = _limits()
    queues = settings.QUEUE_OF_PRIORITY
    highest = queues[Priority.HIGH]
    for ageing in (Priority.MEDIUM, Priority.NORMAL):
        yield from _told(ageing, highest, lengths, limits, waited_seconds=settings.PAYMENT_WAITED_LONG_SECONDS)
    for priority, queue in queues.items():
        yield from _told(priority, queue, lengths, limits)


def _told(
    priority: int, queue: str, lengths: Mapping[str, int], limits: Mapping[str, int], *, waited_seconds: float = 0
) -> Iterator[tuple[int, str, str]]:
    grace = LOST_IN_A_FULL_QUEUE_AFTER if lengths[queue] else LOST_AFTER
    claimed = claim_unpublished(
        priority=priority, told_before=clock.now() - grace, limits=limits, waited_seconds=waited_seconds
    )
    for payment_id, gateway in sorted(claimed):
        yield payment_id, gateway, queue


def _limits() -> dict[str, int]:
    """How many payments of each gateway, and of the wallet, may be told of at a time; of all others by the name ""."""
    try:
        rooms = read_rooms()
    except RedisError:
        rooms = {}
    paced = {name: _limit(name, rooms.get(name)) for name in settings.GATEWAYS}
    # None of those that are held back by order: they stay due, and are told of as soon as they may go on.
    return {
        name: most if may_send(name) else 0 for name, most in {**paced, WALLET: SWEEP_BATCH, "": SWEEP_BATCH}.items()
    }


def _limit(gateway: str, room: Room | None) -> int:
    limits = limits_of(gateway)
    ahead = min(SWEEP_BATCH, ceil(SECONDS_AHEAD * limits.per_second))
    if room is None:
        return ahead
    free = max(0, min(limits.most, limits.most_of_all) - room.in_flight)
    return min(ahead, free + LEAST_TOLD + ceil(GROWTH * SECONDS_AHEAD * room.per_second))
