"""Finding payments by what a caller can tell us. Every road leads through an index: there are millions of rows."""

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max, Q

from choptym.lib.phones import national_number
from orders.find import order_id_of
from payments.history import payments_of_archived_tries
from payments.models import Payment, PaymentAttempt
from payments.states import RefundState

# What one search looks at, at most, on its way to the payments.
MOST_TRIES = 100


def payments_like(text: str) -> Q:
    """Payments by id, order number, phone, user name, or our or the gateway's reference of one of their tries."""
    text = text.strip()
    found = Q(pk__in=[attempt.payment_id for attempt in PaymentAttempt.objects.filter(tries_like(text))[:MOST_TRIES]])
    found |= Q(pk__in=payments_of_archived_tries(text, most=MOST_TRIES))
    number = order_id_of(text)
    if number is not None:
        found |= Q(order_id=number)
        if text.isdecimal():
            found |= Q(pk=number)
    if phone := national_number(text):
        found |= Q(phone=phone)
    user_id = User.objects.filter(username=text).values_list("pk", flat=True).first()
    return found | Q(user_id=user_id) if user_id is not None else found


def tries_like(text: str) -> Q:
    """Tries by our reference or the gateway's id."""
    text = text.strip()
    found = Q(transaction_id=text) & ~Q(transaction_id="")
    try:
        return found | Q(reference=uuid.UUID(text))
    except ValueError:
        return found


def refunds_like(text: str) -> Q:
    """Refunds by our reference or the gateway's id; one that failed by our reference only."""
    text = text.strip()
    found = Q(gateway__in=[*settings.GATEWAYS], gateway_refund_id=text)
    found &= ~Q(gateway_refund_id="") & ~Q(state=RefundState.FAILED)
    try:
        return found | Q(reference=uuid.UUID(text))
    except ValueError:
        return found


def events_like(text: str) -> Q:
    """Webhook events by the gateway's id, or by their key."""
    text = text.strip()
    return Q(transaction_id=text) | Q(key=text)


def first_id_since(at: datetime) -> int:
    """The first payment that was accepted at this time or later; one past the last when there is none.

    Ids grow with time, so halving the span finds it in some twenty looks at the primary key, without an index on the
    time that every payment would have to keep up.
    """
    low, high = 1, (Payment.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = Payment.objects.filter(pk__gte=middle).order_by("pk").values_list("pk", "queued_at").first()
        if row is None or row[1] >= at:
            high = middle
        else:
            low = row[0] + 1
    return low
