"""A day from beginning to end in this process, for the command line: also what the workers do in between."""

import time

from choptym.lib import clock
from payments.confirm import confirm_batch
from payments.models import Reconciliation
from payments.reconciliation.run import Watch, reconcile_day
from payments.states import ReconciliationState

LOOK_SECONDS = 0.5


def reconcile_here(reconciliation_id: int, *, watch: Watch) -> None:
    """Work on this day until it is done, or a gateway did not answer. What a worker is at is waited for.

    Network and commits: as reconcile_day() and confirm_batch().
    """
    while True:
        result = reconcile_day(reconciliation_id, watch=watch)
        row = Reconciliation.objects.get(pk=reconciliation_id)
        if row.state != ReconciliationState.QUEUED or (result is not None and result.problem):
            return
        if result is not None:
            while confirm_batch(row.gateway):
                watch("mending", row.lines_done, row.lines_seen)
            _look_again_now(row)
        elif row.begun_at is None and row.problem:
            return  # a worker has had no answer either
        else:
            watch("a worker is at it", row.lines_done, row.lines_seen)
            time.sleep(LOOK_SECONDS)


def _look_again_now(row: Reconciliation) -> None:
    """What was mended by now need not wait for the second look."""
    waiting = Reconciliation.objects.filter(pk=row.pk, state=ReconciliationState.QUEUED, begun_at__isnull=True)
    waiting.update(next_attempt_at=clock.now())
