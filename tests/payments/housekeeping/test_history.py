"""What was archived is still told, found, and called back when a gateway names it."""

import uuid

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from notifications.models import Notification, NotificationState
from payments.confirm import confirm_batch
from payments.events import known_attempts
from payments.find import payments_like
from payments.history import call_tries_back
from payments.housekeeping.step import take_steps
from payments.locks import claim_events
from payments.match import match_batch
from payments.models import History, Payment, PaymentAttempt, WebhookEvent
from payments.prove import find_breaks
from payments.settle import settle_batch
from payments.states import AttemptState
from payments.story import read_story
from tests.factories import fresh, make_event, make_pending, paid
from tests.gateways import switched_on
from tests.payments.books import entries_of
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
from tests.payments.signed import india_on, said, tell

pytestmark = pytest.mark.django_db


def titles(payment: Payment) -> list[str]:
    return [moment.step.title for moment in read_story(payment.pk).moments]


def test_the_story_of_a_payment_is_the_same_after_its_tries_and_events_are_archived() -> None:
    payment = old_settled(settings.ATTEMPTS_KEPT_FOR_DAYS + 1)
    age(payment.attempts.get(), settings.ATTEMPTS_KEPT_FOR_DAYS + 1, "started_at")
    old_try(payment, settings.ATTEMPTS_KEPT_FOR_DAYS + 1)
    old_event(payment, settings.ATTEMPTS_KEPT_FOR_DAYS + 1)
    before = titles(payment)

    list(take_steps())

    assert (payment.attempts.count(), payment.events.count()) == (1, 0)
    assert titles(payment) == before
    assert "Try 2: fapshi is asked to collect" in before
    assert "fapshi told us: SUCCESSFUL" in before


def test_the_story_says_what_is_not_kept_any_more() -> None:
    told = "So long after its end some of this is not kept any more"
    young, old, ancient = (old_settled(days) for days in (settings.PAPERS_KEPT_FOR_DAYS - 1, 200, EVER))

    lines = {
        p.pk: [m.step.lines for m in read_story(p.pk).moments if m.step.title == told] for p in (young, old, ancient)
    }

    assert lines[young.pk] == []
    assert lines[old.pk] == [("the words of the calls to the gateway",)]
    assert len(lines[ancient.pk][0]) == 2


@pytest.mark.invariant("INV-3")
def test_the_books_prove_the_same_after_a_clean_up() -> None:
    payment = old_settled()
    old_try(payment)
    old_event(payment)
    Notification.objects.update(created_at=days_ago(EVER), state=NotificationState.SENT)
    assert find_breaks() == {}

    cleaned = sum(count for _, count in take_steps())

    assert cleaned >= 3
    assert find_breaks() == {}


@override_settings(NOTIFICATIONS_KEPT_FOR_DAYS=14)
def test_a_payment_of_late_that_nobody_was_told_of_is_still_a_break() -> None:
    payment = old_settled(13)
    Notification.objects.filter(about=f"payment:{payment.pk}").delete()

    assert "settled_without_message" in find_breaks()


def test_staff_find_a_payment_by_a_try_that_is_archived() -> None:
    payment = old_failure()
    attempt = old_try(payment)
    clean("tries that took no money")

    for text in (attempt.transaction_id, str(attempt.reference).upper()):
        assert list(Payment.objects.filter(payments_like(text))) == [payment]


@pytest.mark.parametrize("by", ["reference", "transaction_id"])
def test_an_archived_try_that_an_event_names_is_called_back_as_it_was(by: str) -> None:
    attempt = old_try(old_failure())
    before = PaymentAttempt.objects.filter(pk=attempt.pk).values().get()
    clean("tries that took no money")
    assert not is_there(attempt)
    make_event(**{by: str(getattr(attempt, by))})

    [match] = known_attempts(claim_events("fapshi", 10)).values()

    assert match.attempt.pk == attempt.pk
    assert PaymentAttempt.objects.filter(pk=attempt.pk).values().get() == before
    assert archived("attempt", attempt) == []


def test_an_event_that_names_nothing_calls_nothing_back() -> None:
    attempt = old_try(old_failure(), transaction_id="")
    clean("tries that took no money")
    make_event(reference="", transaction_id="")
    make_event(reference=str(uuid.uuid4()), transaction_id="another")

    assert known_attempts(claim_events("fapshi", 10)) == {}

    assert not is_there(attempt)


def test_a_try_whose_id_another_has_stays_where_it_is() -> None:
    attempt = old_try(old_failure(), transaction_id="same")
    clean("tries that took no money")
    other = old_try(old_failure(), transaction_id="same")

    assert call_tries_back(references=[str(attempt.reference)]) == 0

    assert (is_there(attempt), is_there(other), len(archived("attempt", attempt))) == (False, True, 1)


@pytest.mark.invariant("INV-6")
def test_money_that_comes_for_an_archived_try_is_booked() -> None:
    payment = old_failure(gateway="razorpay", currency="XAF")
    attempt = old_try(payment)
    clean("tries that took no money")

    with india_on():
        tell(attempt, said(attempt, money=payment.amount, fee=None))
        match_batch("razorpay")

    assert (fresh(payment).state, fresh(attempt).state) == ("SETTLED", "PAID")
    assert "capture" in entries_of(payment)
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("gateway", ["", "fapshi"])
def test_money_that_comes_while_its_try_is_being_archived_is_booked_with_it(gateway: str) -> None:
    """Between the look at the try and the lock of its payment."""
    payment = old_failure()
    attempt = old_try(payment)
    fact = paid(payment, gateway=gateway)
    clean("tries that took no money")

    settle_batch([fact])

    assert (fresh(payment).state, fresh(attempt).state) == ("SETTLED", "PAID")
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
def test_a_payment_that_became_due_while_its_try_was_archived_is_asked_about_with_it() -> None:
    """A day's list names a try in the moment in which it is archived: its payment is due, and seems to have none."""
    payment = old_failure()
    attempt = old_try(payment)
    clean("tries that took no money")
    Payment.objects.filter(pk=payment.pk).update(next_check_at=days_ago(0.01))

    with switched_on():
        confirm_batch("fapshi")

    assert is_there(attempt)
    due = fresh(payment).next_check_at
    assert due is not None
    assert due <= timezone.now()


def test_a_payment_that_is_due_and_never_had_a_try_is_left_alone() -> None:
    payment = old_failure()
    Payment.objects.filter(pk=payment.pk).update(next_check_at=days_ago(0.01))

    with switched_on():
        confirm_batch("fapshi")

    assert fresh(payment).next_check_at is None


@pytest.mark.invariant("INV-6")
def test_a_second_money_whose_try_is_being_archived_goes_into_the_wallet() -> None:
    payment = old_settled()
    attempt = old_try(payment)
    fact = paid(payment, attempt_id=attempt.pk, gateway=payment.gateway)
    clean("tries that took no money")

    settle_batch([fact])

    assert fresh(attempt).state == AttemptState.SURPLUS
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", ["fapshi", "razorpay"])
def test_an_archived_event_that_is_told_again_changes_nothing(gateway: str) -> None:
    payment, attempt = make_pending(gateway=gateway)
    settle_batch([paid(payment)])
    with india_on():
        event = tell(attempt, said(attempt, money=payment.amount, fee=None))
        match_batch(gateway)
        age(payment, EVER, "finished_at", "settled_at")
        age(event, EVER, "received_at")
        assert clean("webhook events") == 1
        books = entries_of(payment)

        tell(attempt, said(attempt, money=payment.amount, fee=None), key=event.key)
        match_batch(gateway)

    again = WebhookEvent.objects.get(payment=payment)
    assert (again.key, again.state, again.next_look_at) == (event.key, "MATCHED", None)
    assert entries_of(payment) == books
    assert fresh(payment).next_check_at is None
    assert find_breaks() == {}


def test_the_history_refers_to_nothing() -> None:
    """So that no month of it holds anything up."""
    assert [field.name for field in History._meta.concrete_fields if field.is_relation] == []
