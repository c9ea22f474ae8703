"""Each kind of step in the story of a payment, in words that staff can read out to the customer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.template import TemplateDoesNotExist

from choptym.audit.models import Act
from choptym.lib.money import Money
from choptym.lib.tones import BAD, BUSY, QUIET, WARNING, tone_of
from notifications.deliver import write_letter
from notifications.models import Notification, NotificationState
from orders.models import Order
from payments.failures import sentence
from payments.models import DeadLetter, Detour, Payment, WebhookEvent
from payments.states import EventState, PaymentState
from wallets.models import Entry

# What comes first of what was written in the same instant.
_ORDER = (
    "accepted", "detour", "try", "answer", "event", "verdict", "review", "order", "ending", "decision", "refund",
    "refund sent", "refund ended", "entry", "message", "dead letter", "act",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paper:
    """Something long, to be unfolded."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    kind: str
    icon: str
    title: str
    tone: str = QUIET
    state: str = ""
    lines: tuple[str, ...] = ()
    papers: tuple[Paper, ...] = ()

    @property
    def rank(self) -> int:
        return _ORDER.index(self.kind)


def acceptance(payment: Payment, gateway: str) -> Step:
    """`gateway` as it was then: the payment may have been moved since."""
    by = "a page of the gateway" if payment.by_link else payment.phone
    way = f"{gateway}, {by}" if by else gateway
    return Step(payment.queued_at, "accepted", "shopping_bag", f"Accepted: {payment.amount} by {way}")


def detour(row: Detour) -> Step:
    return Step(
        row.moved_at,
        "detour",
        "alt_route",
        f"Moved from {row.from_gateway} to {row.to_gateway}",
        WARNING,
        lines=lines_of(f"too many charges failed at {row.from_gateway}; this payment had not been asked for"),
    )


def review(row: Act) -> Step:
    """The review that this act of a person ended: when it began, and why."""
    at, state = datetime.fromisoformat(str(row.details["since"])), PaymentState.REVIEW
    why = str(row.details.get("was", ""))
    return Step(at, "review", "flag", _ENDINGS[state], tone_of(state), state, lines_of(why))


def event(row: WebhookEvent) -> Step:
    word = row.word or "something"
    return Step(
        row.received_at,
        "event",
        "webhook",
        f"{row.gateway} told us: {word}",
        BUSY if row.state in {EventState.NEW, EventState.PARKED} else QUIET,
        row.state,
        lines_of(f"the gateway's id {row.transaction_id}" if row.transaction_id else "", row.problem),
        papers_of({"What it said": row.payload}),
    )


def entry(row: Entry) -> Step:
    title = f"Booked {row.amount}: {row.debit.name} → {row.credit.name}"
    return Step(row.posted_at, "entry", "swap_horiz", title, lines=lines_of(row.reason))


def message(row: Notification) -> Step:
    words = {
        NotificationState.SENT: "Told the customer by {}",
        NotificationState.WAITING: "Will tell the customer by {}",
        NotificationState.GIVEN_UP: "Could not tell the customer by {}",
    }
    late = (row.sent_at - row.created_at).total_seconds() if row.sent_at else None
    return Step(
        row.sent_at or row.created_at,
        "message",
        "sms" if row.channel == "sms" else "mail",
        words[NotificationState(row.state)].format(row.channel.upper()) + f": {row.kind.replace('_', ' ')}",
        tone_of(row.state),
        row.state,
        lines_of(
            f"to {row.address}" if row.channel != "push" else "to the customer's device",
            f"{late:.1f} s after it was written, at try {row.attempts}" if late is not None else "",
            row.problem,
        ),
        papers_of({"What it says": _text_of(row)}),
    )


def dead_letter(row: DeadLetter) -> Step:
    who = row.replayed_by.get_username() if row.replayed_by else ""
    return Step(
        row.created_at,
        "dead letter",
        "mark_email_unread",
        "It could not be settled, and was set aside",
        WARNING if row.replayed_at else BAD,
        "REPLAYED" if row.replayed_at else "OPEN",
        lines_of(row.reason[:300], f"replayed by {who}" if who else ""),
    )


def act(row: Act) -> Step:
    title = f"{row.actor.get_username()}: {row.verb.replace('_', ' ')}"
    return Step(row.at, "act", "person", title, lines=lines_of(f"“{row.reason}”"))


def order_steps(order: Order) -> Iterator[Step]:
    """That the order was given up, and taken up again: what the payment's own rows do not tell."""
    if order.cancelled_at is None:
        return
    yield Step(order.cancelled_at, "order", "remove_shopping_cart", "The order was cancelled: its stock is free again")
    if order.paid_at is not None:
        title = "The order was taken up again: everything for it was still there"
        yield Step(order.paid_at, "order", "restaurant", title, tone_of(order.state), order.state)


def ending(payment: Payment, at: datetime) -> Step:
    fee = payment.fee_minor
    why = sentence(payment.failure_code, "en") if payment.failure_code else ""
    return Step(
        at,
        "ending",
        "flag",
        _ENDINGS[PaymentState(payment.state)],
        tone_of(payment.state),
        payment.state,
        lines_of(
            f"The customer was told that {why}" if why and payment.state != PaymentState.CANCELLED else "",
            payment.problem,
            f"{payment.gateway} kept {Money(fee, payment.currency)}" if fee and payment.state in HOLDS_MONEY else "",
        ),
    )


# Of these a gateway kept something: a fee that it named for money which never came is none.
HOLDS_MONEY = frozenset({PaymentState.SETTLED, PaymentState.REVIEW})

_ENDINGS = {
    PaymentState.SETTLED: "Settled: the money is in our books",
    PaymentState.FAILED: "Failed: no money moved",
    PaymentState.EXPIRED: "Expired: it was not completed in time",
    PaymentState.CANCELLED: "Cancelled by the customer",
    PaymentState.REVIEW: "Under review: the gateway contradicts us, a person must look",
}


def lines_of(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def papers_of(papers: Mapping[str, object]) -> tuple[Paper, ...]:
    return tuple(
        Paper(title, content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False))
        for title, content in papers.items()
        if content
    )


def _text_of(row: Notification) -> str:
    try:
        letter = write_letter(row)
    except TemplateDoesNotExist:
        return ""
    return f"{letter.subject}\n\n{letter.text}"
