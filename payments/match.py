"""Matching webhook events with their payments.

An event is a hint. One about a transaction that we know makes its payment due to be asked about. One that only names a
reference of ours is looked up at its gateway first: what anybody may have written gives no try its transaction. So is
one about a try that had ended: it may be money that came after all. One that names nothing of ours is parked, and
looked up when there is time (see strangers.py).
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.utils import timezone

from choptym.lib.errors import NotFound, Rejected, Unavailable
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import sources_of
from payments.attempts import learn_transaction
from payments.facts import Paid
from payments.gateways import get_gateway
from payments.gateways.base import Outcome, Status
from payments.gateways.threads import gateway_threads
from payments.locks import Look, claim_events, lock_payments
from payments.models import Payment, PaymentAttempt, WebhookEvent
from payments.settle import settle_batch
from payments.states import EVENT_MOVES, OPEN_ATTEMPTS, AttemptState, EventState

log = structlog.get_logger(__name__)

EVENT_BATCH = 100
# When an event that belongs to nothing is looked at again; after the last one it stays unclaimed.
LOOK_AGAIN_SECONDS = (1, 60, 3600, 6 * 3600, 48 * 3600)


@dataclass(frozen=True, slots=True)
class Match:
    look: Look
    attempt: PaymentAttempt
    proved_transaction_id: str = ""  # as the gateway's own record of this try has it


def match_batch(gateway: str) -> int:
    """Take up one batch of one gateway's events. Returns how many; 0 when none is due.

    Network: a status query for events that match no open try, several at a time.
    Commits: the matched ones together, each of the others by itself.
    """
    looks = claim_events(gateway, EVENT_BATCH)
    if not looks:
        return 0
    matches = _known_attempts(looks)
    plain = [match for match in matches if _is_plain(match)]
    record_matches(plain)
    if odd := [match.look for match in matches if match not in plain]:
        look_up(gateway_threads(gateway), odd)
    known = {match.look.event_id for match in matches}
    park_strangers([look for look in looks if look.event_id not in known])
    return len(looks)


def _is_plain(match: Match) -> bool:
    """It names no transaction that we do not know, and its try is open, or paid and needs nothing more."""
    known = match.look.transaction_id in {"", match.attempt.transaction_id}
    return known and match.attempt.state in {*OPEN_ATTEMPTS, AttemptState.PAID}


def _known_attempts(looks: Sequence[Look]) -> list[Match]:
    by_transaction = {(look.gateway, look.transaction_id): look for look in looks if look.transaction_id}
    attempts = PaymentAttempt.objects.filter(transaction_id__in=[transaction for _, transaction in by_transaction])
    found = {(attempt.gateway, attempt.transaction_id): attempt for attempt in attempts}
    references = {reference: look for look in looks if (reference := _uuid(look.reference))}
    by_reference = {
        (attempt.gateway, str(attempt.reference)): attempt
        for attempt in PaymentAttempt.objects.filter(reference__in=list(references))
    }
    matches = []
    for look in looks:
        attempt = found.get((look.gateway, look.transaction_id)) or by_reference.get((look.gateway, look.reference))
        if attempt is not None:
            matches.append(Match(look, attempt))
    return matches


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def record_matches(matches: Sequence[Match]) -> None:
    """The events are matched, their payments due: in one transaction, so that neither is without the other."""
    if not matches:
        return
    with transaction.atomic(durable=True):
        lock_payments([match.attempt.payment_id for match in matches])
        for match in matches:
            # Only what the gateway's own record has tied to this try (see _take_up).
            learn_transaction(match.attempt.pk, match.proved_transaction_id)
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE payments_webhookevent event
                SET state = %s, payment_id = matched.payment, next_look_at = NULL
                FROM unnest(%s::bigint[], %s::bigint[]) AS matched(event, payment)
                WHERE event.id = matched.event AND event.state = ANY(%s)
                """,
                [
                    EventState.MATCHED,
                    [match.look.event_id for match in matches],
                    [match.attempt.payment_id for match in matches],
                    sources_of(EventState.MATCHED, EVENT_MOVES),
                ],
            )
        _make_due([match.attempt.payment_id for match in matches if match.attempt.state in OPEN_ATTEMPTS])


def _make_due(payment_ids: Sequence[int]) -> None:
    """Ask about these now. What is settled or under review has nothing left to ask."""
    open_attempts = PaymentAttempt.objects.filter(payment__in=payment_ids, state__in=OPEN_ATTEMPTS)
    Payment.objects.filter(pk__in=open_attempts.values("payment"), settled_at__isnull=True).update(
        next_check_at=timezone.now()
    )


def look_up(threads: Executor, looks: Sequence[Look]) -> None:
    """Ask the gateway whose these are, and take up what it says."""
    if not looks:
        return
    refuse_in_transaction()
    give_back_connections()
    for look, status in zip(looks, threads.map(_fetch, looks), strict=True):
        _take_up(look, status)


def _take_up(look: Look, status: Status | None) -> None:
    attempt = None
    if status is not None and (reference := _uuid(status.reference)):
        attempt = PaymentAttempt.objects.filter(gateway=look.gateway, reference=reference).first()
    if attempt is None or status is None:
        _park(look)
        return
    if attempt.state in OPEN_ATTEMPTS:
        record_matches([Match(look, attempt, proved_transaction_id=status.transaction_id)])
        return
    if status.outcome in {Outcome.WAITING, Outcome.UNMAPPED} and attempt.state != AttemptState.PAID:
        _park(look)  # we had given this try up, and the gateway has not: nobody else asks how it ends
        return
    if status.outcome is Outcome.PAID and attempt.state != AttemptState.PAID:
        settle_batch([_as_paid(attempt, status)])
    waiting = WebhookEvent.objects.filter(pk=look.event_id, state__in=sources_of(EventState.MATCHED, EVENT_MOVES))
    waiting.update(state=EventState.MATCHED, payment=attempt.payment_id, next_look_at=None)


def _as_paid(attempt: PaymentAttempt, status: Status) -> Paid:
    return Paid(
        payment_id=attempt.payment_id,
        attempt_id=attempt.pk,
        money=None if status.problem else status.money,
        fee=status.fee,
        transaction_id=status.transaction_id,
        problem=status.problem,
        gateway=attempt.gateway,
    )


def _fetch(look: Look) -> Status | None:
    """Runs in a thread of its own, without the database."""
    if not look.transaction_id:
        return None
    try:
        return get_gateway(look.gateway).fetch_status(look.transaction_id)
    except (NotFound, Unavailable, Rejected) as error:
        log.info("the gateway tells nothing about an event", event_id=look.event_id, error=str(error))
    except Exception:
        log.exception("what the gateway tells about an event is not readable", event_id=look.event_id)
    return None


def park_strangers(looks: Sequence[Look]) -> None:
    """Events that name nothing of ours: looked up soon, when the rest is done."""
    soon = timezone.now() + timedelta(seconds=LOOK_AGAIN_SECONDS[0])
    strangers = WebhookEvent.objects.filter(pk__in=[look.event_id for look in looks], state=EventState.NEW)
    strangers.update(state=EventState.PARKED, next_look_at=soon)


def _park(look: Look) -> None:
    """Keep it, and look again: it may come to belong to a payment. In the end it stays, unclaimed."""
    waiting = WebhookEvent.objects.filter(pk=look.event_id, state__in=[EventState.NEW, EventState.PARKED])
    if look.looks > len(LOOK_AGAIN_SECONDS):
        waiting.update(state=EventState.UNCLAIMED, next_look_at=None, problem="belongs to no payment of ours")
        log.warning("a webhook event belongs to nothing", event_id=look.event_id, gateway=look.gateway)
        return
    again = timezone.now() + timedelta(seconds=LOOK_AGAIN_SECONDS[look.looks - 1])
    waiting.update(state=EventState.PARKED, next_look_at=again)
