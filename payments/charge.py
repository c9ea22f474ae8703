"""Asking the gateway to collect: claim the row, call, write down the answer.

What happens if this process dies, line by line: before the claim the payment is still QUEUED and its message comes
again; after it the payment is REQUESTED, and once the lease has passed the gateway is asked what it knows. Nothing
here ever asks for money twice without the gateway having said what became of the first try.

Before the claim the payment waits for its turn (payments/turn.py): until then nothing counts as a try.

A worker that was paused for long finds its try ended by others. It then leaves the payment alone: a second try may be
under way, and its answer is not ours to give.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Least
from prometheus_client import Histogram

from choptym.lib import clock
from choptym.lib.deadline import begun_at, moment
from choptym.lib.errors import Busy, NotSent, Rejected, Unavailable
from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import move
from payments import in_force
from payments.accept import accept
from payments.attempts import keep_answer, learn_transaction, record_attempt
from payments.close import close_unpaid
from payments.gateways import get_gateway
from payments.gateways.base import Accepted, CollectRequest
from payments.gateways.operators import operator_of
from payments.locks import Charge, claim_charge, lock_payments
from payments.models import Payment
from payments.states import PAYMENT_MOVES, AttemptState, PaymentState
from payments.throttle.admit import Admission, asking, holding
from payments.turn import take_turn

log = structlog.get_logger(__name__)

WAIT_SECONDS = Histogram(
    "choptym_payment_wait_seconds",
    "From checkout until a gateway was first asked",
    ["gateway", "priority"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 1200, 1800),
)
PROCESSING_SECONDS = Histogram(
    "choptym_payment_processing_seconds",
    "From the claim to the gateway's acceptance",
    ["gateway"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30),
)

# After a lost answer the gateway is asked soon: if it acted, the customer is holding the prompt.
FIRST_LOOK_SECONDS = 2
# A 429 without Retry-After.
BUSY_SECONDS = 10
# A refusal that is about us, not about the customer: charged nothing, and may be mended while we try again.
OUR_FAULT = frozenset({"gateway_credentials", "gateway_disabled"})


def charge_payment(payment_id: int) -> None:
    """Ask the gateway to collect one payment, if it is due and nobody else does. Safe to call again.

    Network: one call, with no transaction open and no connection held.
    Commits: a postponement; or the claim before the call, attempt and payment together after it.
    Locks:   payment.
    """
    admission = take_turn(payment_id)
    if admission is not None:
        charge_admitted(payment_id, admission)


def charge_admitted(payment_id: int, admission: Admission) -> None:
    """charge_payment() from where its turn has come. The admission is given back, whatever happens."""
    with holding(admission):
        # The call's time runs from before the claim: its lease outlives it, whatever paused this process in between.
        began = moment()
        charge = claim_charge(payment_id, admission.gateway)
        if charge is not None:
            with begun_at(began):
                _charge(charge, admission, began)


def _charge(charge: Charge, admission: Admission, began: float) -> None:
    if charge.attempts_made == 1:
        WAIT_SECONDS.labels(charge.gateway, charge.priority).observe(max(0.0, charge.waited_seconds))
    try:
        with asking(admission):
            accepted = _ask(charge)
    except Busy as error:
        _postpone(charge, error)
    except NotSent as error:
        _try_again(charge, "gateway_unreachable", error)
    except Unavailable as error:
        _leave_unknown(charge, error)
    except Rejected as error:
        if error.code in OUR_FAULT:
            _try_again(charge, error.code, error)
        else:
            _fail(charge, AttemptState.REFUSED, error.code, error)
    else:
        PROCESSING_SECONDS.labels(charge.gateway).observe(moment() - began)
        _record_accepted(charge, accepted)


def _ask(charge: Charge) -> Accepted:
    refuse_in_transaction()
    give_back_connections()  # the adapter may wait for others before it calls, such as for who fetches a token
    gateway = get_gateway(charge.gateway)
    request = CollectRequest(
        reference=charge.reference,
        money=Money(charge.amount_minor, charge.currency),
        phone=charge.phone,
        description=f"ChopTym CT-{charge.order_id:06d}" if charge.order_id else "ChopTym wallet",
        operator=operator_of(charge.phone) if charge.phone else "",
        email=charge.email,
        return_url=f"{settings.PUBLIC_URL}/return/" if settings.PUBLIC_URL else "",
    )
    return gateway.create_link(request) if charge.by_link else gateway.collect(request)


def _record_accepted(charge: Charge, accepted: Accepted) -> None:
    poll = get_gateway(charge.gateway).rules.poll_seconds[0]
    if not accept(charge, accepted, poll_seconds=poll):
        with committing("charge.overtaken"):
            _record_faster_answer(charge, accepted, poll)


def _record_faster_answer(charge: Charge, accepted: Accepted, poll_seconds: float) -> None:
    """A webhook or somebody else was there first, or the gateway gave an id that we know: one thing after another."""
    [payment] = lock_payments([charge.payment_id])
    learn_transaction(charge.attempt_id, accepted.transaction_id)
    answered = {"link": accepted.link, "instructions": accepted.instructions}
    if not record_attempt(charge.attempt_id, AttemptState.ACCEPTED, accepted.exchange, **answered):
        # Whoever moved the try on moved the payment too; should the try be given up by now, another has the word.
        keep_answer(charge.attempt_id, accepted.exchange, **answered)
        return
    due = _no_later_than(poll_seconds)
    move(payment, PaymentState.PENDING, PAYMENT_MOVES, pending_at=clock.now(), next_check_at=due)


def _leave_unknown(charge: Charge, error: Unavailable) -> None:
    """The answer never came. The payment stays REQUESTED; from now on only questions are asked (INV-5)."""
    log.warning("outcome unknown", payment=charge.payment_id, gateway=charge.gateway, error=str(error))
    with committing("charge.unknown"):
        lock_payments([charge.payment_id])
        record_attempt(charge.attempt_id, AttemptState.UNKNOWN, error.exchange, problem=error.message)
        soon = _no_later_than(FIRST_LOOK_SECONDS)
        open_ones = Payment.objects.filter(pk=charge.payment_id, settled_at__isnull=True)
        open_ones.exclude(state=PaymentState.REVIEW).update(next_check_at=soon)  # there a person has the word


def _no_later_than(seconds: float) -> Least:
    """The next check after this time, unless it is due before: a webhook may have come while the call was under way."""
    return Least(F("next_check_at"), clock.now() + timedelta(seconds=seconds))


def _postpone(charge: Charge, error: Busy) -> None:
    """The gateway is busy: nothing was charged, and waiting is no attempt."""
    wait = error.retry_after_seconds if error.retry_after_seconds is not None else BUSY_SECONDS
    with committing("charge.postponed"):
        [payment] = lock_payments([charge.payment_id])
        if record_attempt(charge.attempt_id, AttemptState.POSTPONED, error.exchange, problem=error.message):
            requeue(payment, wait_seconds=wait, attempts_made=charge.attempts_made - 1)


def _try_again(charge: Charge, code: str, error: Unavailable | Rejected) -> None:
    """Known not to have charged: the second attempt after one delay, the third after two, then FAILED."""
    if charge.attempts_made >= in_force.current().attempts:
        _fail(charge, AttemptState.NOT_SENT, code, error)
        return
    with committing("charge.not_sent"):
        [payment] = lock_payments([charge.payment_id])
        if record_attempt(charge.attempt_id, AttemptState.NOT_SENT, error.exchange, problem=error.message):
            requeue(payment, wait_seconds=retry_delay_seconds(charge.attempts_made))


def _fail(charge: Charge, to: AttemptState, code: str, error: Unavailable | Rejected) -> None:
    with committing("charge.failed"):
        [payment] = lock_payments([charge.payment_id])
        if record_attempt(charge.attempt_id, to, error.exchange, problem=error.message):
            close_unpaid(payment, PaymentState.FAILED, code=code, problem=error.message)


def retry_delay_seconds(attempts_made: int) -> float:
    """How long to wait after this many attempts: 5 s after the first, 10 s after the second, and so on."""
    return attempts_made * settings.PAYMENT_RETRY_DELAY_MS / 1000


def requeue(payment: Payment, *, wait_seconds: float, **also: int) -> bool:
    """REQUESTED → QUEUED, due after the wait. Only once the try is known not to have charged.

    Runs in the caller's transaction, after the payment's lock. The sweeper publishes it when it is due.
    """
    return move(
        payment,
        PaymentState.QUEUED,
        PAYMENT_MOVES,
        next_attempt_at=clock.now() + timedelta(seconds=wait_seconds),
        published_at=None,
        next_check_at=None,
        **also,
    )
