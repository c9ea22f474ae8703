"""Reads that several callers need, or whose query is worth a name. Each uses a partial index of waiting rows."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from choptym.lib import clock
from choptym.lib.planned_anew import planned_anew
from payments import in_force
from payments.models import BulkUpload, Payment, Reconciliation, Refund, WebhookEvent
from payments.states import WAITING_REFUNDS, WAITING_STATES, EventState, RefundState

# A refund that could not be sent, or of which nothing is known, mends itself within this time or not at all.
STUCK_AFTER = timedelta(hours=1)
# What ended otherwise than it should may come to light over a weekend.
LOOKED_AT_WITHIN = timedelta(days=7)


@planned_anew()
def overdue_payments(limit: int) -> list[int]:
    """Payments that nobody paid in time, the longest overdue first."""
    overdue = Payment.objects.filter(state__in=WAITING_STATES, expires_at__lte=clock.now())
    return list(overdue.order_by("expires_at").values_list("pk", flat=True)[:limit])


def gateways_to_ask() -> list[str]:
    """The gateways that are due to be asked about at least one payment, and may be asked."""
    return [gateway for gateway in _askable() if is_to_be_asked(gateway)]


@planned_anew()
def is_to_be_asked(gateway: str) -> bool:
    """Whether at least one of its payments is due to be asked about now. One look at an index."""
    return Payment.objects.filter(gateway=gateway, next_check_at__lte=clock.now()).exists()


def _askable() -> list[str]:
    """Told of the others, a worker would only find out that they are stopped."""
    return [gateway for gateway in settings.GATEWAYS if in_force.may_ask(gateway)]


@planned_anew()
def gateways_with_events(state: EventState) -> list[str]:
    """The gateways of which an event in this state is due to be looked at. About parked ones they must be asked."""
    due = WebhookEvent.objects.filter(state=state, next_look_at__lte=clock.now())
    gateways = _askable() if state == EventState.PARKED else settings.GATEWAYS
    return [gateway for gateway in gateways if due.filter(gateway=gateway).exists()]


@planned_anew()
def is_bulk_due() -> bool:
    """Whether a started upload has lines to work on and nobody does."""
    return BulkUpload.objects.filter(next_attempt_at__lte=clock.now()).exists()


@planned_anew()
def gateways_with_refunds() -> list[str]:
    """The gateways of which a refund is due to be sent or asked about, and may be."""
    due = Refund.objects.filter(next_attempt_at__lte=clock.now())
    sent = due.exclude(state=RefundState.QUEUED)
    return [
        gateway
        for gateway in _askable()
        if (due if in_force.may_send(gateway) else sent).filter(gateway=gateway).exists()
    ]


@planned_anew()
def reconciliations_due(limit: int) -> list[int]:
    """Days whose turn it is, and whose gateway may be asked; the longest due first."""
    due = Reconciliation.objects.filter(next_attempt_at__lte=clock.now(), gateway__in=_askable())
    return list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


def refunds_in_need() -> QuerySet[Refund]:
    """Stuck: waiting with a problem for long. Failed of late, and not given back since. Ended, and contradicted."""
    return Refund.objects.filter(Q(pk__in=_stuck()) | Q(pk__in=_failed()) | Q(pk__in=_contradicted()))


def count_refunds_in_need() -> int:
    return _stuck().count() + _failed().count() + _contradicted().count()


def _stuck() -> QuerySet[Refund]:
    waiting = Refund.objects.filter(state__in=WAITING_REFUNDS, next_attempt_at__isnull=False)
    return waiting.exclude(problem="").filter(created_at__lt=clock.now() - STUCK_AFTER)


def _failed() -> QuerySet[Refund]:
    """One that was asked for before the failure was known is not the same money given once more."""
    same_money = Refund.objects.filter(payment=OuterRef("payment"), attempt=OuterRef("attempt"))
    again = same_money.filter(created_at__gt=OuterRef("finished_at")).exclude(state=RefundState.FAILED)
    failed = Refund.objects.filter(state=RefundState.FAILED, finished_at__gt=clock.now() - LOOKED_AT_WITHIN)
    return failed.filter(~Exists(again))


def _contradicted() -> QuerySet[Refund]:
    given = Refund.objects.filter(state=RefundState.REFUNDED, finished_at__gt=clock.now() - LOOKED_AT_WITHIN)
    return given.exclude(problem="")
