"""What runs by the clock every minute or more seldom: the row is the job.

Time is cut into slots as long as a job's period. Beat only ticks; whether a slot is to be run stands in the job's row.
So two beats run each slot once, a dead worker's run is taken up again when its lease has passed, and whatever was
missed while beat, Redis or the workers were away is made up for at the first tick after.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q

from choptym.lib import clock
from payments import in_force
from payments.models import Job

LEASE_SECONDS = 300
# A run that failed is tried again after this long, and so is one of which the worker died.
RETRY_SECONDS = 60
# Of a job that runs every slot, so many are made up for at most: an old database that is put to use again must not be
# busy with years that nobody misses.
MOST_MISSED = 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """A slot of a job that is ours to run, until the lease has passed."""

    name: str
    task: str
    slot_at: datetime
    leased_until: datetime
    is_told_its_slot: bool


def due_jobs(now: datetime | None = None) -> list[str]:
    """The jobs of which a slot is to be run and that nobody runs. One query."""
    now = now or clock.now()
    rows = Job.objects.in_bulk(list(settings.PERIODIC_JOBS))
    return [
        name
        for name, entry in settings.PERIODIC_JOBS.items()
        if name not in rows or (_is_free(rows[name], now) and _next_slot(entry, rows[name], now) is not None)
    ]


def claim_job(name: str, now: datetime | None = None) -> Run | None:
    """Take the next slot of this job. None: none is to be run yet, or somebody else runs it. Commits by itself."""
    now = now or clock.now()
    entry = settings.PERIODIC_JOBS[name]
    row, _ = Job.objects.get_or_create(name=name, defaults={"slot_at": _first_slot(entry, now)})
    slot_at = _next_slot(entry, row, now)
    if slot_at is None:
        return None
    lease = now + timedelta(seconds=entry.get("lease_seconds", LEASE_SECONDS))
    free = Job.objects.filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now), name=name, slot_at=row.slot_at)
    if free.update(leased_until=lease, begun_at=now, runs=F("runs") + 1) != 1:
        return None
    return Run(name, entry["task"], slot_at, lease, bool(entry.get("each_slot")))


def run_job(name: str, task_of: Callable[[str], Callable[..., object]]) -> None:
    """Run the next slot of this job, if one is due and nobody runs it. What its task raises is noted, and raised."""
    run = claim_job(name)
    if run is None:
        return
    try:
        is_left = task_of(run.task)(*([run.slot_at.isoformat()] if run.is_told_its_slot else []))
    except Exception as error:
        fail_job(run, f"{type(error).__name__}: {error}")
        raise
    if is_left:
        leave_job(run)
    else:
        finish_job(run)


def finish_job(run: Run) -> bool:
    """This slot is done. False: the lease had passed, and it is somebody else's. Commits by itself."""
    mine = Job.objects.filter(name=run.name, leased_until=run.leased_until)
    return mine.update(slot_at=run.slot_at, leased_until=None, finished_at=clock.now(), problem="") == 1


def leave_job(run: Run) -> bool:
    """More is to be done in this slot: it is due again at once. Commits by itself."""
    return Job.objects.filter(name=run.name, leased_until=run.leased_until).update(leased_until=None) == 1


def fail_job(run: Run, problem: str) -> bool:
    """This slot is tried again in a while. Commits by itself."""
    mine = Job.objects.filter(name=run.name, leased_until=run.leased_until)
    again = clock.now() + timedelta(seconds=RETRY_SECONDS)
    return mine.update(leased_until=again, problem=problem[:300]) == 1


def _is_free(row: Job, now: datetime) -> bool:
    return row.leased_until is None or row.leased_until <= now


def _next_slot(entry: Mapping[str, Any], row: Job, now: datetime) -> datetime | None:
    """The slot that is to be run: the present one, which makes up for all before it; else the first that was missed."""
    period = _period(entry)
    present = _slot_of(period, now)
    if present <= row.slot_at:
        return None
    if not entry.get("each_slot"):
        return present
    return max(row.slot_at + period, present - MOST_MISSED * period)


def _first_slot(entry: Mapping[str, Any], now: datetime) -> datetime:
    """What counts as done when a job is new: the slot before, so that it runs at once; where every slot counts, this
    one, for none was missed."""
    period = _period(entry)
    return _slot_of(period, now) - (timedelta() if entry.get("each_slot") else period)


def _slot_of(period: timedelta, moment: datetime) -> datetime:
    return _EPOCH + (moment - _EPOCH) // period * period


def _period(entry: Mapping[str, Any]) -> timedelta:
    seconds = entry["seconds"]
    return timedelta(seconds=getattr(in_force.current(), seconds) if isinstance(seconds, str) else seconds)
