"""What staff see first: the last 24 hours, what waits, and what needs a person."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from payments.models import DeadLetter, Payment
from payments.selectors import count_refunds_in_need
from payments.states import WAITING_STATES, PaymentState
from payments.stats import Snapshot

HOURS = 24


@dataclass(frozen=True, slots=True)
class Overview:
    """`ended` counts the payments that ended in each state during the last HOURS; the rest is as of now."""

    ended: dict[str, int]
    waiting: dict[str, int]
    in_review: int
    dead_letters: int
    refunds_in_need: int

    def of(self, state: str) -> int:
        return self.ended.get(state, 0) + self.waiting.get(state, 0)


def read_overview() -> Overview:
    """By partial indexes only: the cost does not grow with history."""
    since = timezone.now() - timedelta(hours=HOURS)
    ended = Payment.objects.filter(finished_at__gt=since).values_list("state")
    waiting = Payment.objects.filter(state__in=WAITING_STATES).values_list("state")
    return Overview(
        ended=dict(ended.annotate(Count("pk"))),
        waiting=dict(waiting.annotate(Count("pk"))),
        in_review=Payment.objects.filter(state=PaymentState.REVIEW).count(),
        dead_letters=DeadLetter.objects.filter(replayed_at__isnull=True).count(),
        refunds_in_need=count_refunds_in_need(),
    )


overview = Snapshot(read_overview, seconds=2.0)
