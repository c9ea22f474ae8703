"""Asking the gateways what is true, and acting on it.

Every road leads here: a webhook, a poll that is due, a lost answer, a dead worker. Each only makes a payment's
`next_check_at` due; what the gateway then says decides. Calls are made several at a time in threads that know no
database; their answers are taken up in groups as they come, and others that are due are asked about in their place: a
slow one keeps nobody waiting.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.deadline import moment
from choptym.lib.failpoints import committing
from choptym.lib.states import move, sources_of
from payments import in_force
from payments.ask import Answer, ask_all
from payments.attempts import learn_link, learn_transaction, record_attempt
from payments.charge import requeue, retry_delay_seconds
from payments.close import close_unpaid, still_watched
from payments.facts import Paid
from payments.failures import TRY_DECLINED
from payments.gateways import get_gateway
from payments.gateways.base import Outcome, Status
from payments.gateways.operators import is_operators_fault, operator_of
from payments.history import call_tries_back
from payments.locks import Check, claim_checks, lock_payments, release_checks
from payments.models import Payment
from payments.second_looks import next_look_at
from payments.settle import settle_batch
from payments.states import ATTEMPT_MOVES, PAYMENT_MOVES, WAITING_STATES, AttemptState, PaymentState
from payments.throttle.breaker import note_verdicts

log = structlog.get_logger(__name__)

# For so long others are asked about in the place of those that were answered; then it is another one's turn to claim.
GOES_ON_SECONDS = 5.0
# Checks that a failing database kept us from taking up are due again after this.
RELEASED_SECONDS = 1.0
# How often we look for an attempt whose answer was lost; the last one repeats.
SEARCH_SECONDS = (2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0)


def confirm_batch(gateway: str) -> int:
    """Ask one gateway about payments that are due, a batch first. Returns about how many; 0: none is, or it is stopped.

    While answers are awaited more are asked about, as many at a time as the gateway takes, for GOES_ON_SECONDS.
    Network: one call per payment, with no transaction open.
    Commits: each group of answers by itself. A crash in between leaves the rest to their lease; a lock that could not
    be had gives it back.
    Raises:  OperationalError.
    """
    if not in_force.may_ask(gateway):
        return 0
    began = moment()
    checks = claim_checks(gateway, in_force.current().batch_size)
    if not checks:
        return 0
    claim_more = partial(_claim_more, gateway, began + GOES_ON_SECONDS, checks)
    try:
        for group in ask_all(gateway, _with_attempt(checks), began, claim_more):
            _take_up(gateway, group)
        for check in checks:
            if check.attempt_id is None:
                _without_attempt(check)
    except OperationalError:
        release_checks(checks, seconds=RELEASED_SECONDS)
        raise
    return len(checks)


def _claim_more(gateway: str, until: float, checks: list[Check], room: int) -> list[Check]:
    """Those to ask about next. All that are claimed are added to `checks`."""
    if moment() > until or not in_force.may_ask(gateway):
        return []
    more = claim_checks(gateway, room)
    checks += more
    return _with_attempt(more)


def _with_attempt(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.attempt_id is not None]


def _take_up(gateway: str, answers: Sequence[Answer]) -> None:
    note_verdicts(gateway, _verdicts(answers))
    paid = [_as_paid(answer.check, answer.status) for answer in answers if _is_paid(answer)]
    settle_batch([fact for fact in paid if fact is not None])
    for answer in answers:
        if _is_paid(answer):
            continue
        try:
            _take_up_unpaid(gateway, answer)
        except OperationalError:
            raise
        except DatabaseError:
            # The payment comes up again after its lease; the others of its group go on.
            log.exception("answer could not be recorded", payment=answer.check.payment_id)


def _verdicts(answers: Sequence[Answer]) -> list[tuple[str, bool]]:
    """What the ends of these charges tell of the operators: each that an operator is to blame for, and who works."""
    failed, works = [], set()
    for check, status in ((answer.check, answer.status) for answer in answers):
        operator = "" if check.by_link else operator_of(check.phone)
        is_end = status is not None and status.outcome in {Outcome.PAID, Outcome.NOT_PAID}
        if not operator or status is None or not is_end or check.state not in WAITING_STATES:
            continue
        if status.outcome is Outcome.NOT_PAID and is_operators_fault(status.reason):
            failed.append((operator, False))
        else:
            works.add((operator, True))
    return [*failed, *works]


def _is_paid(answer: Answer) -> bool:
    return answer.status is not None and answer.status.outcome is Outcome.PAID


def _as_paid(check: Check, status: Status | None) -> Paid | None:
    if status is None or check.attempt_id is None:
        return None
    problem = status.problem
    if status.reference and status.reference != check.reference:
        problem = f"asked about {check.reference}, the gateway answered about {status.reference}"
    return Paid(
        payment_id=check.payment_id,
        attempt_id=check.attempt_id,
        money=None if problem else status.money,
        fee=status.fee,
        transaction_id=status.transaction_id,
        gateway_payment_id=status.gateway_payment_id,
        problem=problem,
    )


def _take_up_unpaid(gateway: str, answer: Answer) -> None:
    status = answer.status
    if status is not None and status.outcome is Outcome.NOT_PAID and _is_about(status, answer.check):
        _record_not_paid(answer.check, status)
    elif answer.is_absent and _absence_is_proof(gateway, answer.check):
        _record_absent(answer.check)
    else:
        if status is not None and status.outcome is Outcome.UNMAPPED:
            log.error("the gateway used a word we do not know", payment=answer.check.payment_id, word=status.word)
        _ask_again_later(gateway, answer)


def _is_about(status: Status, check: Check) -> bool:
    return status.reference in {"", check.reference}


def _record_not_paid(check: Check, status: Status) -> None:
    """No money came by this try. The payment has failed by it only if it was this try's to fail.

    An answer that comes late may be about a try of which somebody has heard otherwise since: it took money, or was
    proved to be absent and a second one is under way. Then it decides nothing.
    """
    assert check.attempt_id is not None  # noqa: S101
    with committing("confirm.not_paid"):
        [payment] = lock_payments([check.payment_id])
        learn_transaction(check.attempt_id, status.transaction_id)
        if record_attempt(check.attempt_id, AttemptState.NOT_PAID, None, problem=status.reason):
            close_unpaid(payment, PaymentState.FAILED, code="declined", problem=status.reason)
        if payment.finished_at is None or payment.state in {PaymentState.SETTLED, PaymentState.REVIEW}:
            return  # another try has the word, or a person
        again = next_look_at(payment.finished_at)
        Payment.objects.filter(pk=payment.pk, settled_at__isnull=True).update(next_check_at=again)


def _absence_is_proof(gateway: str, check: Check) -> bool:
    proves_after = get_gateway(gateway).rules.absence_proves_after_seconds
    may_end_so = check.attempt_state in sources_of(AttemptState.ABSENT, ATTEMPT_MOVES)
    if proves_after is None or check.started_at is None or not may_end_so:
        return False
    return clock.now() > check.started_at + timedelta(seconds=proves_after)


def _record_absent(check: Check) -> None:
    """The lost request was never executed: it counts as an attempt that did not charge.

    Unless something was heard of it while we asked: then that is asked about first.
    """
    assert check.attempt_id is not None  # noqa: S101
    with committing("confirm.absent"):
        [payment] = lock_payments([check.payment_id])
        if not _is_ours(payment, check) or not payment.attempts.filter(pk=check.attempt_id, transaction_id="").exists():
            return
        if not record_attempt(check.attempt_id, AttemptState.ABSENT, None):
            return
        if payment.state != PaymentState.REQUESTED:
            Payment.objects.filter(pk=payment.pk, settled_at__isnull=True).update(next_check_at=None)
        elif payment.attempts_made < in_force.current().attempts:
            requeue(payment, wait_seconds=retry_delay_seconds(payment.attempts_made))
        else:
            close_unpaid(payment, PaymentState.FAILED, code="gateway_unreachable")


def _is_ours(payment: Payment, check: Check) -> bool:
    """Whether nobody has made this locked payment due, claimed or ended it since this check was claimed."""
    return payment.next_check_at == check.leased_until


def _ask_again_later(gateway: str, answer: Answer) -> None:
    check = answer.check
    assert check.attempt_id is not None  # noqa: S101
    delay = answer.wait_seconds or _poll_delay(gateway, check)
    with committing("confirm.later"):
        [payment] = lock_payments([check.payment_id])
        if answer.status is not None:
            learn_transaction(check.attempt_id, answer.status.transaction_id)
            learn_link(check.attempt_id, answer.status.link)
            if payment.state == PaymentState.REQUESTED and record_attempt(
                check.attempt_id, AttemptState.ACCEPTED, None
            ):
                move(payment, PaymentState.PENDING, PAYMENT_MOVES, pending_at=clock.now())
        again = payment.state in WAITING_STATES or still_watched(payment)
        due = clock.now() + timedelta(seconds=delay) if again else None
        # Only over our own lease: a webhook that came during the call has made the payment due at once.
        told = {"failure_code": TRY_DECLINED} if _was_declined(payment, answer) else {}
        Payment.objects.filter(pk=payment.pk, next_check_at=check.leased_until).update(next_check_at=due, **told)


def _was_declined(payment: Payment, answer: Answer) -> bool:
    """The customer is told, and may try again: nothing is decided."""
    return payment.state == PaymentState.PENDING and answer.status is not None and answer.status.was_declined


def _poll_delay(gateway: str, check: Check) -> float:
    delays = get_gateway(gateway).rules.poll_seconds if check.transaction_id else SEARCH_SECONDS
    return delays[min(check.checks_made, len(delays)) - 1]


def _without_attempt(check: Check) -> None:
    """Nothing is open at the gateway. A payment that still waits here was left half-way by a crash: it is queued."""
    with committing("confirm.nothing_open"):
        [payment] = lock_payments([check.payment_id])
        if not _is_ours(payment, check) or payment.attempts.filter(state=AttemptState.PAID).exists():
            return
        if call_tries_back(payments=[payment.pk]):
            # Archived in the moment in which somebody made its payment due: it is asked about with its try.
            Payment.objects.filter(pk=payment.pk).update(next_check_at=clock.now())
        elif payment.state != PaymentState.REQUESTED or not requeue(payment, wait_seconds=0):
            Payment.objects.filter(pk=payment.pk, settled_at__isnull=True).update(next_check_at=None)
