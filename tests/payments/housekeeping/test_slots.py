"""What runs by the clock: each slot once, whoever ticks; what was missed is made up for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.test import override_settings

from payments import in_force, tasks
from payments.housekeeping import jobs
from payments.models import Job, Reconciliation
from payments.reconciliation.ask import ask_for_due_days

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE = {"one": {"task": "payments.tasks.tidy_months", "seconds": 600}}
EACH = {"each": {"task": "payments.tasks.sweep_missed_days", "seconds": 86_400, "each_slot": True}}


def later(**span: float) -> datetime:
    return NOON + timedelta(**span)


def run(name: str, now: datetime) -> datetime | None:
    """The slot that was run now, if any."""
    claimed = jobs.claim_job(name, now)
    return claimed.slot_at if claimed is not None and jobs.finish_job(claimed) else None


@override_settings(PERIODIC_JOBS=ONE)
def test_a_slot_is_run_once() -> None:
    assert jobs.due_jobs(NOON) == ["one"]
    assert run("one", later(minutes=3)) == NOON

    assert jobs.due_jobs(later(minutes=9)) == []
    assert run("one", later(minutes=9)) is None
    assert jobs.due_jobs(later(minutes=10)) == ["one"]
    assert run("one", later(minutes=10)) == later(minutes=10)


@override_settings(PERIODIC_JOBS=ONE)
def test_one_run_makes_up_for_all_that_were_missed() -> None:
    run("one", NOON)

    assert [run("one", later(hours=9)), run("one", later(hours=9))] == [later(hours=9), None]


@override_settings(PERIODIC_JOBS=EACH)
def test_of_a_job_whose_every_slot_counts_each_that_was_missed_is_run_in_turn() -> None:
    assert run("each", NOON) is None, "it is new: none was missed"

    slots = [run("each", later(days=3)) for _ in range(4)]

    assert slots == [later(days=day, hours=-12) for day in (1, 2, 3)] + [None]


@override_settings(PERIODIC_JOBS=EACH)
def test_an_old_database_makes_up_for_so_many_slots_only() -> None:
    run("each", NOON)

    assert run("each", later(days=900)) == later(days=900 - jobs.MOST_MISSED, hours=-12)


@override_settings(PERIODIC_JOBS=ONE)
def test_a_run_that_is_under_way_is_nobody_elses_until_its_lease_has_passed() -> None:
    dead = jobs.claim_job("one", NOON)
    soon, passed = later(seconds=jobs.LEASE_SECONDS - 1), later(seconds=jobs.LEASE_SECONDS)

    assert dead is not None
    assert (jobs.due_jobs(soon), jobs.claim_job("one", soon)) == ([], None)
    assert jobs.due_jobs(passed) == ["one"]
    heir = jobs.claim_job("one", passed)
    assert heir is not None
    assert heir.slot_at == NOON
    assert not jobs.finish_job(dead), "it was too slow: the slot is another's"
    assert jobs.finish_job(heir)


@override_settings(PERIODIC_JOBS=ONE)
@pytest.mark.parametrize("end", [jobs.finish_job, jobs.leave_job, lambda run: jobs.fail_job(run, "it hung")])
def test_who_was_too_slow_leaves_the_run_of_its_heir_alone(end: Callable[[jobs.Run], bool]) -> None:
    dead = jobs.claim_job("one", NOON)
    heir = jobs.claim_job("one", later(seconds=jobs.LEASE_SECONDS))
    assert dead is not None
    assert heir is not None

    assert not end(dead)

    row = Job.objects.get(name="one")
    assert (row.leased_until, row.problem) == (heir.leased_until, "")
    assert jobs.finish_job(heir)


@override_settings(PERIODIC_JOBS=ONE)
def test_a_slot_that_another_ran_while_we_looked_is_not_run_again() -> None:
    run("one", NOON)
    now, look = later(minutes=10), jobs._next_slot
    others: list[datetime | None] = []

    def look_and_be_overtaken(*seen: Any) -> datetime | None:
        with patch("payments.housekeeping.jobs._next_slot", look):
            others.append(run("one", now))
        return look(*seen)

    with patch("payments.housekeeping.jobs._next_slot", look_and_be_overtaken):
        mine = jobs.claim_job("one", now)

    assert (mine, others) == (None, [now])
    assert Job.objects.get(name="one").runs == 2


@override_settings(PERIODIC_JOBS=ONE)
def test_a_run_that_fails_is_tried_again_after_a_while() -> None:
    needs_a_slot = {"one": {**ONE["one"], "task": "payments.tasks.sweep_missed_days"}}
    with override_settings(PERIODIC_JOBS=needs_a_slot), pytest.raises(TypeError):
        tasks.run_job("one")

    row = Job.objects.get(name="one")
    assert "TypeError" in row.problem
    assert row.leased_until is not None
    assert jobs.due_jobs(row.leased_until - timedelta(seconds=1)) == []
    assert jobs.due_jobs(row.leased_until) == ["one"]


@override_settings(PERIODIC_JOBS={"clean-up": settings.PERIODIC_JOBS["clean-up"]})
def test_the_interval_of_the_clean_up_is_the_one_in_force_now(steered: None) -> None:
    run("clean-up", NOON)
    assert jobs.due_jobs(later(minutes=5)) == []

    with override_settings(PAYMENT_QUEUE_CLEANUP_INTERVAL_MS=60_000):
        assert in_force.current().cleanup_seconds == 60
        assert jobs.due_jobs(later(minutes=5)) == ["clean-up"]


@override_settings(PERIODIC_JOBS=ONE)
def test_what_is_left_is_due_at_once() -> None:
    claimed = jobs.claim_job("one", NOON)
    assert claimed is not None

    jobs.leave_job(claimed)

    assert run("one", later(seconds=5)) == NOON


def test_every_job_of_the_schedule_can_be_run() -> None:
    """But the books, which are read in a transaction of their own: see tests/races."""
    names = {*settings.PERIODIC_JOBS} - {"the books"}
    assert sorted(jobs.due_jobs()) == sorted({*names, "the books"})

    for name in names:
        tasks.run_job(name)

    assert set(Job.objects.values_list("problem", "leased_until")) == {("", None)}
    assert jobs.due_jobs() == ["the books"]


@pytest.mark.usefixtures("silent_gateways")
@override_settings(RECONCILE_DAYS=1)
def test_days_that_beat_was_away_for_are_compared_after_all() -> None:
    """Five days away, of which the usual look back covers one."""
    name = "days that were missed"
    jobs.claim_job(name, NOON - timedelta(days=5))

    for _ in range(6):
        claimed = jobs.claim_job(name, NOON)
        if claimed is not None:
            tasks.sweep_missed_days(claimed.slot_at.isoformat())
            jobs.finish_job(claimed)
    ask_for_due_days(NOON)

    days = Reconciliation.objects.filter(gateway="fapshi").order_by("day").values_list("day", flat=True)
    assert [day.day for day in days] == [16, 17, 18, 19, 20, 21]
