"""Writing breaks down: each once, however often it is found, and those closed on which both sides agree now."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from choptym.lib import clock
from choptym.lib.failpoints import committing
from choptym.lib.states import sources_of
from payments.models import BreakKind, Reconciliation, ReconciliationBreak
from payments.reconciliation.facts import Comparison, Found, Job
from payments.reconciliation.locks import lock_claimed
from payments.states import BREAK_MOVES, BreakState

log = structlog.get_logger(__name__)

_Key = tuple[str, str, str]
_TOLD = ("our_minor", "our_currency", "our_word", "their_minor", "their_currency", "their_word", "note", "seen_at")
_ROWS_AT_ONCE = 500


def record_breaks(job: Job, comparison: Comparison, *, is_complete: bool) -> bool:
    """Write down what was found. False: somebody else has taken the day over, and nothing was written.

    Commits: everything together.
    Locks:   the reconciliation's row.
    """
    with committing("reconcile.record"):
        row = lock_claimed(job)
        if row is None:
            return False
        known = {_key_of(one): one for one in ReconciliationBreak.objects.filter(reconciliation=row)}
        found = {_key(one): one for one in _of_this_day(row, comparison.breaks)}
        _add(row, [one for key, one in found.items() if key not in known])
        _see_again([(known[key], one) for key, one in found.items() if key in known])
        gone = [one for key, one in known.items() if key not in found and _is_gone(one, comparison, is_complete)]
        _mend(gone)
    _tell(job, [one for key, one in found.items() if key not in known])
    return True


def _of_this_day(row: Reconciliation, breaks: Iterable[Found]) -> list[Found]:
    """A settlement is told of on several days: what it tells of a fee stays with the day that found it first."""
    found = list(breaks)
    fees = [one.reference for one in found if one.kind == BreakKind.FEE]
    others = ReconciliationBreak.objects.filter(
        kind=BreakKind.FEE, reference__in=fees, reconciliation__gateway=row.gateway
    ).exclude(reconciliation=row)
    elsewhere = set(others.exclude(state=BreakState.MENDED).values_list("reference", flat=True)) if fees else set()
    return [one for one in found if one.kind != BreakKind.FEE or one.reference not in elsewhere]


def _add(row: Reconciliation, found: Iterable[Found]) -> None:
    now = clock.now()
    rows = [
        ReconciliationBreak(
            reconciliation=row,
            kind=one.kind,
            transaction_id=one.transaction_id[:100],
            reference=one.reference[:100],
            attempt_id=one.attempt_id,
            refund_id=one.refund_id,
            **_told(one, now),
        )
        for one in found
    ]
    ReconciliationBreak.objects.bulk_create(rows, batch_size=_ROWS_AT_ONCE)


def _see_again(pairs: list[tuple[ReconciliationBreak, Found]]) -> None:
    """What a person has closed stays closed, as it was then."""
    now = clock.now()
    seen = [(row, one) for row, one in pairs if row.state != BreakState.CLOSED]
    for row, one in seen:
        for name, value in _told(one, now).items():
            setattr(row, name, value)
    ReconciliationBreak.objects.bulk_update([row for row, _ in seen], _TOLD, batch_size=_ROWS_AT_ONCE)
    mended = ReconciliationBreak.objects.filter(
        pk__in=[row.pk for row, _ in seen], state__in=sources_of(BreakState.OPEN, BREAK_MOVES)
    )
    mended.update(state=BreakState.OPEN, closed_at=None)


def _is_gone(row: ReconciliationBreak, comparison: Comparison, is_complete: bool) -> bool:
    """Whether this run has seen that both sides agree now. An incomplete list proves nothing by what it leaves out."""
    names = {row.transaction_id, row.reference} - {""}
    if row.kind == BreakKind.FEE:
        return row.reference in comparison.fees_agreed
    if row.kind == BreakKind.MISSING_THERE:
        return is_complete or bool(names & comparison.listed)
    return is_complete or bool(names & comparison.judged)


def _mend(rows: Iterable[ReconciliationBreak]) -> None:
    still_open = ReconciliationBreak.objects.filter(
        pk__in=[row.pk for row in rows], state__in=sources_of(BreakState.MENDED, BREAK_MOVES)
    )
    still_open.update(state=BreakState.MENDED, closed_at=clock.now())


def _tell(job: Job, found: Iterable[Found]) -> None:
    """What the gateway says it never had is the gravest: our books hold money that it does not."""
    for one in found:
        is_grave = one.kind in {BreakKind.MISSING_THERE, BreakKind.STATE, BreakKind.AMOUNT}
        tell = log.error if is_grave else log.warning
        words = {"kind": one.kind, "transaction": one.transaction_id, "reference": one.reference, "note": one.note}
        tell("the gateway's list and ours do not agree", gateway=job.gateway, day=str(job.day), **words)


def _key(one: Found) -> _Key:
    return one.kind, one.transaction_id[:100], one.reference[:100]


def _key_of(row: ReconciliationBreak) -> _Key:
    return row.kind, row.transaction_id, row.reference


def _told(one: Found, now: datetime) -> dict[str, object]:
    return {
        "our_minor": one.ours.amount_minor if one.ours else None,
        "our_currency": one.ours.currency if one.ours else "",
        "our_word": one.our_word[:40],
        "their_minor": one.theirs.amount_minor if one.theirs else None,
        "their_currency": one.theirs.currency if one.theirs else "",
        "their_word": one.their_word[:40],
        "note": one.note[:300],
        "seen_at": now,
    }
