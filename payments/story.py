"""The story of a payment: everything that happened to it, in the order of time, for staff who are asked about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Q

from choptym.audit.models import Act
from choptym.lib import clock
from choptym.lib.money import Money
from notifications.models import Notification
from orders.models import Order, OrderItem
from payments.history import Archived, archived_about
from payments.models import DeadLetter, Detour, Payment, PaymentAttempt, Refund, WebhookEvent
from payments.refund_story import collected_by, refund_steps, refunded_of
from payments.states import AttemptState
from payments.story_steps import (
    HOLDS_MONEY,
    Step,
    acceptance,
    act,
    dead_letter,
    detour,
    ending,
    entry,
    event,
    lines_of,
    message,
    order_steps,
    review,
)
from payments.try_story import disproof, judged_at, tries, verdict
from wallets.models import Entry


@dataclass(frozen=True, slots=True)
class Moment:
    """A step, with how long after the payment was accepted it came, and how long after the step before."""

    step: Step
    after_seconds: float
    pause_seconds: float

    @property
    def after(self) -> str:
        return f"+{_duration(self.after_seconds)}"


@dataclass(frozen=True, slots=True)
class Story:
    payment: Payment
    order: Order | None
    items: Sequence[OrderItem]
    moments: Sequence[Moment]
    open_letter: DeadLetter | None
    collected: Money
    refunded: Money
    on_its_way_back: Money
    stuck_refunds: Sequence[Refund]

    @property
    def fee(self) -> Money | None:
        fee = self.payment.fee_minor
        return None if fee is None or self.payment.state not in HOLDS_MONEY else Money(fee, self.payment.currency)


def read_story(payment_id: int) -> Story:
    """One query for each kind of thing that can happen to a payment. Raises Payment.DoesNotExist."""
    payment = Payment.objects.select_related("user", "order__shop").get(pk=payment_id)
    letters = list(DeadLetter.objects.filter(payment=payment).select_related("replayed_by"))
    took = list(PaymentAttempt.objects.filter(payment=payment))
    refunds = list(Refund.objects.filter(payment=payment).select_related("asked_by", "attempt").order_by("pk"))
    archived = archived_about(_names(payment, took, refunds))
    attempts = sorted([*took, *archived[PaymentAttempt]], key=lambda attempt: attempt.number)
    steps = sorted(_steps(payment, attempts, refunds, letters, archived), key=lambda step: (step.at, step.rank))
    refunded, on_its_way_back = refunded_of(payment, refunds)
    return Story(
        payment=payment,
        order=payment.order,
        items=list(OrderItem.objects.filter(order=payment.order_id).order_by("pk")) if payment.order_id else [],
        moments=list(_moments(payment.queued_at, steps)),
        open_letter=next((letter for letter in letters if letter.replayed_at is None), None),
        collected=collected_by(payment, attempts),
        refunded=refunded,
        on_its_way_back=on_its_way_back,
        stuck_refunds=[refund for refund in refunds if refund.finished_at is None and refund.problem],
    )


def _names(payment: Payment, attempts: Sequence[PaymentAttempt], refunds: Sequence[Refund]) -> list[str]:
    """What a second try took too many is booked and told of by the name of the try, what went back by its refund's."""
    tries = [f"attempt:{attempt.pk}" for attempt in attempts]
    return [f"payment:{payment.pk}", *tries, *(f"refund:{refund.pk}" for refund in refunds)]


def _steps(
    payment: Payment,
    attempts: Sequence[PaymentAttempt],
    refunds: Sequence[Refund],
    letters: Sequence[DeadLetter],
    archived: Archived,
) -> Iterator[Step]:
    names = _names(payment, attempts, refunds)
    detours = list(Detour.objects.filter(payment=payment).order_by("pk"))
    yield acceptance(payment, detours[0].from_gateway if detours else payment.gateway)
    yield from map(detour, detours)
    events = [*archived[WebhookEvent], *WebhookEvent.objects.filter(payment=payment)]
    acts = list(Act.objects.filter(about=names[0]).select_related("actor").order_by("pk"))
    last_word_at = _judged_at(payment, acts)
    for attempt in attempts:
        yield from tries(attempt, payment.pending_at)
        at = judged_at(payment, attempt, last_word_at)
        if at is not None and attempt.state in _JUDGED:
            yield verdict(attempt, at, told=any(row.received_at <= at for row in events))
        if attempt.state == AttemptState.DISPROVED:
            yield disproof(attempt, _decided_at(payment, acts))
    yield from (review(row) for row in acts if row.details.get("since"))
    yield from map(event, events)
    posted = Entry.objects.filter(reduce(or_, (Q(reason__startswith=f"{name}:") for name in names)))
    entries = list(posted.select_related("debit", "credit").order_by("pk"))
    for refund in refunds:
        yield from refund_steps(refund, entries)
    yield from map(entry, entries)
    yield from map(message, [*archived[Notification], *Notification.objects.filter(about__in=names)])
    yield from map(dead_letter, letters)
    # Who asked for a refund, and why, its own first step tells.
    yield from (act(row) for row in acts if row.verb != "refund_payment")
    if payment.order is not None:
        yield from order_steps(payment.order)
    if payment.finished_at is not None:
        yield ending(payment, payment.finished_at)
        yield from _forgotten(payment.finished_at)


def _forgotten(at: datetime) -> Iterator[Step]:
    """What of a payment that ended then is not kept any more: its story must not look whole when it is not."""
    age, month = clock.now() - at, timedelta(days=31)
    papers = timedelta(days=settings.PAPERS_KEPT_FOR_DAYS)
    events = timedelta(days=settings.EVENTS_KEPT_FOR_DAYS) + settings.HISTORY_KEPT_FOR_MONTHS * month
    gone = lines_of(
        "the words of the calls to the gateway" if age > papers else "",
        "webhook events, messages and tries that took no money"
        if settings.HISTORY_KEPT_FOR_MONTHS and age > events
        else "",
    )
    if gone:
        yield Step(at, "act", "inventory_2", "So long after its end some of this is not kept any more", lines=gone)


_JUDGED = frozenset({AttemptState.PAID, AttemptState.NOT_PAID, AttemptState.DISPROVED})


def _judged_at(payment: Payment, acts: Sequence[Act]) -> datetime | None:
    """When the gateway's last word came: where a person decided later, the decision tells since when it waited."""
    since = [str(act.details["since"]) for act in acts if act.details.get("since")]
    return datetime.fromisoformat(since[0]) if since else payment.finished_at


def _decided_at(payment: Payment, acts: Sequence[Act]) -> datetime:
    """When a person found that nothing was collected; the last one, should the gateway have insisted."""
    decided = [row.at for row in acts if row.verb == "fail_payment"]
    return decided[-1] if decided else payment.finished_at or payment.queued_at


def _moments(start: datetime, steps: Sequence[Step]) -> Iterator[Moment]:
    before: Any = start
    for step in steps:
        yield Moment(step, (step.at - start).total_seconds(), (step.at - before).total_seconds())
        before = step.at


def _duration(seconds: float) -> str:
    """As exact as it is of use: 0.42 s, 17 s, 3 min 20 s, 5 h 12 min, 2 days."""
    if seconds < 10:
        return f"{max(0.0, seconds):.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"
