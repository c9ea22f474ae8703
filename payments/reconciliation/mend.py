"""Mending what a comparison found, by the same roads that every payment takes.

A list is a hint, as a webhook is: the gateway's own record of the transaction decides. A try that is open becomes due
to be asked about; one that had ended is looked up here, and what was collected for it goes to settle_batch().
"""

from collections.abc import Mapping, Sequence

import structlog
from django.db import transaction
from django.utils import timezone

from choptym.lib.errors import NotFound, Rejected, Unavailable
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from payments.attempts import learn_transaction
from payments.facts import Paid
from payments.gateways import get_gateway
from payments.gateways.base import Line, Outcome, RefundOutcome, RefundStatus, Status
from payments.gateways.threads import gateway_threads
from payments.locks import lock_payments
from payments.models import Payment, PaymentAttempt, Refund
from payments.reconciliation.facts import Comparison
from payments.refunds.take_up import take_up_refund
from payments.settle import settle_batch
from payments.states import OPEN_ATTEMPTS, WAITING_REFUNDS, AttemptState, PaymentState

log = structlog.get_logger(__name__)

# So many in one transaction, or asked about before what they say is booked.
AT_ONCE = 100


def mend(gateway: str, comparison: Comparison) -> int:
    """Do what can be done without a person. Returns how many things are on their way. Safe to run again.

    Network: a status query for each try that had ended, several at a time.
    Commits: each group by itself.
    """
    due = ask_again(gateway, comparison.open_tries)
    booked = book_ended(gateway, comparison.ended_tries)
    waiting = Refund.objects.filter(pk__in=comparison.open_refunds, state__in=WAITING_REFUNDS)
    refunds = waiting.exclude(gateway_refund_id="").update(next_attempt_at=timezone.now())
    told = [_as_refund(line, transaction_id) for line, transaction_id in comparison.strange_refunds]
    refunds += sum(take_up_refund(gateway, status) is not None for status in told)
    return due + booked + refunds


def ask_again(gateway: str, tries: Mapping[int, str]) -> int:
    """Let the gateway be asked about these open tries now. An id that a lost answer kept from us is learnt: the line
    names our own reference."""
    made_due = 0
    for part in _parts(sorted(tries)):
        with transaction.atomic(durable=True):
            attempts = PaymentAttempt.objects.filter(pk__in=part, gateway=gateway, state__in=OPEN_ATTEMPTS)
            lock_payments([attempt.payment_id for attempt in attempts])
            still_open = list(attempts.all().select_related("payment"))
            for attempt in still_open:
                if not attempt.transaction_id and not attempt.payment.by_link:
                    learn_transaction(attempt.pk, tries[attempt.pk])
            payments = Payment.objects.filter(pk__in=[attempt.payment_id for attempt in still_open])
            due = payments.filter(settled_at__isnull=True).exclude(state=PaymentState.REVIEW)
            made_due += due.update(next_check_at=timezone.now())
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
        problem=status.problem,
    )


def _as_refund(line: Line, transaction_id: str) -> RefundStatus:
    """A line of money that went out, in the words of a refund."""
    status = line.status
    outcomes = {Outcome.PAID: RefundOutcome.DONE, Outcome.WAITING: RefundOutcome.PENDING}
    return RefundStatus(
        outcome=outcomes.get(status.outcome, RefundOutcome.UNMAPPED),
        gateway_refund_id=status.transaction_id,
        reference=status.reference,
        money=status.money,
        transaction_id=transaction_id,
        gateway_payment_id=status.gateway_payment_id,
        bank_reference=status.operator_reference,
        word=status.word,
        problem=status.problem,
        occurred_at=status.occurred_at,
    )


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
