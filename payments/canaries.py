"""Canaries: small messages in a queue of each worker's own, which its pool must answer.

A worker makes itself known when it is ready and signs off when it ends; what is known stands in PostgreSQL, so a wiped
Redis makes nobody silent: the canary is sent again. It waits in the worker's own queue, of which there is one message
at most: who takes no work lets it lie there, and nothing piles up. A process that answers pings while its threads hang
is found by this and by nothing else.
"""

import threading
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import signals
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import Q
from kombu import Queue
from psycopg_pool import PoolTimeout
from redis import RedisError

from choptym.audit.record import record_act
from choptym.lib.jobs import redis
from payments.alerts.silence import silence_of
from payments.models import Worker

log = structlog.get_logger(__name__)

PREFIX = "canary."
# A worker that was forgotten, or whose row was lost, makes itself known again.
KNOWN_AGAIN_SECONDS = 60
_TRY_AGAIN_SECONDS = 2
# Of ticks that follow each other closer than this share of the period, one counts; after a gap of so many periods
# nobody has looked, and silence is counted anew.
_LEAST_SHARE, _GAP_PERIODS = 0.5, 3

_has_ended = threading.Event()
_stays_known: list[threading.Thread] = []


def canary_queue(name: str) -> Queue:
    """The queue that only this worker takes from. Its name comes before all others: a free thread takes it first."""
    return Queue(PREFIX + name, routing_key=PREFIX + name)


def ask_workers() -> list[str]:
    """Who is to be sent a canary now: those whose queue is empty. The time is noted for all. Two clocks do no harm.

    Commits: each worker by itself. Network: Redis; without it nobody is asked, and nobody grows silent.
    """
    now = _now()
    workers = list(Worker.objects.filter(ended_at__isnull=True).order_by("name"))
    try:
        with redis().pipeline(transaction=False) as pipe:
            for worker in workers:
                pipe.llen(settings.KEY_PREFIX + PREFIX + worker.name)
            lengths = pipe.execute()
    except RedisError as error:
        log.warning("no canaries are sent: the broker is away", error=str(error))
        return []
    return [
        worker.name for worker, length in zip(workers, lengths, strict=True) if _note_asked(worker, now) and length == 0
    ]


def _note_asked(worker: Worker, now: datetime) -> bool:
    """False: somebody else has just done so."""
    period = timedelta(seconds=settings.WORKER_CANARY_SECONDS)
    if worker.looked_at is not None and now - worker.looked_at < period * _LEAST_SHARE:
        return False
    was_away = worker.looked_at is None or now - worker.looked_at > period * _GAP_PERIODS
    has_answered = worker.asked_at is None or (worker.seen_at is not None and worker.seen_at >= worker.asked_at)
    asked_at = now if was_away or has_answered else worker.asked_at
    unmoved = Worker.objects.filter(pk=worker.pk, started_at=worker.started_at, looked_at=worker.looked_at)
    return unmoved.update(asked_at=asked_at, looked_at=now) == 1


def note_sighting(name: str) -> None:
    """This worker has taken its canary. Commits: its row."""
    Worker.objects.filter(name=name).update(seen_at=_now())


def forget_workers() -> list[str]:
    """Forget those that ended, or fell silent, WORKER_FORGOTTEN_AFTER_SECONDS ago. Commits: each by itself."""
    kept = timedelta(seconds=settings.WORKER_FORGOTTEN_AFTER_SECONDS)
    ended = Worker.objects.filter(ended_at__lt=_now() - kept)
    silent = [worker.pk for worker in Worker.objects.all() if silence_of(worker) > kept.total_seconds()]
    names = []
    for worker in Worker.objects.filter(Q(pk__in=ended) | Q(pk__in=silent)):
        _forget(worker)
        names.append(worker.name)
    return names


def forget_by_hand(worker_id: int, *, actor_id: int, reason: str) -> None:
    """Staff know that this worker will not come back.

    Commits: the row's end and the line in the audit log together.
    Raises:  Rejected (no_reason).
    """
    worker = Worker.objects.get(pk=worker_id)
    with transaction.atomic(durable=True):
        record_act(actor_id=actor_id, verb="forget_worker", about=f"worker:{worker.name}"[:60], reason=reason)
        worker.delete()
    _empty_queue(worker.name)


def _forget(worker: Worker) -> None:
    Worker.objects.filter(pk=worker.pk, started_at=worker.started_at).delete()
    _empty_queue(worker.name)


def _empty_queue(name: str) -> None:
    """One that lives after all makes itself known again, and is sent another."""
    try:
        redis().delete(settings.KEY_PREFIX + PREFIX + name)
    except RedisError as error:
        log.warning("a canary's queue stays", worker=name, error=str(error))


def sign_on(name: str, queues: list[str]) -> None:
    """This worker has begun: whatever was known of one of its name is past. Commits: its row."""
    past = dict.fromkeys(("asked_at", "looked_at", "seen_at", "ended_at"))
    Worker.objects.update_or_create(name=name, defaults={"queues": queues, "started_at": _now(), **past})


def sign_off(name: str) -> None:
    """This worker ends as it should. Commits: its row."""
    Worker.objects.filter(name=name).update(ended_at=_now())


def _now() -> datetime:
    """The database's clock: those who ask and those who answer may sit on different machines."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at


@signals.celeryd_after_setup.connect
def _listen(sender: str, instance: Any, **_: object) -> None:
    instance.app.amqp.queues.select_add(canary_queue(sender))


@signals.worker_ready.connect
def _begin(sender: Any, **_: object) -> None:
    """Ready again after a lost connection is no beginning."""
    if _stays_known:
        return
    queues = [name for name in sender.app.amqp.queues.consume_from if not name.startswith(PREFIX)]
    thread = threading.Thread(target=_stay_known, args=(sender.hostname, queues), daemon=True)
    _stays_known.append(thread)
    thread.start()


@signals.worker_shutdown.connect
def _end(sender: Any, **_: object) -> None:
    _has_ended.set()
    for thread in _stays_known:
        thread.join(_TRY_AGAIN_SECONDS)  # it must not sign on after we have signed off
    _try(lambda: sign_off(sender.hostname))


def _stay_known(name: str, queues: list[str]) -> None:
    """Sign on as soon as the tables are there, then look from time to time whether the row still is."""
    while not _try(lambda: sign_on(name, queues)):
        if _has_ended.wait(_TRY_AGAIN_SECONDS):
            return
    while not _has_ended.wait(KNOWN_AGAIN_SECONDS):
        _try(lambda: _sign_on_if_unknown(name, queues))


def _sign_on_if_unknown(name: str, queues: list[str]) -> None:
    if not Worker.objects.filter(name=name).exists():
        sign_on(name, queues)


def _try(action: Any) -> bool:
    try:
        action()
    except (DatabaseError, PoolTimeout) as error:
        log.warning("a worker could not note that it is there", error=str(error))
        return False
    finally:
        connection.close()
    return True
