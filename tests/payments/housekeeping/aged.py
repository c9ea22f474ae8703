"""Rows as they are long after, and what became of them."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from payments.housekeeping.kept import KEPT, Kept
from payments.housekeeping.step import take_step
from payments.models import History, Payment, PaymentAttempt, WebhookEvent
from payments.settle import settle_batch
from payments.states import AttemptState, EventState, PaymentState
from tests.factories import fresh, make_attempt, make_event, make_payment, make_pending, paid

EVER = 3_000.0


def days_ago(days: float) -> Any:
    return timezone.now() - timedelta(days=days)


def kept(name: str) -> Kept:
    [line] = [line for line in KEPT if line.name == name]
    return line


def clean(name: str) -> int:
    """One step of this kind."""
    return take_step(kept(name))


def age(row: models.Model, days: float, *columns: str) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**dict.fromkeys(columns, days_ago(days)))


def old_failure(days: float = EVER, state: PaymentState = PaymentState.FAILED, **columns: Any) -> Payment:
    """A payment that ended unpaid so long ago, without its tries."""
    payment = make_payment(state=state, **{"attempts_made": 1, **columns})
    age(payment, days, "finished_at", "requested_at", "queued_at")
    return fresh(payment)


def old_settled(days: float = EVER) -> Payment:
    """A payment that was settled so long ago, with the try that took the money."""
    payment, attempt = make_pending()
    settle_batch([paid(payment)])
    age(payment, days, "finished_at", "settled_at", "requested_at", "queued_at")
    age(attempt, days, "started_at")
    return fresh(payment)


def old_try(
    payment: Payment, days: float = EVER, state: AttemptState = AttemptState.NOT_PAID, **columns: Any
) -> PaymentAttempt:
    words = {"request": {"phone": "67…"}, "response": {"status": "FAILED"}, "http_status": 200, "latency_ms": 31}
    return make_attempt(payment, state, **{**words, "started_at": days_ago(days), **columns})


def old_event(payment: Payment | None, days: float = EVER, **columns: Any) -> WebhookEvent:
    state = EventState.UNCLAIMED if payment is None else EventState.MATCHED
    defaults = {"state": state, "payment": payment, "next_look_at": None, "word": "SUCCESSFUL", "payload": {"a": 1.5}}
    event: WebhookEvent = make_event(**{**defaults, **columns})
    age(event, days, "received_at")
    return fresh(event)


def is_there(row: models.Model) -> bool:
    return type(row)._default_manager.filter(pk=row.pk).exists()


def archived(kind: str, row: models.Model) -> list[History]:
    return list(History.objects.filter(kind=kind, row_id=row.pk))
