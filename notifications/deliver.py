"""Delivering what waits: claim, send with no transaction open, record. At least once."""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.template.loader import render_to_string

from choptym.lib import clock
from choptym.lib.deadline import moment
from choptym.lib.failpoints import around, commits
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from choptym.lib.states import sources_of
from notifications.channels import SENDERS, DeliveryFailed, Letter
from notifications.locks import claim_notifications
from notifications.models import NOTIFICATION_MOVES, Notification, NotificationState

log = structlog.get_logger(__name__)

# Doubled from try to try: 5 s, 10 s, 20 s … at most an hour, for a day (docs/adr/0043).
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 5, 3600
GIVEN_UP_AFTER = timedelta(days=1)
# But not before so many tries, which take an hour and a half: nobody may have been there to send it for most of a day.
LEAST_TRIES = 10
# What is left of a lease when the last call may begin: longer than a call takes, so that nobody else sends during it.
CALL_SHARE = 1 / 3
# What was sent is written down this soon, together: a statement and a commit for each message cost more than it itself.
RECORD_SECONDS = 0.05
# It waited for a thread until its lease had nearly passed: it is given back, and was not tried.
_TOO_LATE = DeliveryFailed("its turn came after its lease")

# A message, and why it was not sent; None when it was.
Outcome = tuple[Notification, DeliveryFailed | None]


def deliver_batch() -> int:
    """Send up to one batch of messages that are due. Returns how many were claimed; 0 when none waits.

    Network: one call per message, several at a time. Commits: all that were sent within RECORD_SECONDS, or the whole
    batch. A crash between sending and recording sends messages again after their lease: customers may be told twice,
    never not.
    """
    began = moment()
    batch = claim_notifications(settings.NOTIFICATION_BATCH_SIZE)
    if not batch:
        return 0
    refuse_in_transaction()
    give_back_connections()
    waiting, sendings = deque(batch), _Sendings(len(batch))
    for _ in range(min(len(batch), settings.NOTIFICATION_THREADS)):
        _threads().submit(_send_each, began, waiting, sendings)
    try:
        while sendings.are_awaited():
            _record(sendings.take(RECORD_SECONDS))
    finally:
        waiting.clear()  # nobody would write down that it was sent
    return len(batch)


class _Sendings:
    """What became of the messages of one batch: put in by those who send, taken out by the one who writes it down."""

    def __init__(self, count: int) -> None:
        self._awaited = count
        self._ended: list[Outcome] = []
        self._all_ended = threading.Condition()

    def are_awaited(self) -> bool:
        """Whether some were not taken out yet."""
        return self._awaited > 0

    def put(self, outcome: Outcome) -> None:
        with self._all_ended:
            self._ended.append(outcome)
            if len(self._ended) == self._awaited:
                self._all_ended.notify()

    def take(self, seconds: float) -> list[Outcome]:
        """Those that ended within so many seconds; without waiting, when they are all that are awaited."""
        with self._all_ended:
            self._all_ended.wait_for(lambda: len(self._ended) == self._awaited, seconds)
            ended, self._ended = self._ended, []
            self._awaited -= len(ended)
        return ended


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.NOTIFICATION_THREADS, thread_name_prefix="deliver")


def _send_each(began: float, waiting: deque[Notification], sendings: _Sendings) -> None:
    """Runs in a thread of its own, without the database: one after the other, until none of the batch waits."""
    while True:
        try:
            row = waiting.popleft()
        except IndexError:
            return
        sendings.put((row, _send(began, row)))


def _send(began: float, row: Notification) -> DeliveryFailed | None:
    if moment() >= began + settings.NOTIFICATION_LEASE_SECONDS * (1 - CALL_SHARE):
        return _TOO_LATE
    try:
        letter = write_letter(row)
        with around("send", row.channel):
            SENDERS[row.channel](letter)
    except DeliveryFailed as error:
        return error
    except Exception as error:
        log.exception("a message could not be written or sent", notification=row.pk)
        return DeliveryFailed(type(error).__name__)
    return None


def write_letter(row: Notification) -> Letter:
    """The message in the customer's language. The first line of the template is the subject."""
    name = f"notifications/{row.kind}.{row.language}.txt"
    subject, _, text = render_to_string(name, row.context).strip().partition("\n")
    return Letter(address=row.address, subject=subject.strip(), text=text.strip())


def _record(outcomes: Sequence[Outcome]) -> None:
    sent = [row.pk for row, problem in outcomes if problem is None]
    if sent:
        _record_sent(sent)
    for row, problem in outcomes:
        if problem is not None:
            _record_failure(row, problem)


@commits("notify.sent")
def _record_sent(ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE notifications_notification SET state = %s, sent_at = now(), problem = ''
            WHERE id = ANY(%s) AND state = ANY(%s)
            """,
            [NotificationState.SENT, list(ids), sources_of(NotificationState.SENT, NOTIFICATION_MOVES)],
        )


@commits("notify.failed")
def _record_failure(row: Notification, problem: DeliveryFailed) -> None:
    """Plan the next try, or give up where staff can see it. Only over our own lease: others may be sending it.

    What came too late for its lease was no try: it is due as before.
    """
    now = clock.now()
    waiting = Notification.objects.filter(
        pk=row.pk, state=NotificationState.WAITING, next_attempt_at=row.next_attempt_at
    )
    if problem is _TOO_LATE:
        waiting.update(next_attempt_at=now, attempts=F("attempts") - 1)
        return
    was_tried = row.attempts >= LEAST_TRIES and (row.asked_again_at or row.created_at) < now - GIVEN_UP_AFTER
    if problem.is_final or was_tried:
        waiting.update(state=NotificationState.GIVEN_UP, problem=str(problem)[:200])
        log.warning("a message could not be delivered", notification=row.pk, channel=row.channel, problem=str(problem))
        return
    delay = min(FIRST_DELAY_SECONDS * 2 ** min(row.attempts - 1, 10), LONGEST_DELAY_SECONDS)
    waiting.update(next_attempt_at=now + timedelta(seconds=delay), problem=str(problem)[:200])
