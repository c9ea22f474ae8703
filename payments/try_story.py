"""The tries at a gateway in the story of a payment: the question, what was answered at once, and the verdict."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from http import HTTPStatus

from choptym.lib.money import MINOR_DIGITS, Money
from choptym.lib.tones import tone_of
from payments.models import Payment, PaymentAttempt
from payments.states import AttemptState, PaymentState
from payments.story_steps import Step, lines_of, papers_of


def tries(attempt: PaymentAttempt, pending_at: datetime | None) -> Iterator[Step]:
    """The question, and what came of it. `pending_at`: when the payment was last accepted by a gateway."""
    yield Step(
        attempt.started_at,
        "try",
        "call_made",
        f"Try {attempt.number}: {attempt.gateway} is asked to collect",
        lines=lines_of(f"our reference {attempt.reference}"),
        papers=papers_of({"What we sent": attempt.request}),
    )
    if attempt.ended_at is None:
        return
    heard = _heard_at_once(attempt)
    answer = f"HTTP {attempt.http_status}" if attempt.http_status else "no answer"
    took = f" after {attempt.latency_ms} ms" if attempt.latency_ms is not None else ""
    yield Step(
        _answered_at(attempt, heard, pending_at, attempt.ended_at),
        "answer",
        "call_received",
        _ANSWERS[heard].format(gateway=attempt.gateway, number=attempt.number),
        tone_of(heard),
        heard,
        lines_of(
            f"{answer}{took}" if attempt.http_status or took else "",
            f"the gateway's id {attempt.transaction_id}" if attempt.transaction_id else "",
            _collected(attempt) if heard == attempt.state else "",
            f"the customer was told to do this: {attempt.instructions}" if attempt.instructions else "",
            "" if _is_of_the_verdict(attempt, heard) else attempt.problem,
        ),
        papers_of({"What came back": attempt.response}),
    )


_ANSWERS = {
    AttemptState.STARTED: "Try {number} has begun",
    AttemptState.ACCEPTED: "{gateway} accepted it: the customer must approve",
    AttemptState.UNKNOWN: "No answer from {gateway} that tells us anything: it may have asked the customer, or not",
    AttemptState.SURPLUS: "{gateway} took the money a second time: it is in the customer's wallet",
    AttemptState.REFUSED: "{gateway} refused to ask the customer",
    AttemptState.NOT_SENT: "It never reached {gateway}: nothing was charged",
    AttemptState.POSTPONED: "{gateway} asked us to come back later",
    AttemptState.ABSENT: "{gateway} proved to know nothing of it: nothing was charged",
}


_VERDICTS = {
    AttemptState.PAID: "paid",
    AttemptState.NOT_PAID: "not paid",
    AttemptState.DISPROVED: "paid",
}


def _heard_at_once(attempt: PaymentAttempt) -> AttemptState:
    """What was known when the call's answer was noted: how it ended came to light later."""
    state = AttemptState(attempt.state)
    if state not in _VERDICTS:
        return state
    return AttemptState.ACCEPTED if attempt.http_status == HTTPStatus.OK else AttemptState.UNKNOWN


def _answered_at(
    attempt: PaymentAttempt, heard: AttemptState, pending_at: datetime | None, ended_at: datetime
) -> datetime:
    """When the call's answer came: `ended_at` moves on when the gateway says in the end that nothing was paid."""
    if heard == attempt.state:
        return ended_at
    if heard is AttemptState.ACCEPTED and pending_at is not None and attempt.started_at <= pending_at <= ended_at:
        return pending_at
    took = timedelta(milliseconds=attempt.latency_ms or 0)
    return min(ended_at, attempt.started_at + took) if took else ended_at


def _is_of_the_verdict(attempt: PaymentAttempt, heard: AttemptState) -> bool:
    """Whether the try's problem is the reason of its end, and not why its call told us nothing."""
    if heard == attempt.state:
        return False
    return attempt.state == AttemptState.NOT_PAID or heard is AttemptState.ACCEPTED


def judged_at(payment: Payment, attempt: PaymentAttempt, otherwise: datetime | None) -> datetime | None:
    """When the gateway's last word on this try came. `otherwise`: on the payment.

    A try that was not paid keeps the time itself. What that word ended, it ended after it: the order is given up by the
    clock of the transaction's beginning, and the answer to a call may be noted after its own webhook.
    """
    if attempt.state != AttemptState.NOT_PAID or attempt.ended_at is None:
        return otherwise
    if payment.state != PaymentState.FAILED:
        return attempt.ended_at
    order = payment.order
    ends = (attempt.ended_at, payment.finished_at, order.cancelled_at if order else None)
    return min(end for end in ends if end is not None)


def verdict(attempt: PaymentAttempt, at: datetime, *, told: bool) -> Step:
    """What the gateway said in the end, and how we came to ask. That a person found otherwise comes later."""
    state = AttemptState.PAID if attempt.state == AttemptState.DISPROVED else AttemptState(attempt.state)
    return Step(
        at,
        "verdict",
        "gavel",
        f"We asked {attempt.gateway}: {_VERDICTS[state]}",
        tone_of(state),
        state,
        lines_of(
            _collected(attempt),
            "after its webhook" if told else "by ourselves: no webhook had come by then",
            attempt.problem if _is_of_the_verdict(attempt, _heard_at_once(attempt)) else "",
        ),
    )


def disproof(attempt: PaymentAttempt, at: datetime) -> Step:
    return Step(
        at,
        "decision",
        "gavel",
        f"A person found that try {attempt.number} collected nothing",
        tone_of(attempt.state),
        attempt.state,
    )


def _collected(attempt: PaymentAttempt) -> str:
    amount, currency = attempt.collected_minor, attempt.collected_currency
    if amount is None:
        return ""
    return f"collected {Money(amount, currency)}" if currency in MINOR_DIGITS else f"collected {amount} {currency}"
