"""The row is the job: one run at a time, taken up again after a death, tried again after a gateway's silence."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from payments.models import Reconciliation, ReconciliationBreak
from payments.reconciliation.locks import claim_reconciliation
from payments.reconciliation.run import MOST_RECHECKS, RECHECK_SECONDS, RETRY_SECONDS, Result, reconcile_day
from payments.states import PaymentState, ReconciliationState
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import (
    asked,
    breaks,
    collect_for_nobody,
    collected,
    confirm_all,
    make_due,
    reconcile,
    settled,
)

pytestmark = pytest.mark.django_db


class KilledError(BaseException):
    """Not an Exception: nobody catches it, as nobody catches a kill."""


def test_run_again_it_writes_the_same_rows(sandbox: Sandbox) -> None:
    collect_for_nobody(sandbox, "campay")
    settled(sandbox, "campay")
    first = reconcile("campay")
    rows = list(ReconciliationBreak.objects.values("pk", "kind", "state", "transaction_id", "found_at"))

    second = reconcile("campay")

    assert (first, len(rows)) == (second, 1)
    assert list(ReconciliationBreak.objects.values("pk", "kind", "state", "transaction_id", "found_at")) == rows
    row = Reconciliation.objects.get()
    assert (row.runs, row.state, row.lines_seen, row.lines_matched, row.is_complete) == (2, "FINISHED", 2, 1, True)


@pytest.mark.parametrize("step", ["reading", "comparing", "mending", "done"])
@pytest.mark.invariant("INV-1")
def test_killed_at_any_step_it_is_taken_up_after_its_lease(sandbox: Sandbox, step: str) -> None:
    payment = collected(sandbox, "fapshi")
    row = asked("fapshi")

    def kill(now: str, done: int, seen: int) -> None:
        if now == step:
            raise KilledError

    with pytest.raises(KilledError):
        reconcile_day(row.pk, watch=kill)
    assert reconcile_day(row.pk) is None
    until = fresh(row).next_attempt_at
    assert until is not None
    assert 0 < (until - timezone.now()).total_seconds() <= settings.RECONCILE_LEASE_SECONDS

    result = reconcile_day(make_due(row).pk)
    confirm_all("fapshi")
    reconcile_day(make_due(row).pk)

    assert isinstance(result, Result)
    assert fresh(payment).state == PaymentState.SETTLED
    assert [one[:2] for one in breaks("fapshi")] == [("MISSING_HERE", "MENDED")]


@pytest.mark.parametrize(("step", "written"), [("reading", 0), ("comparing", 0), ("mending", 1), ("done", 1)])
def test_whoever_lost_the_day_to_another_writes_nothing_more(sandbox: Sandbox, step: str, written: int) -> None:
    collect_for_nobody(sandbox, "fapshi")
    row = asked("fapshi")

    def lose(now: str, done: int, seen: int) -> None:
        if now == step:
            held_by_another = timezone.now() + timedelta(seconds=settings.RECONCILE_LEASE_SECONDS)
            Reconciliation.objects.filter(pk=row.pk).update(next_attempt_at=held_by_another)

    assert reconcile_day(row.pk, watch=lose) is None
    assert len(breaks("fapshi")) == written
    assert (fresh(row).runs, fresh(row).state) == (0, "QUEUED")


def test_a_gateway_that_does_not_answer_is_asked_again_later_and_then_given_up(silent_gateways: None) -> None:
    row = asked("fapshi")

    for pause in RETRY_SECONDS:
        result = reconcile_day(row.pk)
        row.refresh_from_db()
        assert result is not None
        assert result.problem.startswith("NotSent: ")
        assert row.next_attempt_at is not None
        assert abs((row.next_attempt_at - timezone.now()).total_seconds() - pause) < 5
        assert (row.state, row.problem, row.begun_at) == ("QUEUED", result.problem, None)
        make_due(row)
    reconcile_day(row.pk)

    row.refresh_from_db()
    assert (row.state, row.next_attempt_at, row.runs) == (ReconciliationState.FAILED, None, 0)
    assert row.problem.startswith("NotSent: ")


def test_one_that_dies_every_time_is_given_up_too(sandbox: Sandbox) -> None:
    row = asked("fapshi")
    for _ in range(len(RETRY_SECONDS) + 1):
        assert claim_reconciliation(row.pk) is not None
        make_due(row)

    result = reconcile_day(row.pk)

    assert result is not None
    assert (fresh(row).state, fresh(row).problem) == ("FAILED", "it was begun too often and never came to an end")


def test_after_a_mend_it_looks_again_soon_but_not_for_ever(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "campay")
    row = asked("campay")

    for number in range(1, MOST_RECHECKS + 1):
        assert reconcile_day(make_due(row).pk) is not None
        row.refresh_from_db()
        assert (row.state, row.rechecks) == ("QUEUED", number)
        assert row.next_attempt_at is not None
        assert abs((row.next_attempt_at - timezone.now()).total_seconds() - RECHECK_SECONDS) < 5
    reconcile_day(make_due(row).pk)

    assert (fresh(row).state, fresh(payment).state) == ("FINISHED", PaymentState.PENDING)
    assert [one[:2] for one in breaks("campay")] == [("MISSING_HERE", "OPEN")]


def test_it_shows_how_far_it_is_and_holds_on_while_it_works(sandbox: Sandbox) -> None:
    settled(sandbox, "razorpay")
    row = asked("razorpay")
    seen: list[tuple[str, int, int, timedelta]] = []

    def watch(step: str, done: int, lines: int) -> None:
        now = fresh(row)
        assert now.next_attempt_at is not None
        assert now.begun_at is not None
        seen.append((step, now.lines_done, now.lines_seen, now.next_attempt_at - now.begun_at))

    reconcile_day(row.pk, watch=watch)

    # The lists of two days, and in our evening of a third: it has begun in India.
    assert [one[0] for one in seen[-3:]] == ["comparing", "mending", "done"]
    assert [one[0] for one in seen[:-3]] in (["reading"] * 4, ["reading"] * 6)
    assert [one[1:3] for one in seen[-3:]] == [(0, 1), (1, 1), (1, 1)]
    assert all(one[3] >= timedelta(seconds=settings.RECONCILE_LEASE_SECONDS) for one in seen)
