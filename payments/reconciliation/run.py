"""One day of one gateway, from the claim to the report. The same for the clock, for staff and on the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from django.db.models import F

from choptym.lib import clock
from choptym.lib.errors import Busy, ChoptymError
from choptym.lib.failpoints import commits
from choptym.lib.states import sources_of
from payments.models import Reconciliation
from payments.reconciliation.compare import compare, strangers
from payments.reconciliation.facts import Comparison, Job, Reading
from payments.reconciliation.fees import book_fees
from payments.reconciliation.locks import claim_reconciliation, extend_claim
from payments.reconciliation.mend import mend
from payments.reconciliation.ours import find_ours
from payments.reconciliation.read import read_day, read_references
from payments.reconciliation.record import record_breaks
from payments.states import RECONCILIATION_MOVES, ReconciliationState

log = structlog.get_logger(__name__)

# Pauses after a gateway did not answer; after the last one the day has FAILED, and is asked for again tomorrow.
RETRY_SECONDS = (60, 300, 900, 3600, 3 * 3600)
# When something was mended the day is looked at again this soon, at most so often.
RECHECK_SECONDS = 60
MOST_RECHECKS = 3
# So many transactions that name nothing of ours are looked up; the rest is for a person as it stands.
MOST_STRANGERS = 100
# What one run does, in steps of the bar: a line is counted when it is read, judged and taken care of.
Watch = Callable[[str, int, int], None]


class LostError(Exception):
    """Somebody else has taken this day over: our lease had passed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run came to. `mended`: how many things are on their way to be right, so that it is worth a second look.
    `problem`: why there are no lists."""

    gateway: str
    lines: int = 0
    matched: int = 0
    breaks: int = 0
    mended: int = 0
    fees: int = 0
    problem: str = ""


class _Held:
    """The claim, as it is extended."""

    def __init__(self, job: Job, watch: Watch | None) -> None:
        self.job = job
        self._watch = watch

    def go_on(self, step: str = "reading", done: int | None = None, seen: int | None = None) -> None:
        """Raises LostError."""
        job = extend_claim(self.job, done=done, seen=seen)
        if job is None:
            raise LostError(f"{self.job.gateway} {self.job.day}")
        self.job = job
        if self._watch is not None:
            self._watch(step, done or 0, seen or 0)


def reconcile_day(reconciliation_id: int, *, watch: Watch | None = None) -> Result | None:
    """Compare this day, if it is due. None: it is not, or somebody else is at it.

    Network: the gateway's lists, and status queries; no transaction open.
    Commits: the claim, the report, each part of what is mended, the end. A crash in between leaves the row to its
    lease; everything may be done again.
    """
    job = claim_reconciliation(reconciliation_id)
    if job is None:
        return None
    if job.attempts_made > len(RETRY_SECONDS) + 1:
        return _give_up(job, "it was begun too often and never came to an end")
    held = _Held(job, watch)
    try:
        return _run(held)
    except LostError:
        log.warning("a reconciliation was taken over", gateway=job.gateway, day=str(job.day))
        return None
    except ChoptymError as error:
        return _put_off(held.job, error)


def _run(held: _Held) -> Result:
    gateway = held.job.gateway
    reading = read_day(held.job, held.go_on)
    comparison, reading = _compare(gateway, reading)
    held.go_on("comparing", 0, comparison.lines)
    if not record_breaks(held.job, comparison, is_complete=reading.is_complete):
        raise LostError
    held.go_on("mending", comparison.matched, comparison.lines)
    fees = book_fees(gateway, comparison.fees)
    mended = mend(gateway, comparison)
    held.go_on("done", comparison.lines, comparison.lines)
    result = Result(gateway, comparison.lines, comparison.matched, len(comparison.breaks), mended, fees)
    if not _finish(held.job, result, is_complete=reading.is_complete):
        raise LostError
    return result


def _compare(gateway: str, reading: Reading) -> tuple[Comparison, Reading]:
    ours = find_ours(gateway, reading)
    if unknown := strangers(reading, ours)[:MOST_STRANGERS]:
        reading = replace(reading, references=read_references(gateway, unknown))
        ours = find_ours(gateway, reading) if reading.references else ours
    return compare(reading, ours), reading


@commits("reconcile.finish")
def _finish(job: Job, result: Result, *, is_complete: bool) -> bool:
    now = clock.now()
    held = Reconciliation.objects.filter(pk=job.reconciliation_id, next_attempt_at=job.leased_until)
    told = {
        "is_complete": is_complete,
        "lines_seen": result.lines,
        "lines_done": result.lines,
        "lines_matched": result.matched,
        "fees_booked": result.fees,
        "runs": F("runs") + 1,
        "finished_at": now,
        "begun_at": None,
        "attempts_made": 0,
        "problem": "",
    }
    queued = ReconciliationState.QUEUED
    again = held.filter(state=queued, rechecks__lt=MOST_RECHECKS) if result.mended else held.none()
    soon = now + timedelta(seconds=RECHECK_SECONDS)
    if again.update(**told, next_attempt_at=soon, rechecks=F("rechecks") + 1):
        return True
    ends = held.filter(state__in=sources_of(ReconciliationState.FINISHED, RECONCILIATION_MOVES))
    return ends.update(**told, state=ReconciliationState.FINISHED, next_attempt_at=None) == 1


@commits("reconcile.put_off")
def _put_off(job: Job, error: ChoptymError) -> Result:
    """The gateway's lists were not to be had: later, a few times."""
    problem = f"{type(error).__name__}: {error}"[:300]
    if job.attempts_made > len(RETRY_SECONDS):
        return _give_up(job, problem)
    pause = float(RETRY_SECONDS[job.attempts_made - 1])
    if isinstance(error, Busy) and error.retry_after_seconds is not None:
        pause = max(pause, error.retry_after_seconds)
    log.warning("a gateway's lists are not to be had", gateway=job.gateway, day=str(job.day), error=problem)
    held = Reconciliation.objects.filter(pk=job.reconciliation_id, next_attempt_at=job.leased_until)
    held.update(next_attempt_at=clock.now() + timedelta(seconds=pause), begun_at=None, problem=problem)
    return Result(job.gateway, problem=problem)


@commits("reconcile.give_up")
def _give_up(job: Job, problem: str) -> Result:
    log.error("a day could not be reconciled", gateway=job.gateway, day=str(job.day), error=problem)
    held = Reconciliation.objects.filter(
        pk=job.reconciliation_id,
        next_attempt_at=job.leased_until,
        state__in=sources_of(ReconciliationState.FAILED, RECONCILIATION_MOVES),
    )
    held.update(state=ReconciliationState.FAILED, next_attempt_at=None, begun_at=None, problem=problem)
    return Result(job.gateway, problem=problem)
