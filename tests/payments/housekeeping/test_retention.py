"""What is kept, and how long: just in, just out, and what is open for ever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.models import Notification, NotificationState
from payments.housekeeping.kept import KEPT
from payments.housekeeping.step import take_steps
from payments.models import Alert, AlertNotice, DeadLetter, IdempotencyKey, Payment, PaymentAttempt, WebhookEvent
from payments.states import TOOK_NOTHING, AttemptState, EventState, PaymentState
from tests.factories import fresh, make_notification, make_user
from tests.payments.housekeeping.aged import (
    EVER,
    age,
    archived,
    clean,
    days_ago,
    is_there,
    old_event,
    old_failure,
    old_settled,
    old_try,
)

pytestmark = pytest.mark.django_db

MINUTE = 1 / 1440


def make_key(days: float) -> IdempotencyKey:
    key = IdempotencyKey.objects.create(user=make_user(), key="k", fingerprint="f", status=202, body={})
    age(key, days, "created_at")
    return key


def make_session(days: float) -> Session:
    name = f"{timezone.now().timestamp()}"
    return Session.objects.create(session_key=name, session_data="", expire_date=days_ago(days))


def make_message(days: float, state: NotificationState = NotificationState.SENT) -> Notification:
    message = make_notification(state=state)
    age(message, days, "created_at")
    return message


def make_alert(days: float) -> Alert:
    at = days_ago(days)
    told = {"severity": "WARNING", "worst": "WARNING", "value": 120, "threshold": 100, "text": "Queue length: 120"}
    times = {"opened_at": at, "changed_at": at, "looked_at": at, "closed_at": at}
    return Alert.objects.create(rule="queue_length", **told, **times)


def make_notice(days: float) -> AlertNotice:
    at = days_ago(days)
    words = {"title": "Queue length", "text": "120", "created_at": at, "told_at": at}
    return AlertNotice.objects.create(alert=make_alert(days), change=1, channel="a", **words)


# Each makes a row that began to be done with so many days ago.
MAKERS: dict[str, tuple[Callable[[float], models.Model], float]] = {
    "idempotency keys": (make_key, settings.IDEMPOTENCY_KEPT_FOR_HOURS / 24),
    "sessions of staff": (make_session, 0),
    "notifications": (make_message, settings.NOTIFICATIONS_KEPT_FOR_DAYS),
    "webhook events": (lambda days: old_event(old_settled(), days), settings.EVENTS_KEPT_FOR_DAYS),
    "tries that took no money": (lambda days: old_try(old_failure(), days), settings.ATTEMPTS_KEPT_FOR_DAYS),
    "notices of alerts": (make_notice, settings.ALERTS_KEPT_FOR_DAYS),
    "alerts that are over": (make_alert, settings.ALERTS_KEPT_FOR_DAYS),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_a_minute_younger_than_its_retention_stays_and_a_minute_older_goes(name: str) -> None:
    make, days = MAKERS[name]
    younger, older = make(days - MINUTE), make(days + MINUTE)

    assert clean(name) == 1

    assert (is_there(younger), is_there(older)) == (True, False)


def test_every_kind_has_its_boundary_tested() -> None:
    assert [line.name for line in KEPT] == [*MAKERS, "papers of tries"]


def test_an_alert_that_is_open_or_still_told_of_stays() -> None:
    notice, is_open = make_notice(EVER), make_alert(EVER)
    AlertNotice.objects.filter(pk=notice.pk).update(told_at=None, next_tell_at=timezone.now())
    Alert.objects.filter(pk=is_open.pk).update(closed_at=None)

    list(take_steps())

    assert [is_there(row) for row in (notice, notice.alert, is_open)] == [True, True, True]


def test_the_papers_of_a_try_go_before_the_try() -> None:
    days = settings.PAPERS_KEPT_FOR_DAYS
    younger, older = old_try(old_failure(), days - MINUTE), old_try(old_settled(), days + MINUTE)

    assert clean("papers of tries") == 1

    assert (fresh(younger).request, fresh(younger).response) == ({"phone": "67…"}, {"status": "FAILED"})
    assert (fresh(older).request, fresh(older).response) == ({}, {})
    assert (fresh(older).http_status, fresh(older).latency_ms, fresh(older).state) == (200, 31, "NOT_PAID")
    assert clean("papers of tries") == 0


@pytest.mark.parametrize("state", [state for state in AttemptState if state not in TOOK_NOTHING])
def test_a_try_that_took_money_or_may_have_is_never_moved(state: AttemptState) -> None:
    payment = old_settled() if state == AttemptState.SURPLUS else old_failure()
    attempt = old_try(payment, state=state)

    assert [clean("tries that took no money"), is_there(attempt)] == [0, True]


OPEN = [PaymentState.QUEUED, PaymentState.REQUESTED, PaymentState.PENDING, PaymentState.REVIEW]


@pytest.mark.parametrize("state", OPEN)
def test_nothing_of_an_open_payment_is_touched_however_old(state: PaymentState) -> None:
    columns = {} if state == PaymentState.REVIEW else {"finished_at": None}
    payment = old_failure(state=PaymentState.FAILED)
    Payment.objects.filter(pk=payment.pk).update(state=state, **columns)
    attempt, event = old_try(payment), old_event(payment)

    list(take_steps())

    assert (is_there(attempt), is_there(event), fresh(attempt).response) == (True, True, {"status": "FAILED"})


def watched(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(next_check_at=days_ago(-1))


def set_aside(payment: Payment) -> None:
    DeadLetter.objects.create(payment=payment, reason="to be replayed")


def just_ended(payment: Payment) -> None:
    age(payment, 1, "finished_at")


@pytest.mark.parametrize("happens", [watched, set_aside, just_ended])
def test_what_somebody_may_still_need_is_not_touched(happens: Callable[[Payment], None]) -> None:
    """Its gateway is still asked, staff have it before them, or it ended yesterday, however old its first try is."""
    payment = old_failure()
    attempt, event = old_try(payment), old_event(payment)
    happens(payment)

    list(take_steps())

    assert (is_there(attempt), is_there(event), fresh(attempt).response) == (True, True, {"status": "FAILED"})


@pytest.mark.parametrize("state", [EventState.PARKED, EventState.NEW])
def test_an_event_that_is_still_looked_at_is_never_moved(state: EventState) -> None:
    event = old_event(None, state=state, next_look_at=days_ago(EVER))

    assert [clean("webhook events"), is_there(event)] == [0, True]


def test_an_event_of_nobody_is_archived_in_the_end() -> None:
    event = old_event(None)

    assert clean("webhook events") == 1

    assert [row.about for row in archived("event", event)] == [""]


def test_the_second_money_of_a_transaction_stays_to_tell_its_refund_from_the_first() -> None:
    payment = old_settled()
    attempt = payment.attempts.get()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(gateway_payment_id="pay_1")
    told: dict[str, Any] = {"gateway": payment.gateway, "transaction_id": attempt.transaction_id}
    first = old_event(payment, **told, facts={"status": {"outcome": "PAID", "gateway_payment_id": "pay_1"}})
    second = old_event(payment, **told, facts={"status": {"outcome": "PAID", "gateway_payment_id": "pay_2"}})

    clean("webhook events")

    assert (is_there(first), is_there(second)) == (False, True)


@pytest.mark.parametrize("state", [NotificationState.WAITING])
def test_a_message_that_waits_is_never_moved(state: NotificationState) -> None:
    message = make_message(EVER, state)

    assert [clean("notifications"), is_there(message)] == [0, True]


def test_a_message_that_was_given_up_is_archived_with_what_it_is_about() -> None:
    message = make_message(EVER, NotificationState.GIVEN_UP)

    clean("notifications")

    assert [(row.about, row.content["problem"]) for row in archived("notification", message)] == [(message.about, "")]


# Small steps.


@override_settings(CLEANUP_STEP_ROWS=3)
def test_a_step_takes_so_many_rows_the_oldest_first_in_one_statement() -> None:
    payment = old_failure()
    events = [old_event(payment, EVER - number) for number in range(5)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert clean("webhook events") == 3

    changes = [query["sql"] for query in queries if "payments_webhookevent" in query["sql"]]
    assert len(changes) == 1
    assert [is_there(event) for event in events] == [False, False, False, True, True]
    assert WebhookEvent.objects.filter(payment=payment).count() == 2
    assert [clean("webhook events"), clean("webhook events")] == [2, 0]


@override_settings(CLEANUP_STEP_ROWS=2)
def test_every_kind_has_its_turn_until_nothing_is_left() -> None:
    payment = old_failure()
    for _ in range(5):
        old_event(payment)
        make_key(EVER)
        make_session(1)

    steps = [(name, count) for name, count in take_steps() if count]

    assert steps[:3] == [("idempotency keys", 2), ("sessions of staff", 2), ("webhook events", 2)]
    assert sum(count for _, count in steps) == 15


def test_an_archived_row_is_whole() -> None:
    event = old_event(old_settled(), facts={"amount": 10**12})
    columns = {field.column for field in WebhookEvent._meta.concrete_fields}

    clean("webhook events")

    [row] = archived("event", event)
    assert set(row.content) == columns
    assert (row.content["payload"], row.content["facts"]) == ({"a": 1.5}, {"amount": 10**12})
    assert abs(row.archived_at - timezone.now()) < timedelta(minutes=5)
