"""The clean-up beside payments: it waits for nobody, holds nobody up, and what it moves is not lost between two."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from payments import tasks
from payments.housekeeping import jobs
from payments.housekeeping.months import make_months, take_old_months_away
from payments.locks import lock_payments
from payments.models import History, Job, PaymentAttempt
from payments.settle import settle_batch
from tests.factories import fresh, make_pending, paid
from tests.payments.books import entries_of
from tests.payments.housekeeping.aged import clean, is_there, old_failure, old_try
from tests.races.track import at_once

TRIES = "tries that took no money"


def timed(action: Callable[[], object]) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


@contextmanager
def slow_moves(seconds: float) -> Iterator[None]:
    """Every row that is moved takes so long, while what the step has locked is locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER slow_move AFTER INSERT ON payments_history "
            f"FOR EACH ROW EXECUTE FUNCTION race_sleep('{seconds}')"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER slow_move ON payments_history")


def nothing_else_is_due() -> None:
    while clean(TRIES):
        pass


def test_a_clean_up_skips_what_somebody_works_on_and_does_not_wait() -> None:
    busy, free = old_try(old_failure()), old_try(old_failure())

    with transaction.atomic():
        lock_payments([busy.payment_id])
        [seconds] = at_once(partial(timed, partial(clean, TRIES)))

    assert seconds < 0.4
    assert (is_there(busy), is_there(free)) == (True, False)
    clean(TRIES)
    assert not is_there(busy)


@pytest.mark.parametrize("mine", ["payments_paymentattempt", "payments_payment"])
def test_a_clean_up_skips_a_row_that_a_person_holds_with_sql(mine: str) -> None:
    busy, free = old_try(old_failure()), old_try(old_failure())
    held = busy.pk if mine == "payments_paymentattempt" else busy.payment_id

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT FROM {mine} WHERE id = %s FOR UPDATE", [held])
        [seconds] = at_once(partial(timed, partial(clean, TRIES)))

    assert seconds < 0.4
    assert (is_there(busy), is_there(free)) == (True, False)


def test_payments_go_on_while_a_slow_step_moves_old_tries() -> None:
    nothing_else_is_due()
    old_try(old_failure())
    payment, _ = make_pending()
    fact = paid(payment)

    def settle_meanwhile() -> float:
        time.sleep(0.4)  # the step has its locks by then
        return timed(partial(settle_batch, [fact]))

    with slow_moves(1.5):
        moved, seconds = at_once(partial(clean, TRIES), settle_meanwhile)

    assert moved == 1
    assert seconds < 0.8
    assert fresh(payment).state == "SETTLED"


@pytest.mark.invariant("INV-6")
def test_money_that_comes_while_its_try_is_on_the_move_is_booked_with_it() -> None:
    nothing_else_is_due()
    payment = old_failure()
    attempt = old_try(payment)
    fact = paid(payment)

    def settle_meanwhile() -> None:
        time.sleep(0.4)
        settle_batch([fact])

    with slow_moves(1.0):
        moved, nothing = at_once(partial(clean, TRIES), settle_meanwhile)

    assert (moved, nothing) == (1, None)
    assert (fresh(payment).state, fresh(attempt).state) == ("SETTLED", "PAID")
    assert "capture" in entries_of(payment)
    assert History.objects.filter(kind="attempt", row_id=attempt.pk).count() == 0


def test_two_clean_ups_at_once_move_each_row_once() -> None:
    payment = old_failure()
    tries = [old_try(payment) for _ in range(30)]

    with override_settings(CLEANUP_STEP_ROWS=10):
        counts = at_once(*[partial(clean, TRIES)] * 4)
        while clean(TRIES):
            pass

    assert max(counts) <= 10
    assert PaymentAttempt.objects.filter(payment=payment).count() == 0
    assert sorted(History.objects.filter(about=f"payment:{payment.pk}").values_list("row_id", flat=True)) == sorted(
        one.pk for one in tries
    )


@override_settings(HISTORY_KEPT_FOR_MONTHS=1)
def test_a_month_that_somebody_reads_is_left_for_the_next_time() -> None:
    make_months(datetime(2031, 1, 1, tzinfo=UTC))
    late = partial(take_old_months_away, datetime(2031, 3, 1, tzinfo=UTC))

    with transaction.atomic():
        list(History.objects.filter(about="payment:1"))
        begin = time.monotonic()
        [gone] = at_once(late)
        waited = time.monotonic() - begin

    assert gone == []
    assert waited < 2
    assert late() == ["payments_history_2031_01"]


def test_several_who_look_after_the_months_at_once_make_and_drop_each_once() -> None:
    for year in range(2040, 2060):
        january, later = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 5, 1, 1, tzinfo=UTC)

        made = at_once(*[partial(make_months, january)] * 6)
        make_months(january)  # whoever did not get the lock left its month to the next turn
        gone = at_once(*[partial(take_old_months_away, later)] * 6)
        take_old_months_away(later)

        assert not [error for error in made + gone if isinstance(error, Exception)]
        names = [name for some in made for name in some]
        assert len(names) == len({*names})


ONE = {"raced": {"task": "payments.tasks.tidy_months", "seconds": 600}}


@override_settings(PERIODIC_JOBS=ONE)
def test_of_many_who_tick_at_once_one_runs_the_slot() -> None:
    now = timezone.now()

    for slot in range(1, 6):
        claims = at_once(*[partial(jobs.claim_job, "raced", now + slot * jobs._period(ONE["raced"]))] * 6)

        [run] = [claim for claim in claims if claim is not None]
        assert not isinstance(run, Exception)
        assert jobs.finish_job(run)
        assert Job.objects.get(name="raced").runs == slot


def test_the_books_are_proved_as_a_job() -> None:
    tasks.run_job("the books")

    row = Job.objects.get(name="the books")
    assert (row.problem, row.leased_until) == ("", None)
    assert row.finished_at is not None
