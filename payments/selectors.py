"""Reads that several callers need, or whose query is worth a name. Each uses a partial index of waiting rows."""

from django.conf import settings
from django.utils import timezone

from payments.models import Payment, WebhookEvent
from payments.states import WAITING_STATES


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


def gateways_with_events() -> list[str]:
    """The gateways of which a webhook event is due to be looked at."""
    now = timezone.now()
    return [
        gateway
        for gateway in settings.GATEWAYS
        if WebhookEvent.objects.filter(gateway=gateway, next_look_at__lte=now).exists()
    ]
