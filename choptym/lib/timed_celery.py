"""Celery by the database's time: a message that expires does so by one clock, wherever it was sent and is taken.

Without this a worker whose clock is an hour ahead throws every tick of beat away, and a beat that is an hour behind
sends none that anybody would take.
"""

from datetime import datetime
from typing import Any

from celery import Celery, Task
from django.db import Error
from psycopg_pool import PoolTimeout

from choptym.lib import clock


class TimedTask(Task[Any, Any]):
    Request = "choptym.lib.timed_request:TimedRequest"


class TimedCelery(Celery):
    task_cls = "choptym.lib.timed_celery:TimedTask"

    def now(self) -> datetime:
        """From when a message's time to live is counted."""
        return time_of_messages()


def time_of_messages() -> datetime:
    """The database's time; while it is away, as well as it is known."""
    try:
        return clock.now()
    except (Error, PoolTimeout):
        return clock.known()
