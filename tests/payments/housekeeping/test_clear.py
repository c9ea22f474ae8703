"""Cleaning up by the clock, and because a person says so."""

import pytest
from django.test import override_settings

from choptym.audit.models import Act
from choptym.lib.errors import Rejected
from payments.housekeeping import tidy
from payments.housekeeping.clear import clear_completed
from payments.models import WebhookEvent
from tests.payments.housekeeping.aged import is_there, old_event, old_failure, old_settled, old_try
from tests.payments.staff import make_staff

pytestmark = pytest.mark.django_db


@override_settings(CLEANUP_STEP_ROWS=2)
def test_a_person_has_everything_completed_cleaned_up_and_is_told_of_it() -> None:
    person, payment = make_staff("operators"), old_failure()
    for _ in range(5):
        old_event(payment)
    attempt, young = old_try(payment), old_event(old_settled(1), 1)
    said: list[str] = []

    counts = clear_completed(actor_id=person.pk, reason="disk is filling up", say=said.append)

    assert {kind: count for kind, count in counts.items() if count} == {
        "webhook events": 5,
        "tries that took no money": 1,
    }
    assert said == ["webhook events: 2", "tries that took no money: 1", "webhook events: 4", "webhook events: 5"]
    assert (is_there(attempt), is_there(young)) == (False, True)
    [act] = Act.objects.filter(verb="clear_completed")
    assert (act.actor_id, act.about, act.reason) == (person.pk, "queue:all", "disk is filling up")


def test_without_a_reason_nothing_is_cleaned_up() -> None:
    event = old_event(None)

    with pytest.raises(Rejected):
        clear_completed(actor_id=make_staff().pk, reason=" ")

    assert is_there(event)


@override_settings(CLEANUP_STEP_ROWS=1)
def test_a_run_by_the_clock_ends_when_its_time_is_up_and_says_that_something_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(9):
        old_event(None)
    monkeypatch.setattr(tidy, "MOST_SECONDS", 0)

    assert tidy.tidy_up() is True
    assert WebhookEvent.objects.count() >= 8

    monkeypatch.undo()
    assert tidy.tidy_up() is False
    assert WebhookEvent.objects.count() == 0
