"""Asking the gateways to give back, and what became of it. The claim comes before the call, as in charge.py.

What happens if this process dies: before the claim the refund is QUEUED and due; after it REQUESTED, and due again when
the lease has passed: then the gateway is asked what it knows. Only a gateway that takes our reference as an idempotency
key is asked to give back a second time; the others only once their silence has proved that the first was never
executed.
"""

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.utils import timezone

from choptym.lib.errors import Busy, Exchange, NotFound, NotSent, Rejected, Unavailable
from choptym.lib.money import Money
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import move
from payments.gateways import get_gateway
from payments.gateways.base import Gateway, RefundRequest, RefundStatus
from payments.gateways.operators import operator_of
from payments.gateways.threads import gateway_threads
from payments.locks import lock_payments
from payments.models import Refund
from payments.refunds.locks import DueRefund, claim_refunds
from payments.refunds.take_up import apply, fail
from payments.states import REFUND_MOVES, RefundState

log = structlog.get_logger(__name__)

# How long a refund that could not be sent waits; the last one repeats until it goes through or a person ends it.
RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 3600.0)
# After a lost answer: how soon the gateway is asked; the last one repeats.
SEARCH_SECONDS = (2.0, 10.0, 60.0, 600.0, 3600.0)
# Refusals that are about us, or pass: the refund stays queued.
PASSING = frozenset({"gateway_credentials", "gateway_disabled", "refund_float_short"})


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
    dues = claim_refunds(gateway, settings.PAYMENT_BATCH_SIZE)
    if not dues:
        return 0
    refuse_in_transaction()
    give_back_connections()
    calls = [gateway_threads(gateway).submit(_call, gateway, due) for due in dues]
    for call in as_completed(calls):
        try:
            _record(call.result())
        except OperationalError:
            raise
        except DatabaseError:
            log.exception("what became of a refund could not be recorded")
    return len(dues)


def _call(gateway: str, due: DueRefund) -> Word:
    """Runs in a thread of its own, without the database."""
    if timezone.now() >= due.leased_until:
        return Word(due)  # it waited for a thread too long: somebody else may be at it by now
    try:
        return Word(due, status=_ask(get_gateway(gateway), due))
    except (NotFound, Rejected, Unavailable) as error:
        return Word(due, error=error)
    except Exception as error:  # one answer that we cannot read must not keep back the others
        log.exception("the answer about a refund is not readable", refund=due.refund_id)
        return Word(due, error=error)


def _ask(adapter: Gateway, due: DueRefund) -> RefundStatus:
    if not due.was_sent:
        return adapter.refund(_request(due))
    try:
        return adapter.fetch_refund(
            due.reference,
            transaction_id=due.transaction_id,
            is_link=due.by_link,
            gateway_refund_id=due.gateway_refund_id,
            since=due.requested_at,
        )
    except NotFound:
        if due.state == RefundState.REQUESTED and _may_send_again(adapter, due):
            return adapter.refund(_request(due))
        raise


def _may_send_again(adapter: Gateway, due: DueRefund) -> bool:
    rules = adapter.rules
    if rules.refund_is_repeatable:
        return True
    proves_after = rules.refund_absence_proves_after_seconds
    return proves_after is not None and timezone.now() > due.requested_at + timedelta(seconds=proves_after)


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
    with transaction.atomic(durable=True):
        lock_payments([word.due.payment_id])
        refund = Refund.objects.select_related("payment__order").get(pk=word.due.refund_id)
        _keep_exchange(refund, word)
        if word.status is not None:
            apply(refund, word.status)
        elif word.error is not None and refund.next_attempt_at == word.due.leased_until:
            # Only over our own lease: otherwise somebody has taken it up meanwhile.
            _without_status(refund, word.due, word.error)


def _without_status(refund: Refund, due: DueRefund, error: Exception) -> None:
    was_asked_to_give = not due.was_sent
    if isinstance(error, Rejected) and error.code not in PASSING and was_asked_to_give:
        fail(refund, code=error.code, problem=error.message)
    elif was_asked_to_give and isinstance(error, NotSent | Busy | Rejected):
        _send_later(refund, error)
    else:
        _ask_later(refund, error)


def _send_later(refund: Refund, error: Unavailable | Rejected) -> None:
    """Nothing was given: it is queued again, however often; `problem` tells staff what is the matter."""
    wait = error.retry_after_seconds or _pick(RETRY_SECONDS, refund.attempts_made)
    again = timezone.now() + timedelta(seconds=wait)
    log.warning("a refund could not be sent", refund=refund.pk, error=error.message)
    move(refund, RefundState.QUEUED, REFUND_MOVES, next_attempt_at=again, problem=error.message[:300])


def _ask_later(refund: Refund, error: Exception) -> None:
    """Unknown is not failed: only the gateway knows, and it is asked until it says (INV-5)."""
    wait = _pick(SEARCH_SECONDS, refund.asks_made)
    if isinstance(error, Busy) and error.retry_after_seconds is not None:
        wait = error.retry_after_seconds
    log.warning("what became of a refund is not known", refund=refund.pk, error=str(error))
    due = timezone.now() + timedelta(seconds=wait)
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=due, problem=str(error)[:300])


def _pick(seconds: Sequence[float], times: int) -> float:
    return seconds[min(max(times, 1), len(seconds)) - 1]


def _keep_exchange(refund: Refund, word: Word) -> None:
    exchange = word.status.exchange if word.status is not None else getattr(word.error, "exchange", None)
    if isinstance(exchange, Exchange):
        Refund.objects.filter(pk=refund.pk).update(
            http_status=exchange.http_status, request=dict(exchange.request), response=dict(exchange.response)
        )
