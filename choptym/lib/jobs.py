"""Handing committed rows to the queue.

The row is the job; a message is only a hint, so a broker that is down costs a counter and never the request. The
sweepers find what was not told.

For work that comes in crowds a doorbell stands in for the messages: whoever writes a row rings; while a ring is
unanswered no further message is published. The task answers the bell before it looks for the last time, or keeps it in
hand while rows keep coming (choptym/lib/drain.py).
"""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from celery import Task
from django.conf import settings
from django.db import transaction
from kombu import Queue
from kombu.exceptions import OperationalError
from prometheus_client import Counter
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from choptym.lib.failpoints import around, failpoint

log = structlog.get_logger(__name__)

PUBLISH_FAILURES = Counter("choptym_publish_failures_total", "Messages the broker did not take", ["task"])

# An unanswered ring is forgotten after this long: its message was lost, so the next writer rings anew.
BELL_SECONDS = 5
# So long rows that are written while somebody drains ring for nobody; whoever drains says so again before each look.
HELD_MILLISECONDS = 400
# After a failure this process does not try the broker again for a moment: a crowd must not queue up behind time-outs.
BROKER_REST_SECONDS = 5.0
_BELL_KEY = "choptym:bell:"

_making = threading.Lock()
_broker_rests_until = 0.0


def redis() -> "Redis":
    """This process's Redis client, for bells and limits. Short time-outs: callers can do without.

    One, however many threads are the first to ask: nobody would hold on to a second one, and when it is collected
    redis-py closes its connections, under the hands of whoever uses them.
    """
    with _making:
        return _redis()


@cache
def _redis() -> "Redis":
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),
        client_name=settings.PROCESS_ROLE,
        max_connections=64,
    )


def after_commit(task: Task[Any, Any], row_id: int, *, queue: str | None = None) -> None:
    """Queue `task(row_id)` once the current transaction has committed, at once when there is none."""
    transaction.on_commit(lambda: publish(task, row_id, queue=queue))


def publish(task: Task[Any, Any], *args: object, queue: str | Queue | None = None) -> bool:
    """Put one message on the queue. False, and counted, when the broker does not take it.

    A Queue of a worker's own is none of settings.QUEUES, which are known by name.
    """
    options: dict[str, Any] = {"queue": queue} if queue else {}
    with around("publish", task.name):
        return _told(task.name, lambda: task.apply_async(args, **options))


def ring_after_commit(task: Task[Any, Any], *args: str) -> None:
    """ring() once the current transaction has committed."""
    transaction.on_commit(lambda: ring(task, *args))


def ring(task: Task[Any, Any], *args: str) -> bool:
    """Ask for a drain, unless one was asked for and has not begun."""

    def tell() -> None:
        if redis().set(_bell(task.name, args), 1, nx=True, ex=BELL_SECONDS):
            failpoint("ring", task.name, "between")
            task.apply_async(args)

    with around("ring", task.name):
        return _told(task.name, tell)


def answer(task: Task[Any, Any], *args: str) -> None:
    """Clear the bell: rows written from now on ring again. Called before the first row is read."""
    with around("answer", task.name):
        _told(task.name, lambda: redis().delete(_bell(task.name, args)))


def hold(task: Task[Any, Any], *args: str) -> None:
    """Keep the bell from ringing for a moment, because somebody is looking: called before the rows are read.

    Not for long: who looks may meet a gateway that does not answer, and then the next row is to ring.
    """
    with around("hold", task.name):
        _told(task.name, lambda: redis().set(_bell(task.name, args), 1, px=HELD_MILLISECONDS))


def queue_lengths() -> dict[str, int] | None:
    """How many messages wait in each queue; None when the broker does not say."""
    try:
        with redis().pipeline(transaction=False) as pipe:
            for name in settings.QUEUES:
                pipe.llen(settings.KEY_PREFIX + name)
            return dict(zip(settings.QUEUES, pipe.execute(), strict=True))
    except RedisError:
        return None


def redis_memory() -> tuple[int, int] | None:
    """Bytes in use, and how many there may be (0: no limit is set); None when Redis does not say."""
    try:
        figures: dict[str, Any] = redis().info("memory")
    except RedisError:
        return None
    return int(figures["used_memory"]), int(figures.get("maxmemory", 0))


def _bell(task: str, args: tuple[str, ...]) -> str:
    return _BELL_KEY + ":".join((task, *args))


def broker_rests() -> bool:
    """Whether this process leaves Redis alone for a moment, because it did not answer."""
    return time.monotonic() < _broker_rests_until


def let_broker_rest() -> None:
    """Redis did not answer: whoever comes within the next seconds does without it, and waits for nothing."""
    global _broker_rests_until  # noqa: PLW0603 - one broker per process, one moment of rest
    _broker_rests_until = time.monotonic() + BROKER_REST_SECONDS


def _told(task: str, tell: Callable[[], object]) -> bool:
    if broker_rests():
        PUBLISH_FAILURES.labels(task).inc()
        return False
    try:
        tell()
    # AttributeError: kombu meets a connection that has just gone ("NoneType has no attribute client").
    except (OperationalError, RedisError, OSError, AttributeError) as error:
        let_broker_rest()
        PUBLISH_FAILURES.labels(task).inc()
        log.warning("the broker did not take a message; a sweeper will find the row", task=task, error=str(error))
        return False
    return True
