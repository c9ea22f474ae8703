"""Matching webhook events with their payments.

What a signed event says of money is taken at its word first (see told.py). Every other event is a hint. One about a
transaction that we know makes its payment due to be asked about. One that only names a reference of ours is looked up
at its gateway first: what anybody may have written gives no try its transaction; a signature does. So is one about a
try that had ended: it may be money that came after all. One that names nothing of ours is parked, and looked up when
there is time (see strangers.py).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import structlog

from choptym.lib.errors import NotFound, Rejected, Unavailable
from choptym.lib.failpoints import committing
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from payments.attempts import learn_transaction
from payments.events import (
    Match,
    given_back_on_failure,
    known_attempts,
    make_due,
    mark_matched,
    note_declined,
    park,
    park_strangers,
    uuid_of,
)
from payments.gateways import get_gateway
from payments.gateways.base import Outcome, Status
from payments.gateways.threads import gateway_threads
from payments.locks import Look, claim_events, lock_payments
from payments.models import PaymentAttempt
from payments.refunds.hints import take_up_refund_hints
from payments.settle import settle_batch
from payments.states import OPEN_ATTEMPTS, AttemptState
from payments.told import as_paid, signs_events, take_up_told

log = structlog.get_logger(__name__)

EVENT_BATCH = 100


def match_batch(gateway: str) -> int:
    """Take up one batch of one gateway's events. Returns how many; 0 when none is due.

    Network: a status query for hints that match no open try, several at a time. None for what may be believed.
    Commits: what was told, the matched hints together, each of the others by itself.
    Raises:  OperationalError: what was not done is due again soon.
    """
    looks = claim_events(gateway, EVENT_BATCH)
    if looks:
        with given_back_on_failure(looks):
            _match(gateway, looks)
    return len(looks)


def look_again(gateway: str, threads: Executor, looks: Sequence[Look]) -> None:
    """Parked events: a payment of ours may have come for them; else their gateway is asked whose they are.

    Network: one status query per hint.
    Commits: what was told, then each event by itself.
    """
    if looks:
        _look_up(threads, take_up_told(gateway, looks, known_attempts(looks)))


def _match(gateway: str, looks: Sequence[Look]) -> None:
    known = known_attempts(looks)
    hints = take_up_told(gateway, looks, known)
    is_signed = signs_events(gateway)
    matches = [known[look.event_id] for look in hints if look.event_id in known]
    plain = [match for match in matches if _is_plain(match, is_signed=is_signed)]
    _record_matches([_believed(match) if is_signed else match for match in plain])
    if odd := [match.look for match in matches if match not in plain]:
        _look_up(gateway_threads(gateway), odd)
    strangers = [look for look in hints if look.event_id not in known]
    park_strangers(strangers if is_signed else take_up_refund_hints(gateway, strangers))


def _is_plain(match: Match, *, is_signed: bool) -> bool:
    """It names no transaction that we do not know, and its try is open, or paid and needs nothing more."""
    is_known = match.names_its_transaction or not match.look.transaction_id
    may_learn = is_signed and not match.attempt.transaction_id
    return (is_known or may_learn) and match.attempt.state in {*OPEN_ATTEMPTS, AttemptState.PAID}


def _believed(match: Match) -> Match:
    """Signed: the transaction that it names is this try's, if we knew none."""
    if match.attempt.transaction_id:
        return match
    return replace(match, proved_transaction_id=match.look.transaction_id)


def _record_matches(matches: Sequence[Match]) -> None:
    """The events are matched, their payments due: in one transaction, so that neither is without the other."""
    if not matches:
        return
    with committing("match"):
        lock_payments([match.attempt.payment_id for match in matches])
        for match in matches:
            # Only what a signature, or the gateway's own record, has tied to this try (see _take_up).
            learn_transaction(match.attempt.pk, match.proved_transaction_id)
        mark_matched([(match.look.event_id, match.attempt.payment_id) for match in matches])
        note_declined(matches)
        make_due(matches)


def _look_up(threads: Executor, looks: Sequence[Look]) -> None:
    """Ask the gateway whose these are, and take up what it says."""
    if not looks:
        return
    refuse_in_transaction()
    give_back_connections()
    for look, status in zip(looks, threads.map(_fetch, looks), strict=True):
        _take_up(look, status)


def _take_up(look: Look, status: Status | None) -> None:
    attempt = None
    if status is not None and (reference := uuid_of(status.reference)):
        attempt = PaymentAttempt.objects.filter(gateway=look.gateway, reference=reference).first()
    if attempt is None or status is None:
        park(look)
        return
    if attempt.state in OPEN_ATTEMPTS:
        _record_matches([Match(look, attempt, proved_transaction_id=status.transaction_id)])
        return
    if status.outcome in {Outcome.WAITING, Outcome.UNMAPPED} and attempt.state != AttemptState.PAID:
        park(look)  # we had given this try up, and the gateway has not: nobody else asks how it ends
        return
    if status.outcome is Outcome.PAID and attempt.state != AttemptState.PAID:
        settle_batch([as_paid(attempt, status)])
    mark_matched([(look.event_id, attempt.payment_id)])


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
