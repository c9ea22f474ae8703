"""Asking the gateways what is true, and acting on it.

Every road leads here: a webhook, a poll that is due, a lost answer, a dead worker. Each only makes a payment's
`next_check_at` due; what the gateway then says decides. Calls are made several at a time in threads that know no
database; their answers are taken up in groups as they come, so that a slow one keeps nobody waiting.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.deadline import moment
from choptym.lib.errors import Busy, NotFound, Rejected, Unavailable
from choptym.lib.failpoints import committing
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import move, sources_of
from payments import in_force
from payments.attempts import learn_link, learn_transaction, record_attempt
from payments.charge import requeue, retry_delay_seconds
from payments.close import close_unpaid, still_watched
from payments.facts import Paid
from payments.failures import TRY_DECLINED
from payments.gateways import get_gateway
from payments.gateways.base import Gateway, Outcome, Status
from payments.gateways.operators import is_operators_fault, operator_of
from payments.gateways.threads import gateway_threads
from payments.history import call_tries_back
from payments.locks import Check, claim_checks, lock_payments, release_checks
from payments.models import Payment
from payments.second_looks import next_look_at
from payments.settle import settle_batch
from payments.states import ATTEMPT_MOVES, PAYMENT_MOVES, WAITING_STATES, AttemptState, PaymentState
from payments.throttle.breaker import note_verdicts

log = structlog.get_logger(__name__)

# Answers that come so soon after another one are settled together with it, while others are still awaited.
GATHER_SECONDS = 0.2
# Checks that a failing database kept us from taking up are due again after this.
RELEASED_SECONDS = 1.0
# How often we look for an attempt whose answer was lost; the last one repeats.
SEARCH_SECONDS = (2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one check. No status: the gateway shows nothing of it, or did not answer."""

    check: Check
    status: Status | None = None
    is_absent: bool = False  # the gateway answered, and knows no such attempt
    wait_seconds: float | None = None  # when it asked us to come back later


def confirm_batch(gateway: str) -> int:
    """Ask one gateway about up to one batch of payments that are due. Returns how many; 0: none is, or it is stopped.

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
    try:
        for group in _ask_all(gateway, [check for check in checks if check.attempt_id is not None], began):
            _take_up(gateway, group)
        for check in checks:
            if check.attempt_id is None:
                _without_attempt(check)
    except OperationalError:
        release_checks(checks, seconds=RELEASED_SECONDS)
        raise
    return len(checks)


def _ask_all(gateway: str, checks: Sequence[Check], began: float) -> Iterator[list[Answer]]:
    if not checks:
        return
    refuse_in_transaction()
    give_back_connections()
    waiting: set[Future[Answer]] = {gateway_threads(gateway).submit(_ask, gateway, check, began) for check in checks}
    while waiting:
        wait(waiting, return_when=FIRST_COMPLETED)
        done, waiting = wait(waiting, timeout=GATHER_SECONDS)
        yield [future.result() for future in done]


def _ask(gateway: str, check: Check, began: float) -> Answer:
    """Runs in a thread of its own, without the database."""
    if moment() >= began + settings.PAYMENT_LEASE_SECONDS:
        return Answer(check)  # it waited for a thread too long: somebody else may be asking by now
    try:
        return _query(get_gateway(gateway), check)
    except NotFound:
        pass
    except Busy as error:
        return Answer(check, wait_seconds=error.retry_after_seconds)
    except (Unavailable, Rejected) as error:
        log.warning("status not to be had", payment=check.payment_id, gateway=gateway, error=str(error))
    except Exception:  # one answer that we cannot read must not keep back the rest of its batch
        log.exception("status not readable", payment=check.payment_id, gateway=gateway)
    return Answer(check)


def _query(adapter: Gateway, check: Check) -> Answer:
    if not check.transaction_id:
        assert check.started_at is not None  # noqa: S101 - claim_checks() joins it with the attempt
        found = adapter.find(check.reference, since=check.started_at, is_link=check.by_link)
        return Answer(check, status=found, is_absent=found is None)
    if check.by_link and check.state not in WAITING_STATES:
        # Nobody waits for this page any more: close it, and hear what is true then.
        return Answer(check, status=adapter.expire_link(check.transaction_id))
    return Answer(check, status=adapter.fetch_status(check.transaction_id, is_link=check.by_link))


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
