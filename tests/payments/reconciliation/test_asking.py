"""Who asks for a day, and when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from choptym.lib.errors import Rejected
from payments.models import Reconciliation
from payments.reconciliation.ask import ask_for_day, ask_for_due_days
from payments.reconciliation.locks import claim_reconciliation
from tests.factories import fresh
from tests.payments.reconciliation.world import GATEWAYS, asked, make_due, today
from tests.payments.staff import acts_about, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


def noon() -> datetime:
    return datetime.combine(today(), datetime.min.time(), UTC) + timedelta(hours=12)


def days_of(gateway: str) -> list[date]:
    return list(Reconciliation.objects.filter(gateway=gateway).order_by("-day").values_list("day", flat=True))


def back(days: int) -> date:
    return today() - timedelta(days=days)


def finish(row: Reconciliation, *, state: str = "FINISHED", asked_at: datetime | None = None) -> None:
    Reconciliation.objects.filter(pk=row.pk).update(
        state=state, next_attempt_at=None, finished_at=timezone.now(), asked_at=asked_at or timezone.now()
    )


def test_the_clock_asks_for_the_last_days_of_every_gateway() -> None:
    asked_for = ask_for_due_days(noon())

    assert {gateway: days_of(gateway) for gateway in GATEWAYS} == {
        gateway: [back(1), back(2), back(3)] for gateway in GATEWAYS
    }
    assert sorted(asked_for) == sorted(Reconciliation.objects.values_list("pk", flat=True))
    assert set(Reconciliation.objects.values_list("state", flat=True)) == {"QUEUED"}


@override_settings(RECONCILE_DAYS=1)
def test_how_many_days_is_a_setting() -> None:
    ask_for_due_days(noon())

    assert days_of("fapshi") == [back(1)]


@override_settings(RECONCILE_DAYS=1)
def test_a_day_is_left_half_an_hour_to_end() -> None:
    midnight = noon() - timedelta(hours=12)

    ask_for_due_days(midnight + timedelta(minutes=29))
    assert days_of("fapshi") == [back(2)]
    ask_for_due_days(midnight + timedelta(minutes=31))
    assert days_of("fapshi") == [back(1), back(2)]


@pytest.mark.parametrize("state", ["FINISHED", "FAILED"])
@override_settings(RECONCILE_DAYS=1)
def test_each_day_is_asked_for_once_a_day(state: str) -> None:
    ask_for_due_days(noon())
    row = Reconciliation.objects.get(gateway="fapshi")
    finish(row, state=state)
    assert row.pk not in ask_for_due_days(noon() + timedelta(hours=1))

    finish(row, state=state, asked_at=noon() - timedelta(hours=13))
    assert row.pk in ask_for_due_days(noon())
    assert fresh(row).state == "QUEUED"


def test_asked_for_again_it_is_done_again() -> None:
    row = asked("fapshi", back(9))
    finish(row)
    Reconciliation.objects.filter(pk=row.pk).update(problem="silence", rechecks=3, attempts_made=2)

    again = ask_for_day("fapshi", back(9))

    assert (again.pk, again.state, again.problem) == (row.pk, "QUEUED", "")
    assert (again.rechecks, again.attempts_made) == (0, 0)


def test_one_that_is_under_way_is_not_begun_a_second_time() -> None:
    row = asked("fapshi", back(1))
    job = claim_reconciliation(row.pk)
    assert job is not None

    again = ask_for_day("fapshi", back(1))

    assert (again.next_attempt_at, again.begun_at is None) == (job.leased_until, False)
    assert claim_reconciliation(row.pk) is None


def test_one_that_waits_for_a_second_try_is_done_at_once() -> None:
    row = asked("fapshi", back(1))
    later = timezone.now() + timedelta(hours=3)
    Reconciliation.objects.filter(pk=row.pk).update(next_attempt_at=later, problem="silence")

    ask_for_day("fapshi", back(1))

    assert fresh(row).next_attempt_at < later  # type: ignore[operator]
    assert make_due(row).problem == ""


@pytest.mark.parametrize(("gateway", "days", "code"), [("fapshi", -1, "future_day"), ("mpesa", 1, "unknown_gateway")])
def test_what_cannot_be_compared_is_refused(gateway: str, days: int, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        ask_for_day(gateway, back(days))

    assert caught.value.code == code
    assert not Reconciliation.objects.exists()


@pytest.mark.parametrize("day", [date.min, date(1990, 1, 1), date(2019, 12, 31)])
def test_a_year_typed_wrongly_is_refused(day: date) -> None:
    with pytest.raises(Rejected) as caught:
        ask_for_day("fapshi", day)

    assert (caught.value.code, list(caught.value.fields)) == ("day_too_early", ["day"])
    assert not Reconciliation.objects.exists()
    assert ask_for_day("fapshi", date(2020, 1, 1)).state == "QUEUED"


@pytest.mark.invariant("INV-10")
def test_what_staff_ask_for_is_in_the_audit_log() -> None:
    actor = make_staff("finance")

    row = ask_for_day("campay", back(1), actor_id=actor.pk, reason="the bank asks")
    with pytest.raises(Rejected):
        ask_for_day("campay", back(2), actor_id=actor.pk, reason=" ")

    assert acts_about(f"reconciliation:{row.pk}") == [(actor.username, "run_reconciliation", "the bank asks")]
    assert row.asked_by == actor
    assert days_of("campay") == [back(1)]
