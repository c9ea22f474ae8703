"""Mending what a comparison found, by the same roads that every payment takes.

A list is a hint, as a webhook is: the gateway's own record of the transaction decides. A try that is open becomes due
to be asked about; one that had ended is looked up here, and what was collected for it goes to settle_batch().
"""

from collections.abc import Mapping, Sequence

import structlog
from django.db import DatabaseError, OperationalError
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.errors import ChoptymError, NotFound, Rejected, Unavailable
from choptym.lib.failpoints import around, committing
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from payments.attempts import learn_transaction
from payments.facts import Paid
from payments.gateways import get_gateway
from payments.gateways.base import Line, Outcome, RefundStatus, Status
from payments.gateways.threads import gateway_threads
from payments.locks import lock_payments
from payments.models import Payment, PaymentAttempt, Refund
from payments.reconciliation.facts import Comparison, Try
from payments.refunds.take_up import take_up_refund
from payments.settle import settle_batch
from payments.states import OPEN_ATTEMPTS, WAITING_REFUNDS, AttemptState, PaymentState, RefundState

log = structlog.get_logger(__name__)

# So many in one transaction, or asked about before what they say is booked.
AT_ONCE = 100


def mend(gateway: str, comparison: Comparison) -> int:
    """Do what can be done without a person. Returns how many things are on their way. Safe to run again.

    Network: a query for each try that had ended and each refund that is not ours, several at a time.
    Commits: each group by itself.
    """
    due = ask_again(gateway, comparison.open_tries)
    booked = book_ended(gateway, comparison.ended_tries)
    named = Refund.objects.filter(pk__in=comparison.open_refunds)
    waiting = Q(state__in=WAITING_REFUNDS) & ~Q(gateway_refund_id="")
    with around("reconcile.refunds_due"):
        refunds = named.filter(waiting | Q(state=RefundState.FAILED)).update(next_attempt_at=clock.now())
    return due + booked + refunds + take_up_strange(gateway, comparison.strange_refunds)


def ask_again(gateway: str, tries: Mapping[int, str]) -> int:
    """Let the gateway be asked about these open tries now. An id that a lost answer kept from us is learnt: the line
    names our own reference."""
    made_due = 0
    for part in _parts(sorted(tries)):
        with committing("reconcile.ask_again"):
            attempts = PaymentAttempt.objects.filter(pk__in=part, gateway=gateway, state__in=OPEN_ATTEMPTS)
            lock_payments([attempt.payment_id for attempt in attempts])
            still_open = list(attempts.all().select_related("payment"))
            for attempt in still_open:
                if not attempt.transaction_id and not attempt.payment.by_link:
                    learn_transaction(attempt.pk, tries[attempt.pk])
            payments = Payment.objects.filter(pk__in=[attempt.payment_id for attempt in still_open])
            due = payments.filter(settled_at__isnull=True).exclude(state=PaymentState.REVIEW)
            made_due += due.update(next_check_at=clock.now())
    return made_due


def book_ended(gateway: str, tries: Mapping[int, str]) -> int:
    """Ask what became of tries that we had given up, and book what was collected for them."""
    booked = 0
    for part in _parts(sorted(tries)):
        attempts = list(PaymentAttempt.objects.filter(pk__in=part, gateway=gateway).select_related("payment"))
        facts = [fact for fact in _ask(gateway, attempts, tries) if fact is not None]
        settle_batch(facts)
        booked += len(facts)
    return booked


def _ask(gateway: str, attempts: Sequence[PaymentAttempt], tries: Mapping[int, str]) -> list[Paid | None]:
    refuse_in_transaction()
    give_back_connections()
    adapter = get_gateway(gateway)

    def ask(attempt: PaymentAttempt) -> Paid | None:
        """Runs in a thread of its own, without the database."""
        named = attempt.transaction_id or tries[attempt.pk]
        try:
            return _as_paid(attempt, adapter.fetch_status(named, is_link=attempt.payment.by_link))
        except (NotFound, Unavailable, Rejected) as error:
            log.warning("the gateway lists a payment and does not show it", attempt=attempt.pk, error=str(error))
            return None

    return list(gateway_threads(gateway).map(ask, attempts))


def _as_paid(attempt: PaymentAttempt, status: Status) -> Paid | None:
    """Only what the gateway's own record of this try calls paid."""
    is_ours = status.reference in {"", str(attempt.reference)}
    if status.outcome is not Outcome.PAID or not is_ours or attempt.state == AttemptState.PAID:
        return None
    return Paid(
        payment_id=attempt.payment_id,
        attempt_id=attempt.pk,
        money=None if status.problem else status.money,
        fee=status.fee,
        transaction_id=status.transaction_id,
        gateway_payment_id=status.gateway_payment_id,
        problem=status.problem,
    )


def take_up_strange(gateway: str, refunds: Sequence[tuple[Line, Try]]) -> int:
    """Take up what the gateway's own records say of refunds that were not begun here.

    A list does not tell all: whether the gateway began it by itself, for money that never was ours. What its record
    does not show stays a break, for a person.
    """
    taken = 0
    for start in range(0, len(refunds), AT_ONCE):
        for status in _ask_about_refunds(gateway, refunds[start : start + AT_ONCE]):
            taken += status is not None and _take_up(gateway, status)
    return taken


def _ask_about_refunds(gateway: str, refunds: Sequence[tuple[Line, Try]]) -> list[RefundStatus | None]:
    refuse_in_transaction()
    give_back_connections()
    adapter = get_gateway(gateway)

    def ask(named: tuple[Line, Try]) -> RefundStatus | None:
        """Runs in a thread of its own, without the database."""
        line, ours = named
        transaction_id, refund_id = ours.transaction_id, line.status.transaction_id
        try:
            return adapter.fetch_refund(
                "", transaction_id=transaction_id, is_link=ours.by_link, gateway_refund_id=refund_id
            )
        except (NotFound, Unavailable, Rejected) as error:
            log.warning("the gateway lists a refund and does not show it", refund=refund_id, error=str(error))
            return None

    return list(gateway_threads(gateway).map(ask, refunds))


def _take_up(gateway: str, status: RefundStatus) -> bool:
    """One that cannot be taken up must not keep back the others."""
    try:
        return take_up_refund(gateway, status) is not None
    except OperationalError:
        raise
    except (DatabaseError, ChoptymError):
        log.exception("a listed refund could not be taken up", gateway=gateway, refund=status.gateway_refund_id)
        return False


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
