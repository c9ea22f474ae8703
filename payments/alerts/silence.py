"""Workers that leave their canary unanswered, and queues that nobody takes work from."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from choptym.lib import clock
from payments.alerts.rules import Reading
from payments.models import Worker

# Their tasks take minutes, so all their threads may be busy for as long.
SLOW_QUEUES = {"reports": 15 * 60}
# Work in all others moves money, or sees to it that it is moved.
CAN_WAIT = ("notifications", "reports")


def read_silence() -> list[Reading]:
    """A worker for itself is a warning; a queue without any is critical, unless its work can wait."""
    workers = list(Worker.objects.order_by("name"))
    known = [worker for worker in workers if worker.ended_at is None]
    return [
        *(Reading(worker.name, silence_of(worker), warning=_allowed(worker)) for worker in known),
        *(reading for queue in settings.QUEUES for reading in _read_queue(queue, workers)),
    ]


def silence_of(worker: Worker) -> float:
    """For how many seconds its canary has been unanswered, as far as we have looked."""
    if worker.asked_at is None or worker.looked_at is None:
        return 0.0
    if worker.seen_at is not None and worker.seen_at >= worker.asked_at:
        return 0.0
    return (worker.looked_at - worker.asked_at).total_seconds()


def age_of_canary(worker: Worker) -> float:
    """Since its last sign of life."""
    return max(0.0, (clock.now() - _last_sign(worker)).total_seconds())


def _allowed(worker: Worker) -> float:
    return float(max(settings.WORKER_SILENT_AFTER_SECONDS, *(SLOW_QUEUES.get(queue, 0) for queue in worker.queues), 0))


def is_alive(worker: Worker) -> bool:
    return worker.ended_at is None and silence_of(worker) < _allowed(worker)


def _read_queue(queue: str, workers: Sequence[Worker]) -> list[Reading]:
    """Nothing when there is not a single worker to go by: then nobody reads this either."""
    takers = [worker for worker in workers if queue in worker.queues]
    alive = [worker for worker in workers if is_alive(worker)]
    if any(worker in alive for worker in takers):
        return [_reading(queue, 0.0)]
    # A queue that never had one: as long as the others have been there without it.
    since = max(map(_last_sign, takers), default=min((worker.started_at for worker in alive), default=None))
    return [] if since is None else [_reading(queue, (clock.now() - since).total_seconds())]


def _reading(queue: str, seconds: float) -> Reading:
    limit = float(settings.WORKER_SILENT_AFTER_SECONDS)
    can_wait = queue in CAN_WAIT
    said = f"no worker for {seconds:,.0f} s" if seconds else "has a worker"
    return Reading(
        f"queue {queue}", seconds, said, warning=limit if can_wait else None, critical=None if can_wait else limit
    )


def _last_sign(worker: Worker) -> datetime:
    return worker.ended_at or max(worker.started_at, worker.seen_at or worker.started_at)
