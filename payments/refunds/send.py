"""Asking the gateways to give back, and what became of it. The claim comes before the call, as in charge.py.

What happens if this process dies: before the claim the refund is QUEUED and due; after it REQUESTED, and due again when
the lease has passed: then the gateway is asked what it knows. Only a gateway that takes our reference as an idempotency
key is asked to give back a second time; the others only once their silence has proved that the first was never
executed: then the refund is queued again, and from its next claim on the proof begins anew. One that FAILED comes up
again too, to be asked about, and is never sent.
"""

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.deadline import begun_at, moment
from choptym.lib.errors import Busy, Exchange, Held, NotFound, NotSent, Rejected, Unavailable
from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import move
from payments import in_force
from payments.gateways import gateway_names, get_gateway
from payments.gateways.base import RefundRequest, RefundStatus
from payments.gateways.operators import operator_of
from payments.gateways.threads import gateway_threads
from payments.locks import lock_payments
from payments.models import Refund
from payments.refunds.locks import DueRefund, claim_refunds, lock_refund
from payments.refunds.take_up import apply, ask_failed_later, fail
from payments.states import REFUND_MOVES, RefundState
from payments.throttle.gate import HELD_BACK_SECONDS

log = structlog.get_logger(__name__)

# How long a refund that could not be sent waits; the last one repeats until it goes through or a person ends it.
RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 3600.0)
# After a lost answer: how soon the gateway is asked; the last one repeats.
SEARCH_SECONDS = (2.0, 10.0, 60.0, 600.0, 3600.0)
# However long a gateway asks us to stay away.
LONGEST_WAIT_SECONDS = 3600.0
# Refusals that are about us, or pass: the refund stays queued.
PASSING = frozenset({"gateway_credentials", "gateway_disabled", "refund_float_short", "unknown_gateway"})
# A refusal that says something went back under our reference: not what we asked for, but nothing may be booked back.
GIVEN_OTHERWISE = frozenset({"refund_key_reused"})


@dataclass(frozen=True, slots=True)
class Word:
    """What came of one call: a status, or why there is none."""

    due: DueRefund
    status: RefundStatus | None = None
    error: Exception | None = None


def send_refunds(gateway: str) -> int:
    """Send, or ask about, up to one batch of this gateway's refunds that are due. Returns how many; 0 when none is.

    Network: one or two calls for each, several at a time, with no transaction open.
    Commits: the claims before the calls, each answer by itself.
    Raises:  OperationalError: the rest comes up again after the lease.
    """
    if gateway not in gateway_names() or not in_force.may_ask(gateway):
        return 0  # switched off or stopped: nothing is asked, and the proof of the books names what is overdue
    began = moment()
    dues = claim_refunds(
        gateway,
        in_force.current().batch_size,
        may_send_again=get_gateway(gateway).rules.refund_is_repeatable,
        may_send=in_force.may_send(gateway),
    )
    if not dues:
        return 0
    refuse_in_transaction()
    give_back_connections()
    calls = [gateway_threads(gateway).submit(_call, gateway, due, began) for due in dues]
    for call in as_completed(calls):
        try:
            _record(call.result())
        except OperationalError:
            raise
        except DatabaseError:
            log.exception("what became of a refund could not be recorded")
    return len(dues)


def _call(gateway: str, due: DueRefund, began: float) -> Word:
    """Runs in a thread of its own, without the database."""
    if moment() >= began + settings.PAYMENT_LEASE_SECONDS:
        return Word(due)  # it waited for a thread too long: somebody else may be at it by now
    try:
        # As in charge.py: the call's time runs from before the claim, so its lease outlives it.
        with begun_at(began):
            return Word(due, status=_ask(gateway, due))
    except (NotFound, Rejected, Unavailable) as error:
        return Word(due, error=error)
    except Exception as error:  # one answer that we cannot read must not keep back the others
        log.exception("the answer about a refund is not readable", refund=due.refund_id)
        return Word(due, error=error)


def _ask(gateway: str, due: DueRefund) -> RefundStatus:
    if not due.was_sent:
        return _send(gateway, due)
    adapter = get_gateway(gateway)
    try:
        return adapter.fetch_refund(
            due.reference,
            transaction_id=due.transaction_id,
            is_link=due.by_link,
            gateway_refund_id=due.gateway_refund_id,
            since=due.requested_at,
        )
    except NotFound:
        if due.state == RefundState.REQUESTED and adapter.rules.refund_is_repeatable:
            return _send(gateway, due)
        raise


def _send(gateway: str, due: DueRefund) -> RefundStatus:
    """Raises Held: while somebody has ordered that nothing new is sent, also what was claimed before waits."""
    if not in_force.may_send(gateway):
        # One that may have been sent goes on being asked about, at leisure.
        wait = SEARCH_SECONDS[1] if due.was_sent else HELD_BACK_SECONDS
        raise Held(f"{gateway} is held back by order", retry_after_seconds=wait)
    return get_gateway(gateway).refund(_request(due))


def _was_never_made(refund: Refund, due: DueRefund) -> bool:
    """Whether the gateway's silence proves by now that the lost call was not executed.

    Not when the refund was made due since we asked: somebody has heard something of it.
    """
    proves_after = get_gateway(refund.gateway).rules.refund_absence_proves_after_seconds
    if proves_after is None or due.state != RefundState.REQUESTED or refund.next_attempt_at != due.leased_until:
        return False
    return clock.now() > due.requested_at + timedelta(seconds=proves_after)


def _request(due: DueRefund) -> RefundRequest:
    return RefundRequest(
        reference=due.reference,
        transaction_id=due.transaction_id,
        money=Money(due.amount_minor, due.currency),
        reason=due.reason,
        is_link=due.by_link,
        phone=due.phone,
        operator=operator_of(due.phone) if due.phone else "",
    )


def _record(word: Word) -> None:
    with committing("refund.record"):
        lock_payments([word.due.payment_id])
        refund = lock_refund(word.due.refund_id)
        _keep_exchange(refund, word)
        if word.status is not None:
            apply(refund, word.status)
            if word.due.state == RefundState.FAILED:
                ask_failed_later(refund, leased_until=word.due.leased_until)
        elif word.error is not None and word.due.is_claim_of(refund):
            # Otherwise somebody has taken it up meanwhile, or was told how it ended.
            _without_status(refund, word.due, word.error)


def _without_status(refund: Refund, due: DueRefund, error: Exception) -> None:
    gave_nothing = not due.was_sent and not (isinstance(error, Rejected) and error.code in GIVEN_OTHERWISE)
    if gave_nothing and isinstance(error, Rejected) and error.code not in PASSING:
        fail(refund, code=error.code, problem=error.message)
    elif gave_nothing and isinstance(error, NotSent | Busy | Rejected):
        _send_later(refund, error)
    elif isinstance(error, NotFound) and _was_never_made(refund, due):
        move(refund, RefundState.QUEUED, REFUND_MOVES, next_attempt_at=clock.now(), problem="")
    elif refund.state == RefundState.FAILED and isinstance(error, NotFound | Rejected):
        ask_failed_later(refund, leased_until=due.leased_until)
    else:
        _ask_later(refund, due, error)


def _send_later(refund: Refund, error: Unavailable | Rejected) -> None:
    """Nothing was given: it is queued again, however often; `problem` tells staff what is the matter."""
    again = clock.now() + timedelta(seconds=_wait_seconds(error, RETRY_SECONDS, refund.attempts_made))
    log.warning("a refund could not be sent", refund=refund.pk, error=error.message)
    move(refund, RefundState.QUEUED, REFUND_MOVES, next_attempt_at=again, problem=error.message[:300])


def _ask_later(refund: Refund, due: DueRefund, error: Exception) -> None:
    """Unknown is not failed: only the gateway knows, and it is asked until it says (INV-5)."""
    log.warning("what became of a refund is not known", refund=refund.pk, error=str(error))
    again = clock.now() + timedelta(seconds=_wait_seconds(error, SEARCH_SECONDS, refund.asks_made))
    # Only over our own lease: an event that came during the call has made the refund due at once.
    own = Refund.objects.filter(pk=refund.pk, next_attempt_at=due.leased_until)
    # Why one has failed is told by what is written there already.
    own.update(next_attempt_at=again, **({} if refund.state == RefundState.FAILED else {"problem": str(error)[:300]}))


def _wait_seconds(error: Exception, seconds: Sequence[float], times: int) -> float:
    """As long as the gateway asked for, else ever longer."""
    asked = error.retry_after_seconds if isinstance(error, Busy) else None
    return min(asked or seconds[min(max(times, 1), len(seconds)) - 1], LONGEST_WAIT_SECONDS)


def _keep_exchange(refund: Refund, word: Word) -> None:
    exchange = word.status.exchange if word.status is not None else getattr(word.error, "exchange", None)
    if isinstance(exchange, Exchange):
        Refund.objects.filter(pk=refund.pk).update(
            http_status=exchange.http_status, request=dict(exchange.request), response=dict(exchange.response)
        )
