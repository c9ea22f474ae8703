"""Reads that several callers need, or whose query is worth a name. Each uses a partial index of waiting rows."""

from django.conf import settings
from django.utils import timezone

from payments.models import BulkUpload, Payment, Refund, WebhookEvent
from payments.states import WAITING_STATES, EventState


def overdue_payments(limit: int) -> list[int]:
    """Payments that nobody paid in time, the longest overdue first."""
    overdue = Payment.objects.filter(state__in=WAITING_STATES, expires_at__lte=timezone.now())
    return list(overdue.order_by("expires_at").values_list("pk", flat=True)[:limit])


def gateways_to_ask() -> list[str]:
    """The gateways that are due to be asked about at least one payment."""
    now = timezone.now()
    return [
        gateway
        for gateway in settings.GATEWAYS
        if Payment.objects.filter(gateway=gateway, next_check_at__lte=now).exists()
    ]


def gateways_with_events(state: EventState) -> list[str]:
    """The gateways of which an event in this state is due to be looked at."""
    due = WebhookEvent.objects.filter(state=state, next_look_at__lte=timezone.now())
    return [gateway for gateway in settings.GATEWAYS if due.filter(gateway=gateway).exists()]


def is_bulk_due() -> bool:
    """Whether a started upload has lines to work on and nobody does."""
    return BulkUpload.objects.filter(next_attempt_at__lte=timezone.now()).exists()


def gateways_with_refunds() -> list[str]:
    """The gateways of which a refund is due to be sent or asked about."""
    due = Refund.objects.filter(next_attempt_at__lte=timezone.now())
    return [gateway for gateway in settings.GATEWAYS if due.filter(gateway=gateway).exists()]
