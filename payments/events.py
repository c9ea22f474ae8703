"""Webhook events as rows: whose they are, and what becomes of them."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import OperationalError, connection

from choptym.lib import clock
from choptym.lib.failpoints import around, commits
from choptym.lib.states import sources_of
from payments.failures import TRY_DECLINED
from payments.gateways.words import DECLINED_WORDS
from payments.history import call_tries_back
from payments.locks import Look
from payments.models import Payment, PaymentAttempt, WebhookEvent
from payments.states import EVENT_MOVES, OPEN_ATTEMPTS, EventState, PaymentState

log = structlog.get_logger(__name__)

# When an event that belongs to nothing is looked at again; after the last one it stays unclaimed. The last one repeats
# for what must not end so.
LOOK_AGAIN_SECONDS = (1, 60, 3600, 6 * 3600, 48 * 3600)
# Events that a failing database kept us from taking up are due again after this.
GIVEN_BACK_SECONDS = 1
# Without what was said at the gateway, long texts of which nothing is needed here.
_TRIES = PaymentAttempt.objects.defer("request", "response")


@dataclass(frozen=True, slots=True)
class Match:
    """An event and the try that it is about."""

    look: Look
    attempt: PaymentAttempt
    proved_transaction_id: str = ""  # what may be learned as the gateway's id of this try

    @property
    def names_its_transaction(self) -> bool:
        return bool(self.look.transaction_id) and self.look.transaction_id == self.attempt.transaction_id


def known_attempts(looks: Sequence[Look]) -> dict[int, Match]:
    """The matches by the event's id: by the gateway's own id first, then by our reference. Never across gateways.

    Tries that were archived, and are named after all, are called back first.
    """
    matches = _matches(looks)
    missing = [look for look in looks if look.event_id not in matches]
    names = {look.reference for look in missing if uuid_of(look.reference)}
    transactions = {look.transaction_id for look in missing if look.transaction_id}
    if (names or transactions) and call_tries_back(references=names, transactions=transactions):
        return _matches(looks)
    return matches


def _matches(looks: Sequence[Look]) -> dict[int, Match]:
    transactions = [look.transaction_id for look in looks if look.transaction_id]
    attempts = _TRIES.filter(transaction_id__in=transactions)
    found = {(attempt.gateway, attempt.transaction_id): attempt for attempt in attempts}
    others = [look for look in looks if (look.gateway, look.transaction_id) not in found]
    references = [look.reference for look in others if uuid_of(look.reference)]
    named = _TRIES.filter(reference__in=references) if references else ()
    by_reference = {(attempt.gateway, str(attempt.reference)): attempt for attempt in named}
    matches = {}
    for look in looks:
        attempt = found.get((look.gateway, look.transaction_id)) or by_reference.get((look.gateway, look.reference))
        if attempt is not None:
            matches[look.event_id] = Match(look, attempt)
    return matches


def uuid_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@commits("events.matched")
def mark_matched(events: Sequence[tuple[int, int]]) -> None:
    """These (event, payment) belong together, and nothing is left to do for the event. One statement."""
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
                [event for event, _ in events],
                [payment for _, payment in events],
                sources_of(EventState.MATCHED, EVENT_MOVES),
            ],
        )


@commits("events.due")
def make_due(matches: Sequence[Match]) -> None:
    """Ask about their payments now. What is settled or under review has nothing left to ask."""
    payment_ids = [match.attempt.payment_id for match in matches if match.attempt.state in OPEN_ATTEMPTS]
    if payment_ids:
        open_attempts = PaymentAttempt.objects.filter(payment__in=payment_ids, state__in=OPEN_ATTEMPTS)
        waiting = Payment.objects.filter(pk__in=open_attempts.values("payment"), settled_at__isnull=True)
        waiting.update(next_check_at=clock.now())


def note_declined(matches: Sequence[Match]) -> None:
    """Keep, for the customer, that the last try failed, where one of these events says so.

    Nothing is decided by it. Runs in the caller's transaction, after the payments' locks and mark_matched().
    """
    told = [match.look for match in matches if match.look.gateway in DECLINED_WORDS]
    if not told:
        return
    words = DECLINED_WORDS.values()
    events = WebhookEvent.objects.filter(pk__in=[look.event_id for look in told], word__in=words)
    waiting = Payment.objects.filter(
        pk__in=events.values("payment"), state__in=(PaymentState.REQUESTED, PaymentState.PENDING)
    )
    waiting.update(failure_code=TRY_DECLINED)


def look_again_soon(attempt: PaymentAttempt) -> None:
    """Its money was booked: parked events of it, such as that it went back, need wait no longer."""
    events = WebhookEvent.objects.filter(gateway=attempt.gateway, transaction_id=attempt.transaction_id)
    events.filter(state=EventState.PARKED).exclude(transaction_id="").update(next_look_at=clock.now())


@commits("events.park_strangers")
def park_strangers(looks: Sequence[Look]) -> None:
    """Events that name nothing of ours: looked up soon, when the rest is done."""
    soon = clock.now() + timedelta(seconds=LOOK_AGAIN_SECONDS[0])
    strangers = WebhookEvent.objects.filter(pk__in=[look.event_id for look in looks], state=EventState.NEW)
    strangers.update(state=EventState.PARKED, next_look_at=soon)


def may_be_parked(look: Look) -> bool:
    """Whether it will be looked at once more, if it belongs to nothing."""
    return look.looks <= len(LOOK_AGAIN_SECONDS)


@commits("events.park")
def park(look: Look, *, problem: str = "belongs to no payment of ours", gives_up: bool = True) -> None:
    """Keep it, and look again: it may come to belong to a payment. In the end it stays, unclaimed, if `gives_up`."""
    waiting = WebhookEvent.objects.filter(pk=look.event_id, state__in=[EventState.NEW, EventState.PARKED])
    if gives_up and not may_be_parked(look):
        waiting.update(state=EventState.UNCLAIMED, next_look_at=None, problem=problem)
        log.warning("a webhook event stays unclaimed", event_id=look.event_id, gateway=look.gateway, problem=problem)
        return
    again = clock.now() + timedelta(seconds=LOOK_AGAIN_SECONDS[min(look.looks, len(LOOK_AGAIN_SECONDS)) - 1])
    waiting.update(state=EventState.PARKED, next_look_at=again)


@contextmanager
def given_back_on_failure(looks: Sequence[Look]) -> Iterator[None]:
    """When the database fails us, new events that we had claimed are due again soon, and this look counts as none.

    Those that were done with are new no more; those that somebody else has claimed since count more looks.
    """
    try:
        yield
    except OperationalError:
        with around("events.give_back"), connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE payments_webhookevent event
                SET next_look_at = now() + make_interval(secs => %s), looks = event.looks - 1
                FROM unnest(%s::bigint[], %s::int[]) AS given_back(id, looks)
                WHERE event.id = given_back.id AND event.looks = given_back.looks AND event.state = %s
                """,
                [
                    GIVEN_BACK_SECONDS,
                    [look.event_id for look in looks],
                    [look.looks for look in looks],
                    EventState.NEW,
                ],
            )
        raise
