"""What signed events say, taken at its word (docs/adr/0021-a-signed-event-may-settle.md).

Believed is what cannot become untrue: that money was collected, and what became of a refund. Everything else ("not
paid", "waiting", a word that we do not know) is a snapshot that something newer may have overtaken: there the event is
a hint to ask, like an unsigned one.
"""

from collections.abc import Mapping, Sequence

import structlog
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.errors import ChoptymError
from choptym.lib.failpoints import commits, committing
from payments import in_force
from payments.attempts import learn_transaction
from payments.events import Match, make_due, mark_matched, may_be_parked, park
from payments.facts import Paid
from payments.gateways import gateway_names, get_gateway
from payments.gateways.base import Outcome, RefundStatus, Status
from payments.gateways.facts_json import Facts, load_facts
from payments.locks import Look, lock_payments
from payments.models import DeadLetter, Payment, PaymentAttempt, WebhookEvent
from payments.refunds.take_up import take_up_refund
from payments.refunds.whose import attempt_of
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState

log = structlog.get_logger(__name__)

UNREADABLE = "says something that this release cannot read"


def signs_events(gateway: str) -> bool:
    """Whether the signature of this gateway's events covers what they say."""
    return gateway in gateway_names() and get_gateway(gateway).rules.signs_events


def take_up_told(gateway: str, looks: Sequence[Look], known: Mapping[int, Match]) -> list[Look]:
    """Act on what these events say where it may be believed. Returns the others: hints, to be asked about.

    Commits: settlements in batches, then that their events are matched; each refund by itself. A crash in between
             repeats it, which changes nothing.
    Raises:  OperationalError: what was not done is due again.
    """
    facts = _facts_of(gateway, looks)
    paid: list[tuple[Match, Status]] = []
    refunds: list[tuple[Look, RefundStatus]] = []
    hints: list[Look] = []
    for look in sorted(looks, key=lambda look: look.event_id):
        match, said = known.get(look.event_id), facts.get(look.event_id, Facts())
        if said is None:
            _ask_about(match)
            park(look, problem=UNREADABLE)
        elif said.refund is not None:
            refunds.append((look, said.refund))
        elif match is not None and said.status is not None and _settles(match, said.status):
            paid.append((match, said.status))
        else:
            hints.append(look)
    _settle(gateway, paid)
    for look, refund in refunds:  # of money that was booked a moment ago, perhaps
        _take_up_refund(look, known.get(look.event_id), refund)
    return hints


def as_paid(attempt: PaymentAttempt, status: Status) -> Paid:
    """What is to be booked; with a problem, for a person, when the gateway speaks of another try than this one."""
    problem = status.problem
    if status.reference not in {"", str(attempt.reference)}:
        problem = f"the gateway names {status.reference} for what we know as {attempt.reference}"
    return Paid(
        payment_id=attempt.payment_id,
        attempt_id=attempt.pk,
        money=None if problem else status.money,
        fee=status.fee,
        transaction_id=status.transaction_id,
        gateway_payment_id=status.gateway_payment_id,
        problem=problem,
        gateway=attempt.gateway,
    )


def _facts_of(gateway: str, looks: Sequence[Look]) -> dict[int, Facts | None]:
    """By the event's id, of those that say something; None where it cannot be read."""
    if not signs_events(gateway):
        return {}  # whatever stands in the row: a hint stays a hint
    said = WebhookEvent.objects.filter(pk__in=[look.event_id for look in looks]).exclude(facts={})
    return {event_id: _read(event_id, stored) for event_id, stored in said.values_list("pk", "facts")}


def _read(event_id: int, stored: object) -> Facts | None:
    try:
        said = load_facts(stored)
    except ValueError as error:
        log.exception("what a signed event says cannot be read", event_id=event_id, error=str(error))
        return None
    if said.status is not None and said.status.outcome is Outcome.UNMAPPED:
        log.error("the gateway used a word we do not know", event_id=event_id, word=said.status.word)
    return said


def _settles(match: Match, status: Status) -> bool:
    """Money was collected, for a try whose transaction this is, as far as we know.

    Not when we know the try under another id: that may be the order behind a payment link, or a second order, and the
    gateway is asked which. Not when some of it went back already: what is left, only the gateway can say.
    """
    is_ours = match.names_its_transaction or not match.attempt.transaction_id
    return status.outcome is Outcome.PAID and is_ours and status.refunded is None


def _settle(gateway: str, told: Sequence[tuple[Match, Status]]) -> None:
    """Book first, then mark: should we die in between, it is told again and found booked."""
    if not told:
        return
    booked = {AttemptState.PAID, AttemptState.SURPLUS}
    # The same money is announced more than once: what the first event says counts.
    new = {match.attempt.pk: (match, status) for match, status in reversed(told) if match.attempt.state not in booked}
    paid = [as_paid(match.attempt, status) for match, status in reversed(new.values())]
    size = in_force.current().batch_size
    for start in range(0, len(paid), size):
        settle_batch(paid[start : start + size])
    _learn_transactions([match for match, _ in new.values()])
    _report_second_money(told)
    mark_matched([(match.look.event_id, match.attempt.payment_id) for match, _ in told])


def _learn_transactions(matches: Sequence[Match]) -> None:
    """Signed bodies may tie a transaction to a try of which we had no id. Settlement has done so for most."""
    told = {match.attempt.pk: match for match in matches if not match.attempt.transaction_id}
    for attempt in PaymentAttempt.objects.filter(pk__in=told, transaction_id=""):
        with committing("told.learn"):
            lock_payments([attempt.payment_id])
            learn_transaction(attempt.pk, told[attempt.pk].look.transaction_id)


def _report_second_money(told: Sequence[tuple[Match, Status]]) -> None:
    """Two payments of one transaction: one is booked. Gateways promise to give the other back; people should know."""
    tries = {match.attempt.pk for match, _ in told}
    booked = dict(PaymentAttempt.objects.filter(pk__in=tries).values_list("pk", "gateway_payment_id"))
    for match, status in told:
        ids = {booked[match.attempt.pk], status.gateway_payment_id} - {""}
        if len(ids) > 1:
            which = {"gateway": match.attempt.gateway, "transaction": status.transaction_id}
            log.error("a transaction was paid twice", **which, by=sorted(ids))


def _take_up_refund(look: Look, match: Match | None, status: RefundStatus) -> None:
    try:
        payment = take_up_refund(look.gateway, status, may_wait=may_be_parked(look))
    except OperationalError:
        raise
    except (DatabaseError, ChoptymError):
        log.exception("what is said of a refund could not be taken up", event_id=look.event_id)
        payment = None
    if payment is None:
        _ask_about(match)
        _ask_after_failure(match)
        park(look, gives_up=not _is_up_to_a_person(look, match, status))
        return
    _ask_about(match)
    mark_matched([(look.event_id, payment.pk)])


def _is_up_to_a_person(look: Look, match: Match | None, status: RefundStatus) -> bool:
    """Whether somebody has still to decide about the money that it gives back, for which they may take any time."""
    attempt = match.attempt if match is not None else attempt_of(look.gateway, status)
    if attempt is None:
        return False
    is_under_review = Payment.objects.filter(pk=attempt.payment_id, state=PaymentState.REVIEW).exists()
    return is_under_review or DeadLetter.objects.filter(payment=attempt.payment_id, replayed_at__isnull=True).exists()


@commits("told.ask_after_failure")
def _ask_after_failure(match: Match | None) -> None:
    """A try that failed, and whose money goes back, was paid after all: the gateway is asked again."""
    if match is not None and match.attempt.state == AttemptState.NOT_PAID:
        failed = Payment.objects.filter(pk=match.attempt.payment_id, settled_at__isnull=True)
        failed.exclude(state=PaymentState.REVIEW).update(next_check_at=clock.now())


def _ask_about(match: Match | None) -> None:
    """While the payment is open there is something to ask: money that goes back had come, say, and we were not told."""
    if match is not None:
        make_due([match])
