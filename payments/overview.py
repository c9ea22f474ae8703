"""What staff see first: the last 24 hours, what waits, and what needs a person."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.db.models import Count, F, Max
from django.db.models.functions import TruncDate

from choptym.lib import clock
from choptym.lib.snapshot import Snapshot
from payments.models import Alert, DeadLetter, Payment, Reconciliation, ReconciliationBreak
from payments.selectors import count_refunds_in_need
from payments.states import WAITING_STATES, BreakState, PaymentState
from payments.stuck import stuck

HOURS = 24


@dataclass(frozen=True, slots=True)
class Overview:
    """`ended` counts the payments that ended in each state during the last HOURS; the rest is as of now."""

    ended: dict[str, int]
    waiting: dict[str, int]
    in_review: int
    dead_letters: int
    refunds_in_need: int
    open_breaks: int
    open_alerts: int = 0

    @property
    def without_outcome(self) -> int:
        """Captured money that waits too long for what becomes of it. Read when asked: every page reads the rest."""
        return sum(one.count for one in stuck.get().values())

    def of(self, state: str) -> int:
        return self.ended.get(state, 0) + self.waiting.get(state, 0)


def read_overview() -> Overview:
    """By partial indexes only: the cost does not grow with history."""
    since = clock.now() - timedelta(hours=HOURS)
    ended = Payment.objects.filter(finished_at__gt=since).values_list("state")
    waiting = Payment.objects.filter(state__in=WAITING_STATES).values_list("state")
    return Overview(
        ended=dict(ended.annotate(Count("pk"))),
        waiting=dict(waiting.annotate(Count("pk"))),
        in_review=Payment.objects.filter(state=PaymentState.REVIEW).count(),
        dead_letters=DeadLetter.objects.filter(replayed_at__isnull=True).count(),
        open_breaks=ReconciliationBreak.objects.filter(state=BreakState.OPEN).count(),
        refunds_in_need=count_refunds_in_need(),
        open_alerts=Alert.objects.filter(closed_at__isnull=True).count(),
    )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Open breaks by (gateway, kind), and the last day of each gateway that was compared after it had ended."""

    open_breaks: dict[tuple[str, str], int]
    last_days: dict[str, date]


def read_reconciled() -> Reconciled:
    breaks = ReconciliationBreak.objects.filter(state=BreakState.OPEN).values_list("reconciliation__gateway", "kind")
    finished = Reconciliation.objects.annotate(finished_on=TruncDate("finished_at", tzinfo=UTC))
    whole = finished.filter(finished_on__gt=F("day")).values_list("gateway")
    return Reconciled(
        open_breaks={(gateway, kind): count for gateway, kind, count in breaks.annotate(Count("pk"))},
        last_days=dict(whole.annotate(Max("day"))),
    )


reconciliation = Snapshot(read_reconciled, seconds=2.0)
overview = Snapshot(read_overview, seconds=2.0)
