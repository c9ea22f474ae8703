"""Sending what is to be told of alerts: claim, send with no transaction open, record. At least once.

Each address has a thread of its own and a deadline for all that is sent to it at a time: one that hangs keeps nobody
else waiting, and is not tried again by this process before it has let go.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q
from prometheus_client import Counter

from choptym.lib import clock
from choptym.lib.deadline import moment
from choptym.lib.outbound import give_back_connections, refuse_in_transaction
from notifications.channels import DeliveryFailed, Letter
from notifications.channels.texts import send_to
from payments.alerts.locks import claim_notices
from payments.alerts.notices import channel_of
from payments.models import AlertNotice

log = structlog.get_logger(__name__)

FAILURES = Counter("choptym_alert_tell_failures_total", "Tries to tell of an alert that failed", ["channel"])

BATCH = 20
TELL_SECONDS = 15
# Doubled from try to try: 5 s, 10 s, 20 s … at most five minutes, for a day.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 5, 300
GIVEN_UP_AFTER = timedelta(days=1)
# The first try is asked for at once; another one by the tick after it has become due.
LEFT_LYING, TRIED_AND_LEFT_LYING = timedelta(seconds=5), timedelta(seconds=30)

# Who speaks to an address, and since when: one that hangs is left alone, one that is only busy is not.
_speaking: dict[str, tuple[threading.Thread, float]] = {}


def tell_batch() -> int:
    """Send what is due. Returns how many were claimed; 0 when none waits.

    Network: one call per notice, before anything is recorded.
    A crash between sending and recording tells it again after its lease: operators may hear twice, never not.
    """
    notices = claim_notices(BATCH)
    if not notices:
        return 0
    refuse_in_transaction()
    give_back_connections()
    problems = _send_all(notices)
    for notice in notices:
        _record(notice, problems[notice.pk])
    return len(notices)


def has_due() -> bool:
    """Whether something is to be told."""
    return AlertNotice.objects.filter(next_tell_at__lte=clock.now()).exists()


def is_left_lying() -> bool:
    """Whether what should have been told long ago was not: the worker that does it stands still, perhaps."""
    now = clock.now()
    fresh, tried = (Q(attempts=0, next_tell_at__lte=now - LEFT_LYING), Q(next_tell_at__lte=now - TRIED_AND_LEFT_LYING))
    return AlertNotice.objects.filter(fresh | tried).exists()


def _send_all(notices: Sequence[AlertNotice]) -> Mapping[int, DeliveryFailed | None]:
    """What became of each. All addresses at once, each with its own in turn."""
    addresses = {channel_of(address): address for address in settings.ALERT_URLS}
    problems: dict[int, DeliveryFailed | None] = {
        notice.pk: DeliveryFailed(f"no answer within {TELL_SECONDS} s") for notice in notices
    }
    threads = []
    for channel in dict.fromkeys(notice.channel for notice in notices):
        mine = [notice for notice in notices if notice.channel == channel]
        if channel not in addresses:
            gone = DeliveryFailed("this address is not in ALERT_URLS any more", is_final=True)
            problems |= dict.fromkeys((notice.pk for notice in mine), gone)
        elif not _still_hangs(channel):
            thread = threading.Thread(target=_send, args=(addresses[channel], mine, problems), daemon=True)
            _speaking[channel] = (thread, moment())
            threads.append(thread)
            thread.start()
    ends_at = moment() + TELL_SECONDS
    for thread in threads:
        thread.join(max(0.0, ends_at - moment()))
    return dict(problems)  # a copy: who comes back later changes nothing any more


def _still_hangs(channel: str) -> bool:
    thread, since = _speaking.get(channel, (None, 0.0))
    return thread is not None and thread.is_alive() and moment() - since >= TELL_SECONDS


def _send(address: str, notices: Sequence[AlertNotice], problems: dict[int, DeliveryFailed | None]) -> None:
    """Runs in a thread of its own, without the database."""
    for notice in notices:
        try:
            send_to(address, Letter(address="", subject=notice.title, text=notice.text))
        except DeliveryFailed as error:
            problems[notice.pk] = error
        except Exception as error:
            log.exception("an alert could not be told", notice=notice.pk, channel=notice.channel)
            problems[notice.pk] = DeliveryFailed(type(error).__name__)
        else:
            problems[notice.pk] = None


def _record(notice: AlertNotice, problem: DeliveryFailed | None) -> None:
    now = clock.now()
    waiting = AlertNotice.objects.filter(pk=notice.pk, next_tell_at__isnull=False)
    if problem is None:
        waiting.update(told_at=now, next_tell_at=None, problem="")
        return
    FAILURES.labels(notice.channel).inc()
    is_given_up = problem.is_final or notice.created_at < now - GIVEN_UP_AFTER
    delay = min(FIRST_DELAY_SECONDS * 2 ** min(notice.attempts - 1, 10), LONGEST_DELAY_SECONDS)
    waiting.update(next_tell_at=None if is_given_up else now + timedelta(seconds=delay), problem=str(problem)[:200])
    log.error(
        "an alert could not be told",
        notice=notice.pk,
        channel=notice.channel,
        attempts=notice.attempts,
        is_given_up=is_given_up,
        problem=str(problem),
    )
