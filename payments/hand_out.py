"""Handing payments out: each that is due is taken from its row and given a thread, which waits for its gateway.

A crowd that waits for one gateway stays in its rows. Of each gateway only so many are in hand as it takes soon; the
others would only be turned away, and be in the way of those who pay elsewhere (INV-9). Whoever hands out looks again
while anything is in hand, and a payment that was in hand of a process that died is due again after LOST_AFTER.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from math import ceil
from threading import Lock

from django.conf import settings
from django.db.models import Q
from redis import RedisError

from choptym.lib import clock
from choptym.lib.crew import Crew
from choptym.lib.planned_anew import planned_anew
from payments import charge, settle
from payments.in_force import limits_of, may_send
from payments.locks import take_in_hand
from payments.models import WALLET, Payment, Priority
from payments.states import PaymentState
from payments.throttle.figures import Room, read_rooms
from payments.turn import Waiting, let_in_turn

# Of what no gateway limits: the wallet, and the names of gateways that are switched off.
MOST_AT_ONCE = 500
# As much of a gateway's line as is filled: it takes those who come for 1.5 s, and others come to it as well.
SECONDS_AHEAD = 1
# Nor many more than find a slot now, or before the next look by how many were let through lately.
NEXT_LOOK_SECONDS = 0.5
LEAST_AT_ONCE = 2
# A gateway that has turned somebody away is left alone for a moment, by those of the same priority.
REST_SECONDS = 0.25
# Of a payment that was taken in hand so long ago, and still waits for its turn, nobody knows any more. Longer than a
# line is: to be taken in hand twice does no harm, but is work for nothing.
LOST_AFTER = timedelta(seconds=5)


class Doorway:
    """Who waits for a gateway's leave in this process, and which gateway has turned somebody away just now."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._rests_until: dict[tuple[str, int], float] = {}
        self._lock = Lock()

    @contextmanager
    def waiting(self, gateway: str) -> Iterator[None]:
        with self._lock:
            self._waiting[gateway] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[gateway] -= 1

    def note_refusal(self, gateway: str, priority: int) -> None:
        with self._lock:
            self._rests_until[gateway, priority] = time.monotonic() + REST_SECONDS

    def room(self, gateway: str, priority: int, most: int) -> int:
        """How many of these may come to this gateway now, when `most` may wait at a time."""
        with self._lock:
            if time.monotonic() < self._rests_until.get((gateway, priority), 0):
                return 0
            return max(0, most - self._waiting[gateway])


doorway = Doorway()


@cache
def crew() -> Crew:
    """This process's. All priorities share it, but a quarter is kept for the high ones."""
    return Crew(settings.CHARGE_THREADS, "charge")


def hand_out(queue: str) -> int:
    """Give each payment that is due on this queue a thread, as far as there are threads and room at its gateway.

    Returns how many. Commits: that they are in hand.
    """
    priority = priority_of(queue)
    taken = in_hand(priority, count_free(priority))
    for waiting in taken:
        crew().begin(queue, partial(take_forward, waiting))
    return len(taken)


def in_hand(priority: int, most: int) -> list[Waiting]:
    """Up to `most` that are due and were not in hand, in turn by their gateways.

    Commits: that they are. They go forward by take_forward, or are due again after LOST_AFTER.
    """
    if most <= 0:
        return []
    limits, lost = _limits(priority), clock.now() - LOST_AFTER
    return [Waiting(*row) for row in take_in_hand(priority=priority, taken_before=lost, limits=limits, most=most)]


def take_forward(waiting: Waiting) -> None:
    """Pay it from the wallet, or charge it if it is its turn at the gateway."""
    if waiting.gateway == WALLET:
        settle.pay_from_wallet(waiting.payment_id)
        return
    with doorway.waiting(waiting.gateway):
        admission = let_in_turn(waiting)
    if admission is None:
        doorway.note_refusal(waiting.gateway, waiting.priority)
    else:
        charge.charge_admitted(waiting.payment_id, admission)


def is_busy(queue: str) -> bool:
    """Whether payments of this queue are in hand of this process."""
    return crew().is_busy(queue)


def count_free(priority: int) -> int:
    """The threads that payments of this priority find free."""
    kept = 0 if priority == Priority.HIGH else settings.CHARGE_THREADS // 4
    return max(0, crew().count_free() - kept)


def priority_of(queue: str) -> int:
    return next(priority for priority, name in settings.QUEUE_OF_PRIORITY.items() if name == queue)


@planned_anew()
def queues_with_charges() -> list[str]:
    """The queues on which a payment is due, may go forward and is in nobody's hand. Each look is one at an index."""
    now = clock.now()
    due = Payment.objects.filter(state=PaymentState.QUEUED, next_attempt_at__lte=now, expires_at__gt=now)
    due = due.filter(Q(published_at=None) | Q(published_at__lt=now - LOST_AFTER))
    names = (*settings.GATEWAYS, WALLET)
    # Those that are held back by order stay due, and may be many.
    free = due.filter(gateway__in=[name for name in names if may_send(name)])
    others = due.exclude(gateway__in=names) if may_send("") else due.none()
    return [
        queue
        for priority, queue in settings.QUEUE_OF_PRIORITY.items()
        if free.filter(priority=priority).exists() or others.filter(priority=priority).exists()
    ]


def _limits(priority: int) -> dict[str, int]:
    """How many payments of each gateway, and of the wallet, may be taken in hand; of all others by the name ""."""
    try:
        rooms = read_rooms()
    except RedisError:
        rooms = {}
    in_flight = sum(room.in_flight for room in rooms.values())
    most = {name: _most_waiting(name, rooms.get(name), in_flight) for name in settings.GATEWAYS}
    paced = {name: doorway.room(name, priority, waiting) for name, waiting in most.items()}
    # None of those that are held back by order: they stay due, and go on as soon as they may.
    return {
        name: allowed if may_send(name) else 0
        for name, allowed in {**paced, WALLET: MOST_AT_ONCE, "": MOST_AT_ONCE}.items()
    }


def _most_waiting(gateway: str, room: Room | None, in_flight: int) -> int:
    limits = limits_of(gateway)
    ahead = max(LEAST_AT_ONCE, ceil(SECONDS_AHEAD * limits.per_second))
    if room is None:
        return ahead
    free = max(0, min(limits.most - room.in_flight, limits.most_of_all - in_flight))
    return min(ahead, free + LEAST_AT_ONCE + ceil(NEXT_LOOK_SECONDS * room.per_second))
