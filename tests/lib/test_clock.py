"""The database's time, against a real server and with a wall clock that really jumps."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import Error, connection, transaction

from choptym.lib import clock
from choptym.lib.deadline import moment

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(milliseconds=200)


@pytest.fixture(autouse=True)
def _anew(own_clock: None, django_db_blocker: Any) -> Iterator[None]:
    """Each begins as a process does: nothing was read. No table is wanted, only the server."""
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.fixture
def hurried() -> Iterator[None]:
    """A reading is made at every call."""
    with patch.object(clock, "READ_AGAIN_SECONDS", 0.0):
        yield


def databases_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at


def behind(ours: datetime) -> timedelta:
    """By how much this is behind the database's time, which is asked later."""
    return databases_time() - ours


@pytest.mark.parametrize("hours", [1, -1])
def test_the_wall_clock_may_jump_and_the_time_goes_on(hours: int) -> None:
    clock.now()

    with time_machine.travel(datetime.now(UTC) + hours * HOUR):
        assert abs(datetime.now(UTC) - databases_time()) > HOUR / 2, "it has jumped"
        assert timedelta() <= behind(clock.now()) < A_MOMENT


@pytest.mark.parametrize("hours", [1, -1])
def test_a_process_that_begins_with_a_wrong_clock_has_the_right_time(hours: int) -> None:
    with time_machine.travel(datetime.now(UTC) + hours * HOUR):
        assert timedelta() <= behind(clock.now()) < A_MOMENT


def test_it_is_never_ahead_of_the_database_so_what_is_due_now_is_due_there(hurried: None) -> None:
    for _ in range(200):
        ours = clock.now()
        assert ours <= databases_time()


def test_in_a_transaction_it_is_the_time_of_the_call() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT now(), pg_sleep(0.3)")
        began = cursor.fetchone()[0]

        assert clock.now() - began >= timedelta(seconds=0.25)


def test_it_asks_once_and_is_no_query_of_the_callers(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), patch.object(clock, "_ask", wraps=clock._ask) as asked:
        for _ in range(100):
            clock.now()

    assert asked.call_count == 1


def test_it_gives_back_a_connection_that_it_took_and_leaves_one_that_was_there() -> None:
    connection.close()
    clock.now()
    assert connection.connection is None

    databases_time()
    clock.forget()
    clock.now()
    assert connection.connection is not None


def _go_away(**_: object) -> None:
    raise Error("the database is away")


def test_while_the_database_is_away_the_last_reading_is_carried_on(hurried: None) -> None:
    clock.now()
    connection.close()

    with patch.object(connection, "ensure_connection", _go_away), time_machine.travel(datetime.now(UTC) + HOUR):
        late = clock.now()

    assert timedelta() <= behind(late) < A_MOMENT


def test_without_any_reading_it_fails_as_a_query_does_and_then_recovers() -> None:
    connection.close()

    with patch.object(connection, "ensure_connection", _go_away), pytest.raises(Error):
        clock.now()

    assert not clock.is_known()
    assert timedelta() <= behind(clock.now()) < A_MOMENT


def _lose_the_connection_in_a_transaction() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
        _end_session(pid)
        clock.now()


def test_a_transaction_hears_that_its_connection_is_gone(hurried: None) -> None:
    clock.now()

    with pytest.raises(Error):
        _lose_the_connection_in_a_transaction()


def _end_session(pid: int) -> None:
    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
        connection.close()

    other = threading.Thread(target=end)
    other.start()
    other.join()


def _fail_and_look_at_the_clock() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1 / 0")
        finally:
            clock.now()


def test_a_transaction_that_has_failed_already_is_not_asked(hurried: None) -> None:
    clock.now()

    with pytest.raises(Error, match="division by zero"):
        _fail_and_look_at_the_clock()


def test_nobody_waits_for_somebody_elses_reading(hurried: None) -> None:
    clock.now()

    with clock._lock:
        began = moment()
        clock.now()

    assert moment() - began < 0.1


def test_crowds_that_begin_together_ask_once() -> None:
    def ask() -> None:
        times.append(clock.now())

    times: list[datetime] = []
    with patch.object(clock, "_ask", wraps=clock._ask) as asked:
        crowd = [threading.Thread(target=ask) for _ in range(16)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()

    assert (asked.call_count, len(times)) == (1, 16)
    assert max(times) - min(times) < timedelta(seconds=5)


def test_a_thread_without_the_database_goes_by_what_is_known() -> None:
    clock.now()
    connection.close()

    with patch.object(connection, "ensure_connection", _go_away):
        assert timedelta() <= datetime.now(UTC) - clock.known() < A_MOMENT
    assert connection.connection is None


def reading(at: datetime, took_seconds: float) -> clock.Reading:
    return clock.Reading(at, moment(), took_seconds)


def test_a_reading_that_took_long_does_not_replace_a_good_one() -> None:
    good = reading(datetime.now(UTC), 0.001)
    slow = reading(good.at - timedelta(seconds=0.4), 0.5)

    assert clock._better(slow, good) is good
    assert clock._better(slow, None) is slow
    assert clock._better(reading(good.at, 0.0005), good) is not good


def test_a_good_reading_grows_doubtful_with_time() -> None:
    at = datetime.now(UTC)
    old = clock.Reading(at - HOUR, moment() - HOUR.total_seconds(), 0.001)

    assert 1 < old.doubt_seconds() < 2
    assert clock._better(new := reading(at, 0.5), old) is new


@pytest.mark.parametrize("hours", [1, -1])
def test_when_the_servers_own_clock_is_set_all_follow(hours: int) -> None:
    last = reading(datetime.now(UTC), 0.001)

    assert clock._better(jumped := reading(last.at + hours * HOUR, 0.5), last) is jumped


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_can_read_although_the_lock_was_held_at_its_birth() -> None:
    clock.now()
    with clock._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if clock._lock.acquire(blocking=False) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
