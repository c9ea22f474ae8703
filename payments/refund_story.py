"""The steps of a refund in the story of its payment."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.template.defaultfilters import pluralize

from choptym.lib.money import Money
from choptym.lib.tones import BUSY, WARNING, tone_of
from payments.models import Payment, PaymentAttempt, Refund, RefundSource, RefundWay
from payments.states import WAITING_REFUNDS, AttemptState, RefundState
from payments.story_steps import Step, lines_of, papers_of
from wallets.models import Entry

_SOURCES = {
    RefundSource.STAFF: "asked for by {who}: “{reason}”",
    RefundSource.BULK: "by a bulk upload of {who}: “{reason}”",
    RefundSource.OUTSIDE: "begun at the gateway: we only heard of it",
}


def refund_steps(refund: Refund, entries: Sequence[Entry]) -> Iterator[Step]:
    """Asked for by whom and why, sent, and how it ended.

    Entries bear the time at which their transaction began, the row's own times are a moment later: a step is told
    before what was booked for it.
    """
    begun_at = min([refund.created_at, *_posted(entries, refund, "given", "out")])
    yield _asked(refund, begun_at)
    is_ours = refund.source != RefundSource.OUTSIDE and refund.way == RefundWay.GATEWAY
    if refund.requested_at is not None and is_ours:
        yield _sent(refund, refund.requested_at)
    if refund.finished_at is not None:
        ended_at = min([refund.finished_at, *_posted(entries, refund, "given_back", "out_back")])
        yield _ended(refund, max(begun_at, ended_at))


def _posted(entries: Sequence[Entry], refund: Refund, *names: str) -> list[datetime]:
    reasons = {f"refund:{refund.pk}:{name}" for name in names}
    return [entry.posted_at for entry in entries if entry.reason in reasons]


def refunded_of(payment: Payment, refunds: Sequence[Refund]) -> tuple[Money, Money]:
    """What was given back by now, and what is on its way. In the payment's currency."""
    mine = [refund for refund in refunds if refund.currency == payment.currency]
    given = sum(refund.amount_minor for refund in mine if refund.state == RefundState.REFUNDED)
    waiting = sum(refund.amount_minor for refund in mine if refund.state in WAITING_REFUNDS)
    return Money(given, payment.currency), Money(waiting, payment.currency)


def collected_by(payment: Payment, attempts: Sequence[PaymentAttempt]) -> Money:
    """What may be given back at most: all that its tries collected, or what was paid from the wallet."""
    took = [one for one in attempts if one.state in {AttemptState.PAID, AttemptState.SURPLUS}]
    amounts = [one.collected_minor or 0 for one in took if one.collected_currency == payment.currency]
    return Money(sum(amounts), payment.currency) if amounts else payment.amount


def _asked(refund: Refund, at: datetime) -> Step:
    where = "into the wallet" if refund.way == RefundWay.WALLET else f"through {refund.gateway}"
    is_waiting = refund.state == RefundState.QUEUED
    return Step(
        at,
        "refund",
        "undo",
        f"Refund {refund.pk}: {refund.amount} {where}",
        BUSY if is_waiting else tone_of(""),
        refund.state if is_waiting else "",
        lines_of(
            _SOURCES[RefundSource(refund.source)].format(who=refund.asked_by or "nobody we know", reason=refund.reason),
            _of_surplus(refund),
            f"not sent yet: {refund.problem}" if is_waiting and refund.problem else "",
        ),
    )


def _sent(refund: Refund, at: datetime) -> Step:
    is_open = refund.finished_at is None and refund.state != RefundState.QUEUED
    asks = f", asked about {refund.asks_made} time{pluralize(refund.asks_made)} since" if refund.asks_made else ""
    return Step(
        at,
        "refund sent",
        "call_made",
        f"Refund {refund.pk}: {refund.gateway} is asked to give back",
        (WARNING if refund.problem else BUSY) if is_open else tone_of(""),
        refund.state if is_open else "",
        lines_of(
            f"our reference {refund.reference}, try {refund.attempts_made}{asks}",
            f"last answer: HTTP {refund.http_status}" if refund.http_status else "",
            f"the gateway's id {refund.gateway_refund_id}" if refund.gateway_refund_id else "",
            "the gateway has it; banks may take days" if refund.state == RefundState.PENDING else "",
            refund.problem if is_open else "",
        ),
        papers_of({"What we sent": refund.request, "What came back": refund.response}),
    )


def _ended(refund: Refund, at: datetime) -> Step:
    is_given = refund.state == RefundState.REFUNDED
    return Step(
        at,
        "refund ended",
        "currency_exchange" if is_given else "block",
        f"Refund {refund.pk}: {'given back' if is_given else 'nothing was given back'}",
        WARNING if is_given and refund.problem else tone_of(refund.state),
        refund.state,
        lines_of(
            refund.failure_code,
            refund.problem,
            f"the bank's reference {refund.bank_reference}" if refund.bank_reference else "",
        ),
    )


def _of_surplus(refund: Refund) -> str:
    if refund.attempt is None or refund.attempt.state != AttemptState.SURPLUS:
        return ""
    return f"of the money that try {refund.attempt.number} took too many"
