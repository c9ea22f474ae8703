"""Draining: working through the rows that wait, until none is left, and for a moment longer.

In quiet hours the first row is taken up at once. Whoever drains then keeps the bell in hand for a moment: rows that are
written meanwhile need no message of their own and are worked on together. So a crowd costs few messages and few
transactions, whoever writes the rows (docs/adr/0045).
"""

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

from celery import Task
from celery.worker import state

from choptym.lib.jobs import answer, hold, publish
from choptym.lib.outbound import give_back_connections
from choptym.lib.seats import Seats

# A drain hands over to a fresh message after this long, so that others have their turn on its thread.
DRAIN_SECONDS = 20
# How long those who come one by one are waited for, to be taken up together: the longer the stream lasts, the longer.
# Who comes first does not wait.
GATHER_SECONDS = (0.05, 0.1, 0.2)
# Of so many at once there are more, most likely: they are not waited for.
MANY = 20
# Of one kind of drain a process runs no more at a time: while a gateway hangs, each blocks a thread, and the sweepers
# go on ringing. A worker has threads for all kinds (choptym/local/roles.py).
SEATS_EACH = 2

_seats = Seats(SEATS_EACH)


def drain(task: "Task[Any, Any]", *args: str, work: Callable[[], int]) -> None:
    """Call `work`, which says how many rows it took up, until it finds none; `task(*args)` is what was rung for.

    Who finds no seat leaves: those who sit look again before they stand up. A worker that is told to stop ends its
    drains after the rows in hand, and leaves a message for another one.
    """
    kind, end = ":".join((task.name, *args)), time.monotonic() + DRAIN_SECONDS
    with _seats.sitting(kind) as has_seat:
        if not has_seat:
            answer(task, *args)  # there may be a seat in another process
            return
        waits = chain(GATHER_SECONDS, repeat(GATHER_SECONDS[-1]))
        while time.monotonic() < end and not _is_stopping():
            hold(task, *args)
            count = work()
            if not count:
                answer(task, *args)  # who writes a row from now on rings; who did before is seen by the next look
                count = work()
                if not count and not _seats.somebody_came(kind):
                    return
            if count < MANY:
                give_back_connections()
                time.sleep(next(waits))
        publish(task, *args)


def _is_stopping() -> bool:
    """Whether this worker was told to stop."""
    return state.should_stop is not None or state.should_terminate is not None
